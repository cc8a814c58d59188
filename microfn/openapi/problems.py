"""The problem details (RFC 9457) of microfn, as components of a document."""

from __future__ import annotations

from typing import Any

from ..http.headers import status_line
from .schemas import Schemas

__all__ = ["Problems", "phrase"]

_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_INVALID_DATA = {
    "type": "object",
    "description": "Problem details (RFC 9457) of invalid data.",
    "properties": {
        **_PROBLEM["properties"],  # type: ignore[dict-item]
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "detail": {"type": "string"},
                    "in": {"enum": ["body", "query"]},
                    "pointer": {"type": "string", "description": "A JSON pointer (RFC 6901)."},
                },
                "required": ["detail", "in", "pointer"],
            },
        },
    },
    "required": [*_PROBLEM["required"], "errors"],
}
_TEXT = {"schema": {"type": "string"}}


class Problems:
    """Responses for errors. Each status is one component, created with the first operation that has it."""

    def __init__(self, schemas: Schemas) -> None:
        self.components: dict[str, Any] = {}
        self._schemas = schemas

    def response(self, status: int) -> dict[str, Any]:
        """Return a reference to the response of microfn for a status."""
        title = phrase(status)
        name = "".join(filter(str.isalnum, title))  # names of components are ASCII
        if name not in self.components:
            content = self.invalid_data() if status == 422 else self.content()
            self.components[name] = {"description": f"{title}.", "content": content}
        return {"$ref": f"#/components/responses/{name}"}

    def content(self) -> dict[str, Any]:
        """Return the content of an error page, by media type."""
        return self._content("Problem", _PROBLEM)

    def invalid_data(self) -> dict[str, Any]:
        """Return the content of the error page for `InvalidData`."""
        return self._content("InvalidData", _INVALID_DATA)

    def _content(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        problem = {"schema": self._schemas.add(name, schema)}
        return {"application/problem+json": problem, "text/html": _TEXT, "text/plain": _TEXT}


def phrase(status: int) -> str:
    """Return the reason phrase of a status that microfn sends.

    >>> phrase(201)
    'Created'
    """
    return status_line(status)[4:]
