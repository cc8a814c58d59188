"""One route as an operation of a document."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from werkzeug.exceptions import HTTPException, default_exceptions

from ..application.error_handlers import ErrorHandlers
from ..http.checks import TypeCheck
from ..http.grammar import STATUSES_WITHOUT_CONTENT
from ..http.validation import InvalidData
from ..routing.documentation import Described
from ..routing.route import Route
from ..staticfiles import Files
from .descriptions import description_of, returned_type
from .entries import Entry, Part
from .paths import path_parameters
from .problems import Problems, phrase
from .queries import query_parameters
from .schemas import Schemas

__all__ = ["Operations"]

_OF_QUERY = (414, 422)
_OF_BODY = (400, 413, 415, 422)


class Operations:
    """The operations of one document, which share its components."""

    def __init__(self) -> None:
        self.schemas = Schemas()
        self.problems = Problems(self.schemas)

    def make(self, entry: Entry) -> dict[str, Any]:
        """Return the operation of a route.

        Raises TypeError if a type has no JSON schema, and ModuleNotFoundError if its library is not installed.
        """
        route = entry.route
        operation: dict[str, Any] = dict(description_of(route.handle))
        parameters = path_parameters(route, entry.names)
        query, valid = route.checks.get("query"), route.checks.get("valid")
        if isinstance(query, TypeCheck):
            schema = self.schemas.of_check(query, f"query of {route}")
            parameters += query_parameters(schema, self.schemas)
        if parameters:
            operation["parameters"] = parameters
        if valid is not None:
            is_type = isinstance(valid, TypeCheck)
            schema = self.schemas.of_check(valid, f"valid of {route}") if is_type else {}
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        operation["responses"] = self._responses(route, entry.parts)
        return operation

    def _responses(self, route: Route, parts: tuple[Part, ...]) -> dict[str, Any]:
        """Return the responses that are declared, and those that microfn makes for the route."""
        own, *outer = parts
        declared = route.documentation.within(own.facts).responses
        found = {status: self._declared(status, described, route, own) for status, described in declared.items()}
        if not any(status < 400 for status in found):
            found[200] = self._by(route.handle, "OK.")
        for status in _own_statuses(route):
            if status not in found:
                handler = _handler_of(status, route, own)
                if handler is None:
                    found[status] = self.problems.response(status)
                else:
                    found[status] = self._by(handler, f"{phrase(status)}.")
        for part in outer:  # of the Router that this one is mounted in: its middleware responds, no error handler
            for status, described in part.facts.responses.items():
                if status not in found:
                    found[status] = self._declared(status, described, route, part)
        return {str(status): found[status] for status in sorted(found)}

    def _declared(self, status: int, declared: Described, route: Route, part: Part) -> dict[str, Any]:
        if not isinstance(declared, str):
            response: dict[str, Any] = {"description": f"{phrase(status)}."}
            schema = self.schemas.of_type(declared, f"responses of {route}")
            if str(status) not in STATUSES_WITHOUT_CONTENT:
                response["content"] = {"application/json": {"schema": schema}}
            return response
        handler = _handler_of(status, route, part) if status >= 400 else None
        if handler is not None:
            return self._by(handler, declared)
        response = {"description": declared}
        if status >= 400:
            is_check = status == 422 and route.checks
            response["content"] = self.problems.invalid_data() if is_check else self.problems.content()
        return response

    def _by(self, function: Callable[..., Any], description: str) -> dict[str, Any]:
        """Return the response of a handle or an error handler, with content if its annotation says which."""
        response: dict[str, Any] = {"description": description}
        hint = returned_type(function)
        if hint is str:
            response["content"] = {"text/plain": {"schema": {"type": "string"}}}
        elif hint is not None:
            schema: dict[str, Any] = {}
            with suppress(TypeError, ModuleNotFoundError):  # the annotation need not be for a document
                schema = self.schemas.of_type(hint, "the annotation")
            response["content"] = {"application/json": {"schema": schema}}
        return response


def _own_statuses(route: Route) -> set[int]:
    """Return the statuses of errors that microfn responds with after the pattern of the route has matched."""
    statuses: set[int] = set()
    if route.converters or isinstance(route.handle, Files):
        statuses.add(404)
    if "query" in route.checks:
        statuses.update(_OF_QUERY)
    if "valid" in route.checks:
        statuses.update(_OF_BODY)
    return statuses


def _handler_of(status: int, route: Route, part: Part) -> Callable[..., Any] | None:
    """Return the error handler that responds to an error; None if microfn's own page does."""
    error: HTTPException
    if status == 422 and route.checks:
        error = InvalidData("")
    else:
        error = default_exceptions.get(status, HTTPException)()
        error.code = status
    for scope in reversed(part.scope.lineage()):
        match = ErrorHandlers(part.registered.handlers.get(scope, {})).find(error)
        if match is not None:
            return match.handler
    return None
