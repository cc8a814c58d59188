"""The applications on wheezy.web."""

from __future__ import annotations

import re
from typing import Any

from wheezy.http import HTTPResponse, WSGIApplication, accept_method, json_response
from wheezy.routing import url
from wheezy.web.middleware import bootstrap_defaults, path_routing_middleware_factory

from ..github import ROUTES
from . import Application
from .common import DOCUMENT, HELLO, TEXT, joined


def application(urls: list[Any]) -> Application:
    return WSGIApplication([bootstrap_defaults(url_mapping=urls), path_routing_middleware_factory], {})


def text(body: str) -> HTTPResponse:
    """Return a response of plain text."""
    response = HTTPResponse(TEXT)
    response.write(body)
    return response


def small() -> Application:
    @accept_method("GET")
    def index(request):
        return text(HELLO)

    @accept_method("GET")
    def hello(request):
        return text(f"Hello, {request.environ['route_args']['name']}!")

    @accept_method("GET")
    def document(request):
        return json_response(DOCUMENT)

    @accept_method("POST")
    def echo(request):
        return json_response(request.form)

    @accept_method("GET")
    def query(request):
        return text(request.query["q"][0])

    return application(
        [
            url("", index),
            url("hello/{name}", hello),
            url("json", document),
            url("echo", echo),
            url("query", query),
        ]
    )


def github() -> Application:
    methods: dict[str, list[str]] = {}
    for method, pattern in ROUTES:
        methods.setdefault(re.sub(r":(\w+)", r"{\1}", pattern), []).append(method)

    def handler(names: list[str], allowed: list[str]):
        @accept_method(tuple(allowed))
        def handle(request):
            arguments = request.environ["route_args"]
            return text(joined(arguments[name] for name in names))

        return handle

    return application(
        [url(path[1:], handler(re.findall(r"{(\w+)}", path), allowed)) for path, allowed in methods.items()]
    )
