"""Hints for people who come from other frameworks: their patterns, and their names."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["FOREIGN_NAMES", "ForeignName", "hint_for_pattern"]

# Not compiled when this is imported, which takes longer than most programs need it.
_FOREIGN_PARAM = r"(?<=/)[<{](\w+(?::\w+)?)[>}](?=/|$)"
_FOREIGN_TYPES = ("any", "float", "int", "path", "string", "uuid")

FOREIGN_NAMES = {
    "add_url_rule": "app.handle(method, pattern, handle)",
    "after_request": "app.use, a middleware",
    "add_route": "app.handle(method, pattern, handle)",
    "before_request": "app.use, a middleware",
    "config": "a module or a dict of your own",
    "error_handler": "app.error(status)",
    "errorhandler": "app.error(status)",
    "install": "app.use, a middleware",
    "logger": 'logging.getLogger("microfn")',
    "register_blueprint": "app.include(prefix, router)",
    "run": "`microfn run` while you develop, `microfn serve` then",
    "static": "app.serve_files(pattern, directory)",
    "teardown_request": "request.call_on_close",
    "wsgi_app": "the Router itself",
}
"""What Flask, Bottle and Falcon call it, and what it is here."""


def hint_for_pattern(pattern: str) -> str | None:
    """Return what a pattern of another framework is here; None if it is no such pattern."""
    if "\\:" in pattern or "\\*" in pattern:
        return (
            "a backslash escapes nothing here, and ':' and '*' always begin a wildcard; "
            "match the whole segment with a param, '/:name', and look at its text"
        )
    foreign = re.search(_FOREIGN_PARAM, pattern) if "<" in pattern or "{" in pattern else None
    if foreign is None:
        return None
    # Flask and werkzeug write <int:id>, bottle <id:int>, falcon and Starlette {id}.
    first, _, second = foreign[1].partition(":")
    name, kind = (second, first) if first in _FOREIGN_TYPES else (first, second)
    ours = f"'*{name}'" if kind == "path" else f"':{name}'"
    convert = f" with convert={{{name!r}: {kind}}}" if kind in ("int", "float") else ""
    return f"{foreign[0]!r} is no param here; did you mean {ours}{convert}?"


class ForeignName:
    """No attribute: it says what takes its place. PERF: a `__getattr__` would make every attribute slower."""

    def __init__(self, name: str, equivalent: str) -> None:
        self._message = f"a Router has no {name!r}; it is {equivalent}"

    def __get__(self, router: object, owner: object) -> Any:
        raise AttributeError(self._message)
