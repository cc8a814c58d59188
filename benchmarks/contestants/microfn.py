"""The applications on microfn."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from microfn import Response, Router, abort, redirect

from ..github import ROUTES
from . import Application
from .common import (
    COOKIE,
    CREATED,
    DOCUMENT,
    HEADERS,
    HELLO,
    HOST,
    IMAGE,
    ITEMS,
    LOG,
    ORIGIN,
    PNG,
    ConflictError,
    chunks,
    does_nothing,
    joined,
    measured,
    mounted,
    msgspec_user,
    pydantic_user,
    static_directory,
)


def small(convert: Callable[[str], Any] = str) -> Router:
    """Build the application with five routes; `convert` makes the returned value of a text."""
    app = Router()

    @app.get("/")
    def index(request, params):
        return convert(HELLO)

    @app.get("/hello/:name")
    def hello(request, params):
        return convert(f"Hello, {params['name']}!")

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


def github(convert: Callable[[str], Any] = str) -> Router:
    app = Router()
    for method, pattern in ROUTES:
        app.handle(method, pattern, lambda request, params: convert(joined(params.values())))
    return app


def nothing(handle):
    """Do nothing, as a middleware."""

    @does_nothing
    def through(request, params):
        return handle(request, params)

    return through


def small_middleware() -> Application:
    return with_middleware(nothing, app=small())


def github_middleware() -> Application:
    return with_middleware(nothing, app=github())


def small_response() -> Application:
    return small(Response)


def github_response() -> Application:
    return github(Response)


def everyday() -> Application:
    app = Router()
    add_answers(app)
    add_inputs(app)
    add_bodies(app)
    return app


def add_answers(app: Router) -> None:
    """Add the routes that differ in their results."""

    @app.get("/text")
    def text(request, params):
        return HELLO

    @app.get("/bytes")
    def binary(request, params):
        return IMAGE

    @app.get("/slash/")
    def slash(request, params):
        return HELLO

    @app.get("/response/text")
    def response_text(request, params):
        return Response(HELLO)

    @app.get("/response/bytes")
    def response_bytes(request, params):
        return Response(IMAGE, content_type=PNG)

    @app.get("/response/created")
    def response_created(request, params):
        return Response(HELLO, 201, HEADERS)

    @app.get("/response/header")
    def response_header(request, params):
        response = Response(HELLO)
        response.headers["X-Version"] = "7"
        return response

    @app.get("/response/cookie")
    def response_cookie(request, params):
        response = Response(HELLO)
        response.set_cookie("session", "abc", **COOKIE)
        return response

    @app.get("/tuple")
    def created(request, params):
        return HELLO, 201, HEADERS

    @app.get("/json/created")
    def json_created(request, params):
        return CREATED, 201

    @app.get("/json/items")
    def items(request, params):
        return ITEMS

    @app.get("/redirect")
    def redirected(request, params):
        return redirect("/text")

    @app.get("/missing")
    def missing(request, params):
        abort(404, "No such note.")

    @app.get("/conflict")
    def conflict(request, params):
        raise ConflictError("edited meanwhile")

    @app.error(ConflictError)
    def on_conflict(request, error):
        return f"Conflict: {error}", 409

    @app.get("/stream")
    def stream(request, params):
        return chunks()


def add_inputs(app: Router) -> None:
    """Add the routes that read a part of the request."""

    @app.get("/args/one")
    def one(request, params):
        return request.args["q"]

    @app.get("/args/three")
    def three(request, params):
        args = request.args
        return f"{args['q']} {args['page']} {args['sort']}"

    @app.get("/cookie")
    def cookie(request, params):
        return request.cookies["session"]

    @app.get("/header")
    def header(request, params):
        return request.headers["X-Token"]

    @app.get("/users/:id", convert={"id": int}, name="user")
    def user(request, params):
        return str(params["id"] + 1)

    @app.get("/url/:id")
    def url(request, params):
        return request.url_for("user", id=params["id"])


def add_bodies(app: Router) -> None:
    """Add the routes that read the body."""

    @app.post("/form")
    def form(request, params):
        return request.form["name"]

    @app.post("/json")
    def json_in(request, params):
        return str(len(request.json))

    @app.post("/body")
    def body(request, params):
        return measured(request.get_data())

    @app.post("/upload")
    def upload(request, params):
        return measured(request.files["file"].read())


def text_app() -> Router:
    """Build an application with one route, for middleware."""
    app = Router()

    @app.get("/text")
    def text(request, params):
        return HELLO

    return app


def with_middleware(*middleware: Any, app: Router | None = None) -> Application:
    app = text_app() if app is None else app
    for one in middleware:
        app.use(one)
    return app


def set_header(handle):
    """Set a header, as a middleware."""

    def through(request, params):
        response = handle(request, params)
        response.headers["X-Version"] = "7"
        return response

    return through


def middleware_one() -> Application:
    return with_middleware(nothing)


def middleware_three() -> Application:
    return with_middleware(nothing, nothing, nothing)


def middleware_header() -> Application:
    return with_middleware(set_header)


def middleware_group() -> Application:
    app = text_app()
    group = app.group("/group", use=[set_header])

    @group.get("/text")
    def text(request, params):
        return HELLO

    return app


def request_id() -> Application:
    from microfn.middleware import request_id as identify

    app = Router()
    app.use(identify())

    @app.get("/text")
    def text(request, params):
        return request.context.request_id

    return app


def access_log() -> Application:
    from microfn.middleware import access_log as log

    return with_middleware(log(LOG.append))


def security_headers() -> Application:
    from microfn.middleware import security_headers as secure

    return with_middleware(secure())


def cors() -> Application:
    from microfn.middleware import cors as share

    return with_middleware(share([ORIGIN]))


def three_together() -> Application:
    from microfn.middleware import access_log as log
    from microfn.middleware import request_id as identify
    from microfn.middleware import security_headers as secure

    return with_middleware(identify(), log(LOG.append), secure())


def stream_middleware() -> Application:
    app = Router()
    app.use(nothing)

    @app.get("/stream")
    def stream(request, params):
        return chunks()

    return app


def valid_msgspec() -> Application:
    import msgspec

    return validating(partial(msgspec.convert, type=msgspec_user()))


def valid_pydantic() -> Application:
    return validating(pydantic_user().model_validate)


def validating(valid: Callable[[Any], Any]) -> Application:
    app = Router()

    @app.post("/users", valid=valid)
    def create(request, params):
        return request.valid.name

    return app


def static() -> Application:
    app = Router()
    app.serve_files("/static/*path", static_directory())
    return app


def mount() -> Application:
    app = text_app()
    app.mount("/old", mounted)
    return app


def host_switch() -> Application:
    from microfn import HostSwitch

    return HostSwitch({HOST: text_app(), "www.example.com": text_app()})


def trusted_hosts() -> Application:
    app = Router(trusted_hosts=[HOST, "www.example.com"])

    @app.get("/text")
    def text(request, params):
        return HELLO

    return app
