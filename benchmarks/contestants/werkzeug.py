"""The applications on werkzeug by hand, as in its tutorial: a Map, views by endpoint, and no framework."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException, NotFound, UnprocessableEntity
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.utils import redirect, send_from_directory
from werkzeug.wrappers import Request, Response

from . import Application
from .common import (
    BINARY,
    COOKIE,
    CREATED,
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
    measured,
    mounted,
    msgspec_user,
    pydantic_user,
    request_id_of,
    static_directory,
    write_log,
)


class OwnRequest(Request):
    """A request that knows its URLs and its rule."""

    urls: MapAdapter
    rule: Rule
    request_id: str | None = None


Dispatch = Callable[[OwnRequest], Response]


class App:
    """A WSGI application: a Map of rules whose endpoints are views, and functions around them."""

    trusted_hosts: list[str] | None = None

    def __init__(self, rules: list[Rule], *around: Callable[[Dispatch], Dispatch], host_matching: bool = False) -> None:
        self.map = Map(rules, host_matching=host_matching)
        self.respond: Dispatch = self.dispatch
        for one in reversed(around):
            self.respond = one(self.respond)

    def dispatch(self, request: OwnRequest) -> Response:
        try:
            request.urls = self.map.bind_to_environ(request.environ)
            request.rule, values = request.urls.match(return_rule=True)
            return request.rule.endpoint(request, **values)
        except HTTPException as error:
            return error.get_response(request.environ)
        except ConflictError as error:
            return Response(f"Conflict: {error}", 409, content_type=TEXT)

    def __call__(self, environ, start_response):
        request = OwnRequest(environ)
        if self.trusted_hosts is not None:
            request.trusted_hosts = self.trusted_hosts
            try:
                request.host  # noqa: B018 - raises if the host is not a trusted one
            except HTTPException as error:
                return error(environ, start_response)
        return self.respond(request)(environ, start_response)


def get(pattern: str, view: Callable[..., Response], **options: Any) -> Rule:
    return Rule(pattern, endpoint=view, methods=["GET"], **options)


def post(pattern: str, view: Callable[..., Response]) -> Rule:
    return Rule(pattern, endpoint=view, methods=["POST"])


def text(request):
    return Response(HELLO, content_type=TEXT)


def binary(request):
    return Response(IMAGE, content_type=BINARY)


def image(request):
    return Response(IMAGE, content_type=PNG)


def created(request):
    return Response(HELLO, 201, HEADERS, content_type=TEXT)


def with_header(request):
    response = Response(HELLO, content_type=TEXT)
    response.headers["X-Version"] = "7"
    return response


def with_cookie(request):
    response = Response(HELLO, content_type=TEXT)
    response.set_cookie("session", "abc", **COOKIE)
    return response


def json_created(request):
    return Response(json.dumps(CREATED), 201, content_type="application/json")


def items(request):
    return Response(json.dumps(ITEMS), content_type="application/json")


def redirected(request):
    return redirect("/text")


def missing(request):
    raise NotFound("No such note.")


def conflict(request):
    raise ConflictError("edited meanwhile")


def stream(request):
    return Response(chunks(), content_type=BINARY)


def one(request):
    return Response(request.args["q"], content_type=TEXT)


def three(request):
    args = request.args
    return Response(f"{args['q']} {args['page']} {args['sort']}", content_type=TEXT)


def cookie(request):
    return Response(request.cookies["session"], content_type=TEXT)


def header(request):
    return Response(request.headers["X-Token"], content_type=TEXT)


def user(request, id):  # noqa: A002 - the parameter's name
    return Response(str(id + 1), content_type=TEXT)


def url(request, id):  # noqa: A002 - the parameter's name
    return Response(request.urls.build(user, {"id": id}), content_type=TEXT)


def form(request):
    return Response(request.form["name"], content_type=TEXT)


def json_in(request):
    return Response(str(len(request.get_json())), content_type=TEXT)


def body(request):
    return Response(measured(request.get_data()), content_type=TEXT)


def upload(request):
    return Response(measured(request.files["file"].read()), content_type=TEXT)


def everyday() -> Application:
    return App(
        [
            get("/text", text),
            get("/bytes", binary),
            get("/slash/", text),
            get("/response/text", text),
            get("/response/bytes", image),
            get("/response/created", created),
            get("/response/header", with_header),
            get("/response/cookie", with_cookie),
            get("/tuple", created),
            get("/json/created", json_created),
            get("/json/items", items),
            get("/redirect", redirected),
            get("/missing", missing),
            get("/conflict", conflict),
            get("/stream", stream),
            get("/args/one", one),
            get("/args/three", three),
            get("/cookie", cookie),
            get("/header", header),
            get("/users/<int:id>", user),
            get("/url/<id>", url),
            post("/form", form),
            post("/json", json_in),
            post("/body", body),
            post("/upload", upload),
        ]
    )


def nothing(dispatch: Dispatch) -> Dispatch:
    """Do nothing, around a dispatch."""
    return does_nothing(lambda request: dispatch(request))  # noqa: PLW0108 - a call that does nothing is measured


def set_header(dispatch: Dispatch) -> Dispatch:
    """Set a header, around a dispatch or a view."""

    def around(request, **values):
        response = dispatch(request, **values)
        response.headers["X-Version"] = "7"
        return response

    return around


def identify(dispatch: Dispatch) -> Dispatch:
    """Give each request an id."""

    def around(request):
        request.request_id = request_id_of(request.headers.get("X-Request-ID"))
        response = dispatch(request)
        response.headers["X-Request-ID"] = request.request_id
        return response

    return around


def log(dispatch: Dispatch) -> Dispatch:
    """Log each request."""

    def around(request):
        began = time.perf_counter()
        response = dispatch(request)
        write_log(
            request.method,
            request.rule.rule,
            request.path,
            response.status_code,
            response.calculate_content_length(),
            began=began,
            name=request.request_id,
        )
        return response

    return around


def secure(dispatch: Dispatch) -> Dispatch:
    """Set the security headers."""

    def around(request):
        response = dispatch(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    return around


def share(dispatch: Dispatch) -> Dispatch:
    """Allow another origin."""

    def around(request):
        response = dispatch(request)
        origin = request.headers.get("Origin")
        if origin == ORIGIN:
            response.headers["Access-Control-Allow-Origin"] = origin
        response.vary.add("Origin")
        return response

    return around


def with_around(*around: Callable[[Dispatch], Dispatch]) -> Application:
    return App([get("/text", text)], *around)


def middleware_one() -> Application:
    return with_around(nothing)


def middleware_three() -> Application:
    return with_around(nothing, nothing, nothing)


def middleware_header() -> Application:
    return with_around(set_header)


def middleware_group() -> Application:
    return App([get("/text", text), get("/group/text", set_header(text))])


def request_id() -> Application:
    def identified(request):
        return Response(request.request_id, content_type=TEXT)

    return App([get("/text", identified)], identify)


def access_log() -> Application:
    return with_around(log)


def security_headers() -> Application:
    return with_around(secure)


def cors() -> Application:
    return with_around(share)


def three_together() -> Application:
    return with_around(identify, log, secure)


def stream_middleware() -> Application:
    return App([get("/stream", stream)], nothing)


def valid_msgspec() -> Application:
    import msgspec

    user_class = msgspec_user()

    def create(request):
        try:
            valid = msgspec.convert(request.get_json(), user_class)
        except msgspec.ValidationError as error:
            raise UnprocessableEntity(str(error)) from error
        return Response(valid.name, content_type=TEXT)

    return App([post("/users", create)])


def valid_pydantic() -> Application:
    import pydantic

    user_class = pydantic_user()

    def create(request):
        try:
            valid = user_class.model_validate(request.get_json())
        except pydantic.ValidationError as error:
            raise UnprocessableEntity(str(error)) from error
        return Response(valid.name, content_type=TEXT)

    return App([post("/users", create)])


def static() -> Application:
    def serve(request, path):
        return send_from_directory(static_directory(), path, request.environ)

    return App([get("/static/<path:path>", serve)])


def mount() -> Application:
    return DispatcherMiddleware(with_around(), {"/old": mounted})


def host_switch() -> Application:
    rules = [get("/text", text, host=HOST), get("/text", text, host="www.example.com")]
    return App(rules, host_matching=True)


def trusted_hosts() -> Application:
    app = App([get("/text", text)])
    app.trusted_hosts = [HOST, "www.example.com"]
    return app
