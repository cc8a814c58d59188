"""The applications on bottle."""

from __future__ import annotations

import functools
import re
import time
from typing import Any

import bottle

from ..github import ROUTES
from . import Application
from .common import (
    BINARY,
    COOKIE,
    CREATED,
    DOCUMENT,
    HEADERS,
    HELLO,
    IMAGE,
    ITEMS,
    ORIGIN,
    PNG,
    SECURITY_HEADERS,
    TEXT,
    chunks,
    does_nothing,
    joined,
    measured,
    mounted,
    msgspec_user,
    pydantic_user,
    request_id_of,
    static_directory,
    write_log,
)


def small() -> Application:
    app = bottle.Bottle()

    @app.get("/")
    def index():
        bottle.response.content_type = TEXT
        return HELLO

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


def github() -> Application:
    app = bottle.Bottle()

    def handle(**params):
        bottle.response.content_type = TEXT
        return joined(params.values())

    for method, pattern in ROUTES:
        app.route(re.sub(r":(\w+)", r"<\1>", pattern), method=method, callback=handle)
    return app


def text() -> str:
    """Return a plain text, as a callback."""
    bottle.response.content_type = TEXT
    return HELLO


def everyday() -> Application:
    app = bottle.Bottle()
    add_answers(app)
    add_inputs(app)
    add_bodies(app)
    return app


def add_answers(app: bottle.Bottle) -> None:
    """Add the routes that differ in their results."""
    app.get("/text", callback=text)

    @app.get("/bytes")
    def binary():
        bottle.response.content_type = BINARY
        return IMAGE

    @app.get("/response/text")
    def response_text():
        return bottle.HTTPResponse(HELLO, content_type=TEXT)

    @app.get("/response/bytes")
    def response_bytes():
        return bottle.HTTPResponse(IMAGE, content_type=PNG)

    @app.get("/response/created")
    def response_created():
        return bottle.HTTPResponse(HELLO, 201, HEADERS, content_type=TEXT)

    @app.get("/response/header")
    def response_header():
        bottle.response.content_type = TEXT
        bottle.response.set_header("X-Version", "7")
        return HELLO

    @app.get("/response/cookie")
    def response_cookie():
        bottle.response.content_type = TEXT
        bottle.response.set_cookie("session", "abc", **COOKIE)
        return HELLO

    @app.get("/tuple")
    def created():
        response = bottle.response
        response.status = 201
        response.content_type = TEXT
        for name, value in HEADERS.items():
            response.set_header(name, value)
        return HELLO

    @app.get("/json/created")
    def json_created():
        bottle.response.status = 201
        return CREATED

    @app.get("/json/items")
    def items():
        return {"items": ITEMS}

    @app.get("/redirect")
    def redirected():
        bottle.redirect("/text", 302)

    @app.get("/missing")
    def missing():
        bottle.abort(404, "No such note.")

    @app.get("/conflict")
    def conflict():
        bottle.abort(409, "edited meanwhile")

    @app.error(409)
    def on_conflict(error):
        bottle.response.content_type = TEXT
        return f"Conflict: {error.body}"

    @app.get("/stream")
    def stream():
        bottle.response.content_type = BINARY
        return chunks()


def add_inputs(app: bottle.Bottle) -> None:
    """Add the routes that read a part of the request."""

    @app.get("/args/one")
    def one():
        bottle.response.content_type = TEXT
        return bottle.request.query["q"]

    @app.get("/args/three")
    def three():
        bottle.response.content_type = TEXT
        query = bottle.request.query
        return f"{query['q']} {query['page']} {query['sort']}"

    @app.get("/cookie")
    def cookie():
        bottle.response.content_type = TEXT
        return bottle.request.get_cookie("session")

    @app.get("/header")
    def header():
        bottle.response.content_type = TEXT
        return bottle.request.get_header("X-Token")

    @app.get("/users/<id:int>", name="user")
    def user(id):  # noqa: A002 - the parameter's name
        bottle.response.content_type = TEXT
        return str(id + 1)

    @app.get("/url/<id>")
    def url(id):  # noqa: A002 - the parameter's name
        bottle.response.content_type = TEXT
        return app.get_url("user", id=id)


def add_bodies(app: bottle.Bottle) -> None:
    """Add the routes that read the body."""

    @app.post("/form")
    def form():
        bottle.response.content_type = TEXT
        return bottle.request.forms["name"]

    @app.post("/json")
    def json_in():
        bottle.response.content_type = TEXT
        return str(len(bottle.request.json))

    @app.post("/body")
    def body():
        bottle.response.content_type = TEXT
        return measured(bottle.request.body.read())

    @app.post("/upload")
    def upload():
        bottle.response.content_type = TEXT
        return measured(bottle.request.files["file"].file.read())


