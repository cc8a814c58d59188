"""Error handlers, by class and by status."""

from __future__ import annotations

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypedDict

from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests

from microfn import (
    ErrorHandler,
    InvalidData,
    Params,
    Request,
    Response,
    Result,
    Router,
    abort,
    html,
)

app = Router()


class OwnRequest(Request):
    pass


class Problem(TypedDict):
    detail: str


class OutOfStock(Exception):
    def __init__(self, item: str) -> None:
        super().__init__(item)
        self.item = item


class SoldOut(OutOfStock):
    pass


# By class


@app.error(OutOfStock)
def own_class(request: Request, error: OutOfStock) -> tuple[dict[str, str], int]:
    return {"item": error.item}, 409


@app.error(SoldOut)
def class_above(request: Request, error: OutOfStock) -> tuple[dict[str, str], HTTPStatus]:
    return {"item": error.item}, HTTPStatus.GONE


@app.error(KeyError)
@app.error(ValueError)
def union(request: Request, error: KeyError | ValueError) -> str:
    return type(error).__name__


@app.error(ArithmeticError)
@app.error(OSError)
def stacked(request: Request, error: Exception) -> Problem:
    return {"detail": str(error)}


@app.error(RuntimeError)
def base_exception(request: Request, error: BaseException) -> Response:
    return Response(str(error), 500)


@app.error(ImportError)
def unused(_request: object, _error: object) -> str:
    return ""


@app.error(TypeError)
def any_error(request: Any, error: Any) -> Any:
    return str(error)


@app.error(AssertionError)
def own_request(request: OwnRequest, error: AssertionError) -> str:
    return str(error)


@app.error(NotImplementedError)
@app.error(MemoryError)
def own_request_stacked(request: OwnRequest, error: NotImplementedError | MemoryError) -> str:
    return str(error)


@app.error(TooManyRequests)
def http_exception(request: Request, error: TooManyRequests) -> tuple[str, int, dict[str, str]]:
    return "slower", 429, {"Retry-After": str(error.retry_after)}


@app.error(InvalidData)
def invalid(request: Request, error: InvalidData) -> tuple[list[dict[str, str]], int]:
    return error.errors, 422


@app.error(Exception)
def everything(request: Request, error: Exception) -> Result:
    return html("<p>Sorry."), 500


# By status


@app.error(404)
def http_error(request: Request, error: HTTPException) -> dict[str, str | None]:
    return {"error": error.description}


@app.error(HTTPStatus.FORBIDDEN)
def any_exception(request: Request, error: Exception) -> str:
    return str(error)


@app.error(405)
@app.error(406)
def stacked_status(request: OwnRequest, error: HTTPException) -> str:
    return error.name


group = app.group("/group")


@group.error(404)
def class_below(request: Request, error: NotFound) -> tuple[str, int]:
    return error.name, 404


@group.error(405)
def class_below_and_own_request(request: OwnRequest, error: HTTPException) -> str:
    return error.name


@group.error(410)
@group.error(ValueError)
def status_and_class(request: Request, error: Exception) -> str:
    return str(error)


# Callables


class Page:
    def __init__(self, title: str) -> None:
        self.title = title

    def __call__(self, request: Request, error: Exception) -> str:
        return self.title

    def method(self, request: Request, error: NotFound) -> str:
        return self.title


class OwnPage:
    def __call__(self, request: OwnRequest, error: LookupError) -> str:
        return str(error)


parts = app.group("/parts")
page = parts.error(Exception)(Page("sorry"))
parts.error(404)(page.method)
parts.error(LookupError)(OwnPage())


def titled(title: str, request: Request, error: Exception) -> tuple[str, int]:
    return title, 500


parts.error(500)(functools.partial(titled, "sorry"))
parts.error(410)(lambda request, error: "gone")
parts.error(411)(lambda request, error: ({"error": error.description, "path": request.path}, 411))
parts.error(OutOfStock)(lambda request, error: (error.item, 409))


def register(handler: ErrorHandler, missing: ErrorHandler[NotFound]) -> None:
    part = app.group("/registered")
    part.error(410)(handler)
    part.error(ValueError)(handler)
    part.error(NotFound)(missing)
    for key in (403, OutOfStock, KeyError):
        part.error(key)(handler)
    for status in (401, 405):
        part.error(status)(page)


register(own_class, http_error)
tables: dict[int | type[Exception], ErrorHandler] = {409: any_exception, OutOfStock: own_class}
for number, (key, handler) in enumerate(tables.items()):
    app.group(f"/table/{number}").error(key)(handler)
pages = Router(not_found=http_error, method_not_allowed=stacked)


def raising(error: Exception) -> Callable[[Request, Params], str]:
    def handle(request: Request, params: Params) -> str:
        raise error

    return handle


app.get("/own-class")(raising(OutOfStock("a")))
app.get("/class-above")(raising(SoldOut("a")))
app.get("/union")(raising(KeyError("a")))
app.get("/invalid")(raising(InvalidData("Too young.")))
app.get("/too-many")(raising(TooManyRequests(retry_after=7)))


@app.get("/aborted")
def aborted(request: Request, params: Params) -> str:
    abort(404, "There is no such page.")


# A decorator returns a handler with its own type.


def call(request: Request, own: OwnRequest) -> list[object]:
    return [
        own_class(request=request, error=OutOfStock("a")),
        class_above(request=request, error=OutOfStock("a")),
        union(request=request, error=KeyError("a")),
        own_request_stacked(request=own, error=MemoryError()),
        http_error(request=request, error=NotFound()),
        stacked_status(request=own, error=NotFound()),
        class_below(request=request, error=NotFound()),
        page.title,
    ]
