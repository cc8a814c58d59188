"""Every kind of value that a handle can return."""

from __future__ import annotations

import io
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypedDict

from markupsafe import Markup
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Params, Request, Response, Result, Router, abort, event_stream, html, json_response, redirect

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

app = Router()


class Item(TypedDict):
    id: int
    tags: list[str]


class Mode(str):
    __slots__ = ()


@app.get("/text")
def text(request: Request, params: Params) -> str:
    return "text"


@app.get("/literal")
def literal(request: Request, params: Params) -> Literal["a", "b"]:
    return "a"


@app.get("/subclass-of-str")
def subclass_of_str(request: Request, params: Params) -> Mode:
    return Mode("fast")


@app.get("/bytes")
def octets(request: Request, params: Params) -> bytes:
    return b"octets"


@app.get("/bytearray")
def mutable_octets(request: Request, params: Params) -> bytearray:
    return bytearray(b"octets")


@app.get("/memoryview")
def view_of_octets(request: Request, params: Params) -> memoryview:
    return memoryview(b"octets")


@app.get("/dict-of-any")
def dict_of_any(request: Request, params: Params) -> dict[str, Any]:
    return {"a": 1, "b": [None]}


@app.get("/dict-of-int")
def dict_of_int(request: Request, params: Params) -> dict[str, int]:
    return {"a": 1}


@app.get("/dict-of-object")
def dict_of_object(request: Request, params: Params) -> dict[str, object]:
    return {"a": 1, "b": "2"}


@app.get("/dict-of-lists")
def dict_of_lists(request: Request, params: Params) -> dict[str, list[dict[str, int | None]]]:
    return {"a": [{"b": None}]}


@app.get("/dict-with-int-keys")
def dict_with_int_keys(request: Request, params: Params) -> dict[int, str]:
    return {1: "a"}


@app.get("/ordered-dict")
def ordered_dict(request: Request, params: Params) -> OrderedDict[str, int]:
    return OrderedDict(a=1)


@app.get("/defaultdict")
def default_dict(request: Request, params: Params) -> defaultdict[str, int]:
    return defaultdict(int, a=1)


@app.get("/mapping/:id")
def mapping(request: Request, params: Mapping[str, str]) -> Mapping[str, str]:
    return params


@app.get("/list-of-dicts")
def list_of_dicts(request: Request, params: Params) -> list[dict[str, str]]:
    return [{"a": "b"}]


@app.get("/list-of-int")
def list_of_int(request: Request, params: Params) -> list[int]:
    return [1, 2]


@app.get("/typed-dict")
def typed_dict(request: Request, params: Params) -> Item:
    return {"id": 1, "tags": []}


@app.get("/list-of-typed-dicts")
def list_of_typed_dicts(request: Request, params: Params) -> list[Item]:
    return [{"id": 1, "tags": ["a"]}]


@app.get("/typed-dict-with-status")
def typed_dict_with_status(request: Request, params: Params) -> tuple[Item, int]:
    return {"id": 1, "tags": []}, 201


@app.get("/html")
def markup(request: Request, params: Params) -> Markup:
    return html("<p>markup")


class Page:
    def __html__(self) -> str:
        return "<p>page"


@app.get("/object-with-html")
def object_with_html(request: Request, params: Params) -> Page:
    return Page()


@app.get("/generator")
def generator(request: Request, params: Params) -> Generator[str, None, None]:
    yield "a"
    yield "b"


@app.get("/iterator-of-str")
def iterator_of_str(request: Request, params: Params) -> Iterator[str]:
    yield "a"


@app.get("/iterator-of-bytes")
def iterator_of_bytes(request: Request, params: Params) -> Iterator[bytes]:
    return iter([b"a", b"b"])


@app.get("/iterator-of-both")
def iterator_of_both(request: Request, params: Params) -> Iterator[str | bytes]:
    yield "a"
    yield b"b"


@app.get("/map")
def mapped(request: Request, params: Params) -> map[str]:
    return map(str, range(3))


@app.get("/file")
def file(request: Request, params: Params) -> IO[bytes]:
    return io.BytesIO(b"a\nb\n")


@app.get("/response")
def response(request: Request, params: Params) -> Response:
    return Response("saved", 201)


@app.get("/werkzeug-response")
def werkzeug_response(request: Request, params: Params) -> WerkzeugResponse:
    return WerkzeugResponse("saved")


@app.get("/json-response")
def made_of_json(request: Request, params: Params) -> Response:
    return json_response([1], 201, {"X-A": "1"})


@app.get("/redirect")
def redirected(request: Request, params: Params) -> Response:
    return redirect("/text")


@app.get("/events")
def events(request: Request, params: Params) -> Response:
    return event_stream(iter([{"n": 1}]))


@app.get("/exception")
def returned_exception(request: Request, params: Params) -> HTTPException:
    return NotFound("There is no such page.")


@app.get("/aborted")
def aborted(request: Request, params: Params) -> NoReturn:
    abort(404, "There is no such page.")


