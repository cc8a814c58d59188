"""Middleware of every form, and every option that accepts it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Handle, Middleware, Params, Request, Response, Result, Router
from microfn.agent import Agent
from microfn.middleware import access_log, cors, request_id, security_headers

app = Router()
P = ParamSpec("P")
T = TypeVar("T")
H = TypeVar("H", bound=Callable[..., Any])


class OwnRequest(Request):
    pass


@app.use
def plain(handle: Handle) -> Handle:
    def inner(request: Request, params: Params) -> Result:
        return handle(request, params)

    return inner


@app.use
def framed(handle: Handle[Response]) -> Handle[Response]:
    def inner(request: Request, params: Params) -> Response:
        response = handle(request, params)
        response.headers["X-Frame-Options"] = "DENY"
        return response

    return inner


@app.use
def guard(handle: Handle[Response]) -> Handle:
    def inner(request: Request, params: Params) -> Response | tuple[dict[str, str], int]:
        if "X-Refused" in request.headers:
            return {"error": "no"}, 401
        return handle(request, params)

    return inner


@app.use
def written_out(handle: Callable[[Request, dict[str, Any]], Response]) -> Callable[[Request, dict[str, str]], str]:
    def inner(request: Request, params: dict[str, str]) -> str:
        return handle(request, params).get_data(as_text=True)

    return inner


@app.use
def of_mapping(
    handle: Callable[[Request, Mapping[str, str]], WerkzeugResponse],
) -> Callable[[Request, Mapping[str, str]], WerkzeugResponse]:
    def inner(request: Request, params: Mapping[str, str]) -> WerkzeugResponse:
        return handle(request, params)

    return inner


@app.use
def of_own_request(handle: Callable[[OwnRequest, Params], Response]) -> Callable[[OwnRequest, Params], Response]:
    def inner(request: OwnRequest, params: Params) -> Response:
        return handle(request, params)

    return inner


@app.use
def of_anything(handle: Callable[..., Any]) -> Callable[..., Any]:
    return handle


@app.use
def of_type_variable(handle: H) -> H:
    return handle


@app.use
def of_signature(handle: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(handle)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        return handle(*args, **kwargs)

    return inner


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, handle: Handle) -> Handle:
        def counted(request: Request, params: Params) -> Result:
            self.count += 1
            return handle(request, params)

        return counted

    def method(self, handle: Handle[Response]) -> Handle[Response]:
        return handle


class Timed:
    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def __call__(self, request: Request, params: Params) -> Result:
        return self.handle(request, params)


def tagged(name: str) -> Middleware:
    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def inner(request: Request, params: Params) -> Response:
            response = handle(request, params)
            response.headers.add("X-Tag", name)
            return response

        return inner

    return middleware


def with_name(name: str, handle: Handle) -> Handle:
    return handle


counter = app.use(Counter())
app.use(Timed)
app.use(counter.method)
app.use(functools.partial(with_name, "a"))
app.use(tagged("a"), plain, framed)
app.use(request_id(), access_log(lambda line: None), cors("*"), security_headers())


@app.get("/", use=[guard, tagged("b"), counter, Timed, functools.partial(with_name, "a"), cors("*")])
def index(request: Request, params: Params) -> str:
    return "index"


def tags() -> Iterable[Middleware]:
    yield tagged("c")
    yield framed


chain: list[Middleware] = [plain, framed, guard, of_own_request, Timed, tagged("d")]
app.get("/tuple", use=(plain, framed))(index)
app.get("/generator", use=tags())(index)
app.get("/list", use=chain)(index)
app.get("/none", use=None)(index)
app.get("/agent", use=[Agent(tokens=1).inline(timeout=2)])(index)
app.handle("GET", "/handle", index, use=[framed])
app.get("/lambda", use=[lambda handle: lambda request, params: handle(request, params).status])(index)
admin = app.group("/admin", use=[guard, framed])
admin.get("/page")(index)


@admin.use
def within(handle: Handle) -> Handle:
    return handle


def apply(layers: Iterable[Middleware], handle: Handle[Response], request: Request) -> Result:
    inner: Handle = handle
    for layer in layers:
        inner = layer(handle)
    return inner(request, {})


# `use` returns a middleware with its own type.


def call(handle: Handle[Response], request: OwnRequest) -> list[object]:
    return [
        framed(handle=handle)(request, {}).headers,
        of_own_request(handle=handle)(request, {}).status,
        of_type_variable(handle)(request, {}).status,
        counter.count,
    ]