def nothing(callback):
    """Do nothing, as a plugin."""

    @functools.wraps(callback)
    @does_nothing
    def through(*args, **kwargs):
        return callback(*args, **kwargs)

    return through


def set_header(callback):
    """Set a header, as a plugin."""

    @functools.wraps(callback)
    def through(*args, **kwargs):
        body = callback(*args, **kwargs)
        bottle.response.set_header("X-Version", "7")
        return body

    return through


def identify(callback):
    """Give each request an id, as a plugin."""

    @functools.wraps(callback)
    def through(*args, **kwargs):
        name = bottle.request.environ["request_id"] = request_id_of(bottle.request.get_header("X-Request-ID"))
        body = callback(*args, **kwargs)
        bottle.response.set_header("X-Request-ID", name)
        return body

    return through


def log(callback):
    """Log each request, as a plugin."""

    @functools.wraps(callback)
    def through(*args, **kwargs):
        began = time.perf_counter()
        body = callback(*args, **kwargs)
        request = bottle.request
        write_log(
            request.method,
            request.route.rule,
            request.path,
            bottle.response.status_code,
            len(body.encode()),
            began=began,
            name=request.environ.get("request_id"),
        )
        return body

    return through


def secure(callback):
    """Set the security headers, as a plugin."""

    @functools.wraps(callback)
    def through(*args, **kwargs):
        body = callback(*args, **kwargs)
        for name, value in SECURITY_HEADERS.items():
            bottle.response.set_header(name, value)
        return body

    return through


def share(callback):
    """Allow another origin, as a plugin."""

    @functools.wraps(callback)
    def through(*args, **kwargs):
        body = callback(*args, **kwargs)
        origin = bottle.request.get_header("Origin")
        if origin == ORIGIN:
            bottle.response.set_header("Access-Control-Allow-Origin", origin)
        bottle.response.add_header("Vary", "Origin")
        return body

    return through


def with_plugins(*plugins: Any) -> Application:
    app = bottle.Bottle()
    for plugin in plugins:
        app.install(plugin)
    app.get("/text", callback=text)
    return app


def middleware_one() -> Application:
    return with_plugins(nothing)


def middleware_three() -> Application:
    """Build with three functions: bottle applies the same one only once."""
    return with_plugins(*(functools.partial(nothing) for _ in range(3)))


def middleware_header() -> Application:
    return with_plugins(set_header)


def middleware_group() -> Application:
    app = bottle.Bottle()
    app.get("/text", callback=text)
    app.get("/group/text", callback=text, apply=[set_header])
    return app


def request_id() -> Application:
    app = bottle.Bottle()
    app.install(identify)

    @app.get("/text")
    def identified():
        bottle.response.content_type = TEXT
        return bottle.request.environ["request_id"]

    return app


def access_log() -> Application:
    return with_plugins(log)


def security_headers() -> Application:
    return with_plugins(secure)


def cors() -> Application:
    return with_plugins(share)


def three_together() -> Application:
    return with_plugins(identify, log, secure)


def stream_middleware() -> Application:
    app = bottle.Bottle()
    app.install(nothing)

    @app.get("/stream")
    def stream():
        bottle.response.content_type = BINARY
        return chunks()

    return app


def valid_msgspec() -> Application:
    import msgspec

    app, user = bottle.Bottle(), msgspec_user()

    @app.post("/users")
    def create():
        try:
            valid = msgspec.convert(bottle.request.json, user)
        except msgspec.ValidationError as error:
            bottle.abort(422, str(error))
        bottle.response.content_type = TEXT
        return valid.name

    return app


def valid_pydantic() -> Application:
    import pydantic

    app, user = bottle.Bottle(), pydantic_user()

    @app.post("/users")
    def create():
        try:
            valid = user.model_validate(bottle.request.json)
        except pydantic.ValidationError as error:
            bottle.abort(422, str(error))
        bottle.response.content_type = TEXT
        return valid.name

    return app


def static() -> Application:
    app = bottle.Bottle()

    @app.get("/static/<path:path>")
    def serve(path):
        return bottle.static_file(path, root=static_directory())

    return app


def mount() -> Application:
    app = bottle.Bottle()
    app.get("/text", callback=text)
    app.mount("/old", mounted)
    return app
