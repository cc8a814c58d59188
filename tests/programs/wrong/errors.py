"""Error handlers that are for something else."""

from __future__ import annotations

from werkzeug.exceptions import HTTPException, NotFound

from microfn import ErrorHandler, Params, Request, Response, Router

app = Router()


class OwnRequest(Request):
    pass


class Sibling(Exception):
    pass


def of_another_class() -> None:
    @app.error(ValueError)  # wrong
    def sibling(request: Request, error: KeyError) -> str:
        return ""

    @app.error(Exception)  # wrong
    def class_below(request: Request, error: ValueError) -> str:
        return ""

    @app.error(HTTPException)  # wrong
    def http_class_below(request: Request, error: NotFound) -> str:
        return ""

    @app.error(LookupError)  # wrong
    def own_request(request: OwnRequest, error: KeyError) -> str:
        return ""

    @app.error(ValueError)  # wrong
    def params(request: Request, params: Params) -> str:
        return ""

    @app.error(ValueError)  # wrong
    def number(request: Request, error: int) -> str:
        return ""

    @app.error(Sibling)  # wrong
    def union(request: Request, error: KeyError | ValueError) -> str:
        return ""


def of_a_status() -> None:
    @app.error(404)  # wrong
    def no_http_exception(request: Request, error: ValueError) -> str:
        return ""

    @app.error(500)  # wrong
    def number(request: Request, error: int) -> str:
        return ""

    @app.error(404)  # wrong
    def own_request(request: OwnRequest, error: KeyError) -> str:
        return ""


def results() -> None:
    @app.error(404)  # wrong
    async def async_function(request: Request, error: HTTPException) -> str:
        return ""

    @app.error(ValueError)  # wrong
    async def async_function_of_class(request: Request, error: ValueError) -> str:
        return ""

    @app.error(404)  # wrong
    def nothing(request: Request, error: HTTPException) -> None:
        pass

    @app.error(ValueError)  # wrong
    def nothing_of_class(request: OwnRequest, error: ValueError) -> None:
        pass

    @app.error(ValueError)  # wrong
    def set_of_int(request: Request, error: ValueError) -> set[int]:
        return {1}


def parameters() -> None:
    @app.error(404)  # wrong
    def error_alone(error: HTTPException) -> str:
        return ""

    @app.error(ValueError)  # wrong
    def three(request: Request, error: ValueError, more: int) -> str:
        return ""

    @app.error(ValueError)  # wrong
    def another_request(request: int, error: ValueError) -> str:
        return ""

    @app.error(404)  # wrong
    def swapped(error: HTTPException, request: Request) -> str:
        return ""


def keys() -> None:
    @app.error("404")  # wrong
    def text(request: Request, error: Exception) -> str:
        return ""

    @app.error(int)  # wrong
    def no_exception(request: Request, error: Exception) -> str:
        return ""

    @app.error(KeyboardInterrupt)  # wrong
    def base_exception(request: Request, error: BaseException) -> str:
        return ""

    @app.error  # wrong
    def no_key(request: Request, error: Exception) -> str:
        return ""

    @app.error(ValueError())  # wrong
    def instance(request: Request, error: ValueError) -> str:
        return ""


def for_key_errors(request: Request, error: KeyError) -> Response:
    return Response()


handler: ErrorHandler[ValueError] = for_key_errors  # wrong
app.error(ValueError)(for_key_errors)  # wrong
app.error(404)("handler")  # wrong
Router(not_found=for_key_errors)  # wrong
app.error(404)(lambda request, error: None)  # wrong
app.error(ValueError)(lambda request, error: {1})  # wrong
