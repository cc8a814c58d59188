"""Callables that cannot be handles."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypedDict

from microfn import Handle, Params, Request, Response, Result, Router

app = Router()


class OwnRequest(Request):
    pass


class ItemParams(TypedDict):
    id: int


def async_functions() -> None:
    @app.get("/")  # wrong
    async def index(request: Request, params: Params) -> str:
        return ""

    @app.post("/")  # wrong
    async def create(request: Request, params: dict[str, str]) -> Response:
        return Response()

    @app.route("/", methods=["PUT"])  # wrong
    async def replace(request: OwnRequest, params: ItemParams) -> dict[str, int]:
        return {}

    @app.get("/stream")  # wrong
    async def stream(request: Request, params: Params) -> AsyncIterator[str]:
        yield ""

    @app.get("/any")  # wrong
    def awaitable(request: Request, params: Params) -> Awaitable[Any]:
        return create(request, params)

    app.handle("GET", "/handle", index)  # wrong

    async def never_registered(request: OwnRequest, params: ItemParams) -> dict[str, int]:
        return {}

    app.handle("GET", "/own", never_registered)  # wrong


def params_of_another_type() -> None:
    @app.get("/:id")  # wrong
    def number(request: Request, params: int) -> str:
        return ""

    @app.patch("/:id")  # wrong
    def text(request: Request, params: str) -> str:
        return params

    @app.delete("/:id")  # wrong
    def listed(request: Request, params: list[str]) -> str:
        return params[0]

    @app.head("/:id")  # wrong
    def none(request: Request, params: None) -> str:
        return ""

    @app.options("/:id")  # wrong
    def by_number(request: Request, params: dict[int, str]) -> str:
        return params[0]

    @app.get("/own/:id")  # wrong
    def own(request: OwnRequest, params: int) -> str:
        return ""

    app.handle("GET", "/handle/:id", number)  # wrong
    app.handle("GET", "/own/:id", own)  # wrong


def requests_of_another_type() -> None:
    @app.get("/int")  # wrong
    def number(request: int, params: Params) -> str:
        return ""

    @app.get("/none")  # wrong
    def none(request: None, params: Params) -> str:
        return ""

    @app.get("/swapped")  # wrong
    def swapped(params: dict[str, str], request: Request) -> str:
        return ""

    @app.get("/environ")  # wrong
    def environ(request: dict[str, Any], params: ItemParams) -> str:
        return ""


def other_parameters() -> None:
    @app.get("/")  # wrong
    def nothing() -> str:
        return ""

    @app.put("/")  # wrong
    def request_alone(request: Request) -> str:
        return ""

    @app.post("/")  # wrong
    def three(request: Request, params: Params, user: str) -> str:
        return user

    @app.patch("/")  # wrong
    def required_keyword(request: Request, params: Params, *, user: str) -> str:
        return user

    @app.delete("/:id")  # wrong
    def param_as_parameter(request: Request, *, id: str) -> str:  # noqa: A002 - as other frameworks have it
        return id


class Notes:
    @app.get("/notes")  # wrong
    def show(self, request: Request, params: Params) -> str:
        return ""

    def create(self, request: Request, params: Params) -> str:
        return ""


def values_that_are_no_handles() -> None:
    app.get("/text")("text")  # wrong
    app.handle("GET", "/none", None)  # wrong
    app.handle("GET", "/called", Notes().create)
    app.handle("GET", "/unbound", Notes.create)  # wrong
    app.handle("GET", "/lambda", lambda request: "")  # wrong
    app.handle("GET", "/set", lambda request, params: {1})  # wrong
    app.get("/class")(Notes)  # wrong


def paged(size: int, request: Request, params: Params) -> set[int]:
    return {size}


def decorated(function: Callable[[Request, Params], str]) -> Callable[[Request, Params], None]:
    def wrapper(request: Request, params: Params) -> None:
        function(request, params)

    return wrapper


def made_of_others() -> None:
    app.get("/partial")(functools.partial(paged, 10))  # wrong

    @app.get("/decorated")  # wrong
    @decorated
    def text(request: Request, params: Params) -> str:
        return ""


async def async_function(request: Request, params: Params) -> str:
    return ""


def set_of_int(request: Request, params: Params) -> set[int]:
    return {1}


def result(request: Request, params: Params) -> Result:
    return ""


first: Handle = async_function  # wrong
second: Handle = set_of_int  # wrong
third: Handle[Response] = result  # wrong
fourth: Result = {1}  # wrong
fifth: Params = {1: "a"}  # wrong
sixth: Handle[set[int]] = set_of_int  # wrong
app.get("/options", max_content_length="1M")  # wrong
app.get("/options", converts={})  # wrong
app.get("/options", convert={"id": 7})  # wrong
app.get("/positional", result)  # wrong
Router(global_options=async_function)  # wrong
app.get("/lambda")(lambda request, params: None)  # wrong
app.get("/lambda")(lambda request: "")  # wrong


def responses() -> None:
    @app.get("/", responses={"404": "No."})  # wrong
    def text(request: Request, params: Params) -> str:
        return ""

    @app.get("/", responses={404: 7})  # wrong
    def number(request: Request, params: Params) -> str:
        return ""

    app.group("/", tags=[7])  # wrong
    app.group("/", security=[["token"]])  # wrong
    Router(deprecated="yes")  # wrong
