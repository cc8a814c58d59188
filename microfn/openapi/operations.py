"""One route as an operation of a document."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from werkzeug.exceptions import HTTPException, default_exceptions

from ..application.error_handlers import ErrorHandlers
from ..http.checks import TypeCheck
from ..http.grammar import STATUSES_WITHOUT_CONTENT
from ..http.validation import InvalidData
from ..routing.registry import Registrations
from ..routing.route import Route
from ..staticfiles import Files
from .descriptions import description_of, returned_type
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

    def make(self, route: Route, names: tuple[str, ...], registered: Registrations) -> dict[str, Any]:
        """Return the operation of a route; `names` are the names of its params.

        Raises TypeError if a type has no JSON schema, and ModuleNotFoundError if its library is not installed.
        """
        operation: dict[str, Any] = dict(description_of(route.handle))
        parameters = path_parameters(route, names)
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
        operation["responses"] = self._responses(route, registered)
        return operation

    def _responses(self, route: Route, registered: Registrations) -> dict[str, Any]:
        """Return the responses that the route declares, and those of microfn itself."""
        found = {status: self._declared(status, route, registered) for status in route.responses}
        if not any(status < 400 for status in found):
            found[200] = self._returned(route)
        for status in _own_statuses(route):
            if status not in found:
                is_own = _is_own(status, route, registered)
                found[status] = self.problems.response(status) if is_own else {"description": f"{phrase(status)}."}
        return {str(status): found[status] for status in sorted(found)}

    def _declared(self, status: int, route: Route, registered: Registrations) -> dict[str, Any]:
        declared = route.responses[status]
        if not isinstance(declared, str):
            response: dict[str, Any] = {"description": f"{phrase(status)}."}
            schema = self.schemas.of_type(declared, f"responses of {route}")
            if str(status) not in STATUSES_WITHOUT_CONTENT:
                response["content"] = {"application/json": {"schema": schema}}
            return response
        response = {"description": declared}
        if status >= 400 and _is_own(status, route, registered):
            is_check = status == 422 and route.checks
            response["content"] = self.problems.invalid_data() if is_check else self.problems.content()
        return response

    def _returned(self, route: Route) -> dict[str, Any]:
        """Return the response 200, with the return annotation of the handle, if it has a schema."""
        response: dict[str, Any] = {"description": "OK."}
        hint = returned_type(route.handle)
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


def _is_own(status: int, route: Route, registered: Registrations) -> bool:
    """Return True if the page of microfn responds to an error. An error handler can respond with anything."""
    error: HTTPException
    if status == 422 and route.checks:
        error = InvalidData("")
    else:
        error = default_exceptions.get(status, HTTPException)()
        error.code = status
    layers = (registered.handlers.get(scope) for scope in route.scope.lineage())
    return not any(handlers and ErrorHandlers(handlers).find(error) for handlers in layers)
