"""Callables that cannot be middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from microfn import Handle, Middleware, Params, Request, Response, Result, Router

app = Router()


@app.use  # wrong
def forgets_to_return(handle: Handle) -> None:
    def inner(request: Request, params: Params) -> Result:
        return handle(request, params)

    inner.__doc__ = "It is lost."


@app.use  # wrong
def is_a_handle(request: Request, params: Params) -> str:
    return ""


@app.use  # wrong
async def async_function(handle: Handle) -> Handle:
    return handle


@app.use  # wrong
def of_async_function(handle: Handle[Response]) -> Callable[[Request, Params], Awaitable[Response]]:
    async def inner(request: Request, params: Params) -> Response:
        return handle(request, params)

    return inner


@app.use  # wrong
def of_set(handle: Handle[Response]) -> Callable[[Request, Params], set[int]]:
    return lambda request, params: {handle(request, params).status_code}


@app.use  # wrong
def of_one_argument(handle: Handle[Response]) -> Callable[[Request], Response]:
    return lambda request: handle(request, {})


@app.use  # wrong
def of_another_params(handle: Handle[Response]) -> Callable[[Request, int], Response]:
    return lambda request, number: handle(request, {})


@app.use  # wrong
def takes_no_handle(handle: int) -> Handle:
    return lambda request, params: str(handle)


@app.use  # wrong
def expects_text(handle: Handle[str]) -> Handle[str]:
    return handle


class Timed:
    def __call__(self, handle: Handle) -> str:
        return ""


def make(name: str) -> Middleware:
    return lambda handle: handle


def index(request: Request, params: Params) -> str:
    return ""


app.use(Timed())  # wrong
app.use(make)  # wrong
app.use([make("a")])  # wrong
app.use(make("a"), index)  # wrong
app.use("middleware")  # wrong
app.get("/", use=make("a"))(index)  # wrong
app.get("/", use=[make])(index)  # wrong
app.get("/", use=[index])(index)  # wrong
app.get("/", use=["a"])(index)  # wrong
app.group("/", use=[async_function])  # wrong
app.group("/", use=make("a"))  # wrong
app.handle("GET", "/", index, use=[make("a"), index])  # wrong
middleware: Middleware = async_function  # wrong
