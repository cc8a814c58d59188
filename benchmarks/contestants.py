"""The same applications on each framework, written as its own documentation does it.

`small` has five routes; `github` the 203 of github.py, each of which answers with the values of its parameters. `bare`
is a hand-written WSGI function for each row that does just that row's job: the limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from .github import ROUTES

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

DOCUMENT = {"message": "Hello, World!", "items": [1, 2, 3], "ok": True, "user": {"id": 7, "name": "Ann"}}
TEXT = "text/plain; charset=utf-8"


def joined(values: Iterable[str]) -> str:
    return "/".join(values)


# microfn


def microfn_small(made: Callable[[str], Any] = str) -> Application:
    """`made` is what the handles make of their texts."""
    from microfn import Router

    app = Router()

    @app.get("/")
    def index(request, params):
        return made("Hello, World!")

    @app.get("/hello/:name")
    def hello(request, params):
        return made(f"Hello, {params['name']}!")

    @app.get("/json")
    def document(request, params):
        return DOCUMENT

    @app.post("/echo")
    def echo(request, params):
        return request.json

    @app.get("/query")
    def query(request, params):
        return request.args["q"]

    return app


def microfn_github(made: Callable[[str], Any] = str) -> Application:
    from microfn import Router

    app = Router()
    for method, pattern in ROUTES:
        app.handle(method, pattern, lambda request, params: made(joined(params.values())))
    return app


def with_middleware(app: Any) -> Application:
    """The same Router with one middleware, which does nothing."""

    @app.use
    def nothing(handle):
        def through(request, params):
            return handle(request, params)

        return through

    return app


# falcon


def falcon_small() -> Application:
    import falcon

    class Index:
        def on_get(self, req, resp):
            resp.content_type = TEXT
            resp.text = "Hello, World!"

    class Hello:
        def on_get(self, req, resp, name):
            resp.content_type = TEXT
            resp.text = f"Hello, {name}!"

    class Document:
        def on_get(self, req, resp):
            resp.media = DOCUMENT

    class Echo:
        def on_post(self, req, resp):
            resp.media = req.get_media()

    class Query:
        def on_get(self, req, resp):
            resp.content_type = TEXT
            resp.text = req.get_param("q")

    app = falcon.App()
    app.add_route("/", Index())
    app.add_route("/hello/{name}", Hello())
    app.add_route("/json", Document())
    app.add_route("/echo", Echo())
    app.add_route("/query", Query())
    return app


def falcon_github() -> Application:
    import falcon

    def responder(self, req, resp, **params):
        resp.content_type = TEXT
        resp.text = joined(params.values())

    methods: dict[str, dict[str, Any]] = {}
    for method, pattern in ROUTES:
        methods.setdefault(re.sub(r":(\w+)", r"{\1}", pattern), {})[f"on_{method.lower()}"] = responder
    app = falcon.App()
    for template, responders in methods.items():
        app.add_route(template, type("Resource", (), responders)())
    return app


# bottle


def bottle_small() -> Application:
    import bottle

    app = bottle.Bottle()

    @app.get("/")
    def index():
        bottle.response.content_type = TEXT
        return "Hello, World!"

    @app.get("/hello/<name>")
    def hello(name):
        bottle.response.content_type = TEXT
        return f"Hello, {name}!"

    @app.get("/json")
    def document():
        return DOCUMENT

    @app.post("/echo")
    def echo():
        return bottle.request.json

    @app.get("/query")
    def query():
        bottle.response.content_type = TEXT
        return bottle.request.query["q"]

    return app


def bottle_github() -> Application:
    import bottle

    app = bottle.Bottle()

    def handle(**params):
        bottle.response.content_type = TEXT
        return joined(params.values())

    for method, pattern in ROUTES:
        app.route(re.sub(r":(\w+)", r"<\1>", pattern), method=method, callback=handle)
    return app


# wheezy.web


def wheezy(urls: list[Any]) -> Application:
    from wheezy.http import WSGIApplication
    from wheezy.web.middleware import bootstrap_defaults, path_routing_middleware_factory

    return WSGIApplication([bootstrap_defaults(url_mapping=urls), path_routing_middleware_factory], {})


def wheezy_small() -> Application:
    from wheezy.http import HTTPResponse, accept_method, json_response
    from wheezy.routing import url

    def text(body: str) -> HTTPResponse:
        response = HTTPResponse(TEXT)
        response.write(body)
        return response

    @accept_method("GET")
    def index(request):
        return text("Hello, World!")

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

    return wheezy(
        [
            url("", index),
            url("hello/{name}", hello),
            url("json", document),
            url("echo", echo),
            url("query", query),
        ]
    )


def wheezy_github() -> Application:
    from wheezy.http import HTTPResponse, accept_method
    from wheezy.routing import url

    methods: dict[str, list[str]] = {}
    for method, pattern in ROUTES:
        methods.setdefault(re.sub(r":(\w+)", r"{\1}", pattern), []).append(method)

    def handler(names: list[str], allowed: list[str]):
        @accept_method(tuple(allowed))
        def handle(request):
            response = HTTPResponse(TEXT)
            arguments = request.environ["route_args"]
            response.write(joined(arguments[name] for name in names))
            return response

        return handle

    return wheezy([url(path[1:], handler(re.findall(r"{(\w+)}", path), allowed)) for path, allowed in methods.items()])


# flask


def flask_small() -> Application:
    import flask

    app = flask.Flask("small")

    @app.get("/")
    def index():
        return flask.Response("Hello, World!", content_type=TEXT)

    @app.get("/hello/<name>")
    def hello(name):
        return flask.Response(f"Hello, {name}!", content_type=TEXT)

    @app.get("/json")
    def document():
        return DOCUMENT

    @app.post("/echo")
    def echo():
        return flask.request.get_json()

    @app.get("/query")
    def query():
        return flask.Response(flask.request.args["q"], content_type=TEXT)

    return app


def flask_github() -> Application:
    import flask

    app = flask.Flask("github")
    for number, (method, pattern) in enumerate(ROUTES):
        app.add_url_rule(
            re.sub(r":(\w+)", r"<\1>", pattern),
            f"route{number}",
            lambda **params: flask.Response(joined(params.values()), content_type=TEXT),
            methods=[method],
        )
    return app


# bare: a function for each row


def bare_hello() -> Application:
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", "13")])
        return [b"Hello, World!"]

    return app


def bare_param() -> Application:
    def app(environ, start_response):
        body = f"Hello, {environ['PATH_INFO'][7:]}!".encode()
        start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", str(len(body)))])
        return [body]

    return app


def bare_json() -> Application:
    def app(environ, start_response):
        body = json.dumps(DOCUMENT).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return app


def bare_404() -> Application:
    paths = {"/": 1, "/json": 1, "/echo": 1, "/query": 1}

    def app(environ, start_response):
        if environ["PATH_INFO"] in paths:
            raise AssertionError
        start_response("404 Not Found", [("Content-Type", TEXT), ("Content-Length", "9")])
        return [b"Not Found"]

    return app


def bare_405() -> Application:
    methods = {"/json": {"GET": 1}}

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] in methods[environ["PATH_INFO"]]:
            raise AssertionError
        start_response("405 Method Not Allowed", [("Content-Type", TEXT), ("Content-Length", "18"), ("Allow", "GET")])
        return [b"Method Not Allowed"]

    return app


def bare_echo() -> Application:
    def app(environ, start_response):
        value = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        body = json.dumps(value).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return app


def bare_github() -> Application:
    def app(environ, start_response):
        parts = environ["PATH_INFO"].split("/")
        body = joined((parts[2], parts[3])).encode() if len(parts) > 5 else parts[2].encode()
        start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", str(len(body)))])
        return [body]

    return app
