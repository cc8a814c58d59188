"""microfn: a WSGI micro-framework on a radix tree.

>>> from microfn import Router
>>> app = Router()
>>> @app.get("/hello/:name")
... def hello(request, params):
...     return f"Hello {params['name']}!"
>>> app.test_client().get("/hello/World").text
'Hello World!'
"""

import sys
from typing import TYPE_CHECKING

from .application.registration import Group
from .errors import InvalidHandle, InvalidMethod, InvalidPattern, InvalidUrl, RouteConflict, RouteError
from .host_switch import HostSwitch
from .http.abort import abort
from .http.checks import validate
from .http.json import JSON
from .http.request import Request
from .http.response import Response, html, json_response, redirect
from .http.types import ErrorHandler, Handle, Middleware, Params, Result
from .http.validation import InvalidData
from .router import Router
from .routing.converters import natural
from .routing.hints import hint_for_module
from .routing.route import Route
from .server_log import quieten as _quieten
from .sse import Event, event_stream

__all__ = [
    "JSON",
    "ErrorHandler",
    "Event",
    "Group",
    "Handle",
    "HostSwitch",
    "InvalidData",
    "InvalidHandle",
    "InvalidMethod",
    "InvalidPattern",
    "InvalidUrl",
    "Middleware",
    "Params",
    "Request",
    "Response",
    "Result",
    "Route",
    "RouteConflict",
    "RouteError",
    "Router",
    "abort",
    "event_stream",
    "html",
    "json_response",
    "natural",
    "redirect",
    "validate",
]

__version__ = "0.1.0"

_quieten()

if not TYPE_CHECKING:

    def __getattr__(name: str) -> None:
        """Report the equivalent of a name of another framework."""
        message = hint_for_module(name)
        if message is None:
            raise AttributeError(f"module 'microfn' has no attribute {name!r}")
        # `from microfn import request` first looks for the name, and shows only ImportErrors of the lookup.
        asker = sys._getframe(1).f_globals.get("__name__")  # noqa: SLF001 - there is no other way to know
        is_import = asker in ("importlib._bootstrap", "_frozen_importlib")
        raise (ImportError if is_import else AttributeError)(message)
