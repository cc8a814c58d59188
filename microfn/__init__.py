"""microfn: a WSGI micro-framework on a radix tree.

>>> from microfn import Router
>>> app = Router()
>>> @app.get("/hello/:name")
... def hello(request, params):
...     return f"Hello {params['name']}!"
>>> app.test_client().get("/hello/World").text
'Hello World!'
"""

from werkzeug.exceptions import abort

from .application.registration import Group
from .errors import InvalidHandle, InvalidMethod, InvalidPattern, InvalidUrl, RouteConflict, RouteError
from .host_switch import HostSwitch
from .http.request import Request
from .http.response import Response, html, redirect
from .router import Router
from .routing.converters import natural
from .routing.route import Route
from .sse import Event, event_stream

__all__ = [
    "Event",
    "Group",
    "HostSwitch",
    "InvalidHandle",
    "InvalidMethod",
    "InvalidPattern",
    "InvalidUrl",
    "Request",
    "Response",
    "Route",
    "RouteConflict",
    "RouteError",
    "Router",
    "abort",
    "event_stream",
    "html",
    "natural",
    "redirect",
]

__version__ = "0.1.0"