def old(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"old"]


def older(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"older"]


class Application:
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"application"]


@app.get("/wsgi-application")
def wsgi_application(request: Request, params: Params) -> WSGIApplication:
    return old


@app.get("/wsgi-function")
def wsgi_function(request: Request, params: Params) -> Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]:
    return older


@app.get("/wsgi-object")
def wsgi_object(request: Request, params: Params) -> Application:
    return Application()


inner = Router()
inner.handle("GET", "/router", lambda request, params: "inner")


@app.get("/router")
def router(request: Request, params: Params) -> Router:
    return inner


@app.get("/body-status")
def body_status(request: Request, params: Params) -> tuple[str, int]:
    return "made", 201


@app.get("/body-status-line")
def body_status_line(request: Request, params: Params) -> tuple[dict[str, int], str]:
    return {"id": 1}, "201 Created"


@app.get("/body-http-status")
def body_http_status(request: Request, params: Params) -> tuple[list[int], HTTPStatus]:
    return [1], HTTPStatus.CREATED


@app.get("/body-headers")
def body_headers(request: Request, params: Params) -> tuple[str, dict[str, str]]:
    return "a", {"X-A": "1"}


@app.get("/body-list-of-pairs")
def body_list_of_pairs(request: Request, params: Params) -> tuple[bytes, list[tuple[str, str]]]:
    return b"a", [("X-A", "1"), ("X-A", "2")]


@app.get("/body-tuple-of-pairs")
def body_tuple_of_pairs(request: Request, params: Params) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    return b"a", (("X-A", "1"),)


@app.get("/body-list-of-lists")
def body_list_of_lists(request: Request, params: Params) -> tuple[bytes, list[list[str]]]:
    return b"a", [["X-A", "1"]]


@app.get("/body-status-headers")
def body_status_headers(request: Request, params: Params) -> tuple[str, int, dict[str, str]]:
    return "", 204, {"X-A": "1"}


@app.get("/body-status-several")
def body_status_several(request: Request, params: Params) -> tuple[str, HTTPStatus, dict[str, list[str]]]:
    return "a", HTTPStatus.OK, {"X-A": ["1", "2"]}


@app.get("/body-status-mixed")
def body_status_mixed(request: Request, params: Params) -> tuple[str, int, dict[str, str | int]]:
    return "a", 200, {"X-A": "1", "X-B": 2}


@app.get("/body-status-werkzeug-headers")
def body_status_werkzeug_headers(request: Request, params: Params) -> tuple[Item, int, Headers]:
    return {"id": 1, "tags": []}, 200, Headers([("X-A", "1")])


@app.get("/body-status-mapping")
def body_status_mapping(request: Request, params: Params) -> tuple[Markup, int, Mapping[str, str]]:
    return html("<p>"), 200, {"X-A": "1"}


@app.get("/stream-status-headers")
def stream_status_headers(request: Request, params: Params) -> tuple[Iterator[str], int, dict[str, str]]:
    return iter("abc"), 200, {"Content-Type": "text/csv"}


@app.get("/response-headers")
def response_headers(request: Request, params: Params) -> tuple[Response, dict[str, str]]:
    return Response("a"), {"X-A": "1"}


@app.get("/wsgi-status")
def wsgi_status(request: Request, params: Params) -> tuple[WSGIApplication, int]:
    return old, 201


class Reply(NamedTuple):
    body: dict[str, int]
    status: int


@app.get("/named-tuple")
def named_tuple(request: Request, params: Params) -> Reply:
    return Reply({"id": 1}, 201)


@app.get("/union")
def union(request: Request, params: Params) -> dict[str, str] | tuple[str, int] | Response:
    return ("none", 200) if request.args else {"a": "b"}


@app.get("/result")
def result(request: Request, params: Params) -> Result:
    if request.args.get("kind") == "text":
        return "a"
    if request.args.get("kind") == "list":
        return [{"id": 1}], 200
    return {"id": 1, "tags": ["a"]}, 201, {"Location": "/items/1", "X-Count": 3}


@app.get("/result-of-params/:id")
def result_of_params(request: Request, params: Params) -> Result:
    return params


@app.get("/any")
def anything(request: Request, params: Params) -> Any:
    return {"a": 1}


@dataclass
class Note:
    id: int
    text: str


@app.get("/list-of-dataclasses")
def list_of_dataclasses(request: Request, params: Params) -> list[Note]:
    return [Note(1, "Buy milk")]


@app.get("/dict-of-dataclasses")
def dict_of_dataclasses(request: Request, params: Params) -> dict[str, Note]:
    return {"a": Note(1, "Buy milk")}


@app.get("/dataclass")
def dataclass_alone(request: Request, params: Params) -> Note:
    return Note(1, "Buy milk")


@app.get("/dataclass-with-status")
def dataclass_with_status(request: Request, params: Params) -> tuple[Note, int]:
    return Note(1, "Buy milk"), 201
