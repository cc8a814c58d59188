"""Facts about routes that only documents show: responses, tags, security, and whether they are deprecated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType, UnionType
from typing import Any, NamedTuple, TypedDict, get_origin

from ..arguments import check_flags

__all__ = ["UNDOCUMENTED", "Documentation", "DocumentationOptions", "documentation_of"]

Described = type[Any] | UnionType | str
"""The type of the JSON of a response, or a text about it."""
Requirement = str | Mapping[str, Iterable[str]]
"""The name of a security scheme, or several that are needed together, each with its OAuth scopes."""


class DocumentationOptions(TypedDict, total=False):
    """The options of a Router, a group or a route that say these facts."""

    responses: Mapping[int, Described] | None
    tags: Iterable[str] | None
    security: Iterable[Requirement] | None
    deprecated: bool | None


class Documentation(NamedTuple):
    """The facts of one part of an application; None if it says nothing, so that the part around it holds."""

    responses: Mapping[int, Described] = MappingProxyType({})
    tags: tuple[str, ...] | None = None
    security: tuple[dict[str, list[str]], ...] | None = None
    """One of these requirements is enough. No requirement is a public route, an empty one an anonymous client."""
    deprecated: bool | None = None

    def within(self, outer: Documentation) -> Documentation:
        """Return these facts, with those of the part around it for what they do not say.

        >>> outer = documentation_of(responses={401: "Log in."}, security=["token"])
        >>> documentation_of(responses={404: "No user."}, security=[]).within(outer)[:3]
        (mappingproxy({401: 'Log in.', 404: 'No user.'}), None, ())
        """
        if outer is UNDOCUMENTED:
            return self
        return Documentation(
            MappingProxyType({**outer.responses, **self.responses}),
            outer.tags if self.tags is None else self.tags,
            outer.security if self.security is None else self.security,
            outer.deprecated if self.deprecated is None else self.deprecated,
        )


UNDOCUMENTED = Documentation()


def documentation_of(
    *,
    responses: Mapping[int, Described] | None = None,
    tags: Iterable[str] | None = None,
    security: Iterable[Requirement] | None = None,
    deprecated: bool | None = None,
) -> Documentation:
    """Return the facts that these options say. Raises TypeError and ValueError for what says none.

    >>> documentation_of(security=["token", {"oauth": ["read"], "key": []}]).security
    ({'token': []}, {'oauth': ['read'], 'key': []})
    """
    if all(option is None for option in (responses, tags, security, deprecated)):
        return UNDOCUMENTED
    if deprecated is not None:
        check_flags(deprecated=deprecated)
    return Documentation(
        UNDOCUMENTED.responses if responses is None else _checked_responses(responses),
        None if tags is None else _checked_tags(tags),
        None if security is None else _checked_security(security),
        deprecated,
    )


def _checked_responses(responses: Mapping[int, Described]) -> Mapping[int, Described]:
    """Return a copy of the responses that were given. Raises TypeError and ValueError for what describes none."""
    if not isinstance(responses, Mapping):
        raise TypeError(f"responses must be a mapping of statuses to types or texts, got {responses!r:.200}")
    for status, described in responses.items():
        if isinstance(status, bool) or not isinstance(status, int):
            raise TypeError(f"responses must have statuses that are ints, got {status!r:.200}")
        if not 200 <= status <= 599:
            raise ValueError(f"responses must have statuses from 200 to 599, got {status}")
        is_type = isinstance(described, type) or get_origin(described) is not None or hasattr(described, "__value__")
        if not (is_type or isinstance(described, str)):
            raise TypeError(f"responses must be types or texts, got {described!r:.200} for {status}")
    return MappingProxyType(dict(responses))


def _checked_tags(tags: object) -> tuple[str, ...]:
    listed = _listed("tags", "texts", tags)
    for tag in listed:
        if not isinstance(tag, str):
            raise TypeError(f"tags must be texts, got {tag!r:.200}")
    return tuple(dict.fromkeys(listed))


def _checked_security(security: object) -> tuple[dict[str, list[str]], ...]:
    return tuple(_requirement(one) for one in _listed("security", "names of schemes", security))


def _requirement(given: object) -> dict[str, list[str]]:
    if isinstance(given, str):
        return {given: []}
    if not isinstance(given, Mapping):
        raise TypeError(f"security must have names of schemes, or dicts of names to scopes, got {given!r:.200}")
    requirement = {}
    for name, scopes in given.items():
        if not isinstance(name, str):
            raise TypeError(f"security must have names that are texts, got {name!r:.200}")
        requirement[name] = _listed(f"the scopes of {name!r} in security", "texts", scopes)
        if not all(isinstance(scope, str) for scope in requirement[name]):
            raise TypeError(f"the scopes of {name!r} in security must be texts, got {scopes!r:.200}")
    return requirement


def _listed(name: str, members: str, given: object) -> list[Any]:
    """Return a list of the members. A text is no list of its letters, and a dict no list of its keys."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        hint = f"; did you mean [{given!r:.200}]?" if isinstance(given, (str, Mapping)) else ""
        raise TypeError(f"{name} must be a list of {members}, got {given!r:.200}{hint}")
    return list(given)
