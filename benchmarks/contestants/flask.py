"""The applications on flask."""

from __future__ import annotations

import re
import time
from typing import Any

import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ..github import ROUTES
from . import Application
from .common import (
    BINARY,
    COOKIE,
    CREATED,
    DOCUMENT,
    HEADERS,
    HELLO,
    HOST,
    IMAGE,
    ITEMS,
    ORIGIN,
    PNG,
    SECURITY_HEADERS,
    TEXT,
    ConflictError,
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
    app = flask.Flask("small")

    @app.get("/")
    def index():
        return flask.Response(HELLO, content_type=TEXT)

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


def github() -> Application:
    app = flask.Flask("github")
    for number, (method, pattern) in enumerate(ROUTES):
        app.add_url_rule(
            re.sub(r":(\w+)", r"<\1>", pattern),
            f"route{number}",
            lambda **params: flask.Response(joined(params.values()), content_type=TEXT),
            methods=[method],
        )
    return app


def text() -> flask.Response:
    """Return a plain text, as a view."""
    return flask.Response(HELLO, content_type=TEXT)


def everyday() -> Application:
    app = flask.Flask("everyday")
    add_answers(app)
    add_inputs(app)
    add_bodies(app)
    return app


def add_answers(app: flask.Flask) -> None:
    """Add the routes that differ in their results."""
    app.add_url_rule("/text", view_func=text)
    app.add_url_rule("/slash/", "slash", text)
    app.add_url_rule("/response/text", "response_text", text)

    @app.get("/bytes")
    def binary():
        return flask.Response(IMAGE, content_type=BINARY)

    @app.get("/response/bytes")
    def response_bytes():
        return flask.Response(IMAGE, content_type=PNG)

    @app.get("/response/created")
    def response_created():
        return flask.Response(HELLO, 201, HEADERS, content_type=TEXT)

    @app.get("/response/header")
    def response_header():
        response = flask.Response(HELLO, content_type=TEXT)
        response.headers["X-Version"] = "7"
        return response

    @app.get("/response/cookie")
    def response_cookie():
        response = flask.Response(HELLO, content_type=TEXT)
        response.set_cookie("session", "abc", **COOKIE)
        return response

    @app.get("/tuple")
    def created():
        return HELLO, 201, {**HEADERS, "Content-Type": TEXT}

    @app.get("/json/created")
    def json_created():
        return CREATED, 201

    @app.get("/json/items")
    def items():
        return ITEMS

    @app.get("/redirect")
    def redirected():
        return flask.redirect("/text")

    @app.get("/missing")
    def missing():
        flask.abort(404, "No such note.")

    @app.get("/conflict")
    def conflict():
        raise ConflictError("edited meanwhile")

    @app.errorhandler(ConflictError)
    def on_conflict(error):
        return flask.Response(f"Conflict: {error}", 409, content_type=TEXT)

    @app.get("/stream")
    def stream():
        return flask.Response(chunks(), content_type=BINARY)


def add_inputs(app: flask.Flask) -> None:
    """Add the routes that read a part of the request."""

    @app.get("/args/one")
    def one():
        return flask.Response(flask.request.args["q"], content_type=TEXT)

    @app.get("/args/three")
    def three():
        args = flask.request.args
        return flask.Response(f"{args['q']} {args['page']} {args['sort']}", content_type=TEXT)

    @app.get("/cookie")
    def cookie():
        return flask.Response(flask.request.cookies["session"], content_type=TEXT)

    @app.get("/header")
    def header():
        return flask.Response(flask.request.headers["X-Token"], content_type=TEXT)

    @app.get("/users/<int:id>")
    def user(id):  # noqa: A002 - the parameter's name
        return flask.Response(str(id + 1), content_type=TEXT)

    @app.get("/url/<id>")
    def url(id):  # noqa: A002 - the parameter's name
        return flask.Response(flask.url_for("user", id=id), content_type=TEXT)


def add_bodies(app: flask.Flask) -> None:
    """Add the routes that read the body."""

    @app.post("/form")
    def form():
        return flask.Response(flask.request.form["name"], content_type=TEXT)

    @app.post("/json")
    def json_in():
        return flask.Response(str(len(flask.request.get_json())), content_type=TEXT)

    @app.post("/body")
    def body():
        return flask.Response(measured(flask.request.get_data()), content_type=TEXT)

    @app.post("/upload")
    def upload():
        return flask.Response(measured(flask.request.files["file"].read()), content_type=TEXT)


def text_app() -> flask.Flask:
    """Build an application with one route."""
    app = flask.Flask("text")
    app.add_url_rule("/text", view_func=text)
    return app


def do_nothing(app: flask.Flask) -> None:
    """Add functions before and after each request that do nothing."""

    @does_nothing
    def before():
        return None

    @does_nothing
    def after(response):
        return response

    app.before_request(before)
    app.after_request(after)


def set_header(response: flask.Response) -> flask.Response:
    """Set a header, after each request."""
    response.headers["X-Version"] = "7"
    return response


def identify(app: flask.Flask) -> None:
    """Give each request an id."""

    @app.before_request
    def before():
        flask.g.request_id = request_id_of(flask.request.headers.get("X-Request-ID"))

    @app.after_request
    def after(response):
        response.headers["X-Request-ID"] = flask.g.request_id
        return response


def log(app: flask.Flask) -> None:
    """Log each request."""

    @app.before_request
    def before():
        flask.g.began = time.perf_counter()

    @app.after_request
    def after(response):
        request = flask.request
        write_log(
            request.method,
            request.url_rule.rule,
            request.path,
            response.status_code,
            response.calculate_content_length(),
            began=flask.g.began,
            name=flask.g.get("request_id"),
        )
        return response


def secure(app: flask.Flask) -> None:
    """Set the security headers."""

    @app.after_request
    def after(response):
        response.headers.update(SECURITY_HEADERS)
        return response


def middleware_one() -> Application:
    app = text_app()
    do_nothing(app)
    return app


def middleware_three() -> Application:
    app = text_app()
    for _ in range(3):
        do_nothing(app)
    return app


def middleware_header() -> Application:
    app = text_app()
    app.after_request(set_header)
    return app


def middleware_group() -> Application:
    app, group = text_app(), flask.Blueprint("group", "group", url_prefix="/group")
    group.after_request(set_header)
    group.add_url_rule("/text", view_func=text)
    app.register_blueprint(group)
    return app


def request_id() -> Application:
    app = flask.Flask("request_id")
    identify(app)

    @app.get("/text")
    def identified():
        return flask.Response(flask.g.request_id, content_type=TEXT)

    return app


def access_log() -> Application:
    app = text_app()
    log(app)
    return app


def security_headers() -> Application:
    app = text_app()
    secure(app)
    return app


def cors() -> Application:
    app = text_app()

    @app.after_request
    def share(response):
        origin = flask.request.headers.get("Origin")
        if origin == ORIGIN:
            response.headers["Access-Control-Allow-Origin"] = origin
        response.vary.add("Origin")
        return response

    return app


def three_together() -> Application:
    app = text_app()
    for add in (identify, log, secure):
        add(app)
    return app


def stream_middleware() -> Application:
    app = flask.Flask("stream")
    do_nothing(app)

    @app.get("/stream")
    def stream():
        return flask.Response(chunks(), content_type=BINARY)

    return app


def valid_msgspec() -> Application:
    import msgspec

    app, user = flask.Flask("valid"), msgspec_user()

    @app.post("/users")
    def create():
        try:
            valid = msgspec.convert(flask.request.get_json(), user)
        except msgspec.ValidationError as error:
            flask.abort(422, str(error))
        return flask.Response(valid.name, content_type=TEXT)

    return app


def valid_pydantic() -> Application:
    import pydantic

    app, user = flask.Flask("valid"), pydantic_user()

    @app.post("/users")
    def create():
        try:
            valid = user.model_validate(flask.request.get_json())
        except pydantic.ValidationError as error:
            flask.abort(422, str(error))
        return flask.Response(valid.name, content_type=TEXT)

    return app


def static() -> Application:
    app = flask.Flask("files", static_folder=None)

    @app.get("/static/<path:path>")
    def serve(path):
        return flask.send_from_directory(static_directory(), path)

    return app


def mount() -> Application:
    return DispatcherMiddleware(text_app(), {"/old": mounted})


def host_switch() -> Application:
    app = flask.Flask("hosts", host_matching=True, static_host=HOST)
    app.add_url_rule("/text", "api", text, host=HOST)
    app.add_url_rule("/text", "www", text, host="www.example.com")
    return app


def trusted_hosts() -> Application:
    app: Any = text_app()
    app.config["TRUSTED_HOSTS"] = [HOST, "www.example.com"]
    return app
