"""Security schemes, and the requirements of operations that name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..arguments import nearest

__all__ = ["Security"]

# OpenAPI 3.1, section 4.8.7.1: the names of components.
_NAME = re.compile(r"[A-Za-z0-9._-]+")


class Security:
    """The security schemes of a document.

    >>> security = Security({"token": {"type": "http", "scheme": "bearer"}})
    >>> security.requirements([{"token": []}], "security of GET /")
    [{'token': []}]

    Raises TypeError if `schemes` is no mapping of names to security scheme objects, and ValueError for a name that no
    component can have.
    """

    def __init__(self, schemes: Mapping[str, Mapping[str, Any]] | None) -> None:
        if schemes is not None and not isinstance(schemes, Mapping):
            raise TypeError(f"security_schemes must be a mapping of names to schemes, got {schemes!r:.200}")
        self.schemes = {name: _checked(name, scheme) for name, scheme in (schemes or {}).items()}

    def requirements(self, given: Iterable[dict[str, list[str]]], place: str) -> list[dict[str, list[str]]]:
        """Return requirements as a list. Raises ValueError, naming the place, for a scheme that is not there."""
        listed = [dict(one) for one in given]
        for name in (name for one in listed for name in one):
            if name not in self.schemes:
                near = nearest(name, self.schemes)
                known = ", ".join(self.schemes) or "none: openapi(app, ..., security_schemes={...}) has them"
                hint = f"did you mean {near!r}?" if near else f"there are {known}"
                raise ValueError(f"{place} must name security_schemes, got {name!r:.200}; {hint}")
        return listed


def _checked(name: object, scheme: object) -> dict[str, Any]:
    if not isinstance(name, str):
        raise TypeError(f"security_schemes must have names that are texts, got {name!r:.200}")
    if not _NAME.fullmatch(name):
        raise ValueError(f"security_schemes must have names of ASCII letters, digits, '.', '-' and '_', got {name!r}")
    if not isinstance(scheme, Mapping):
        raise TypeError(f"security_schemes must have schemes that are dicts, got {scheme!r:.200} for {name!r}")
    if not isinstance(scheme.get("type"), str):
        hint = 'a type, such as {"type": "http", "scheme": "bearer"}'
        raise TypeError(f"security_schemes must have schemes with {hint}, got {scheme!r:.200} for {name!r}")
    return dict(scheme)
