"""Handles of every form: their arguments, and kinds of callables."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Concatenate, ParamSpec, Protocol, TypedDict, TypeVar

from werkzeug.wrappers import Request as WerkzeugRequest

from microfn import Handle, Params, Request, Response, Result, Router, natural

app = Router()
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Result)


class OwnRequest(Request):
    @property
    def user(self) -> str:
        return self.headers.get("X-User", "nobody")


class HasPath(Protocol):
    @property
    def path(self) -> str: ...


class ItemParams(TypedDict):
    id: int


described_group = app.group(
    "/described",
    responses={401: "No."},
    tags=["a"],
    security=["token", {"oauth": ["read"], "key": ()}, {}],
    deprecated=True,
)
app.include("/included", Router(tags=("a",), security=[]), responses={422: ItemParams}, deprecated=None)


# What a handle takes


@app.get("/described", responses={200: list[ItemParams], 201: ItemParams | None, 202: int, 404: "No."})
def described(request: Request, params: Params) -> str:
    return ""


@app.get("/a/:id")
def dict_of_str(request: Request, params: dict[str, str]) -> str:
    return params["id"]


@app.get("/b/:id")
def public_name(request: Request, params: Params) -> str:
    return f"{params['id']}"


@app.get("/c/:id")
def mapping(request: Request, params: Mapping[str, str]) -> str:
    return params["id"]


@app.get("/d/:id")
def any_params(request: Request, params: Any) -> str:
    return f"{params['id']}"


@app.get("/e/:id", convert={"id": int})
def converted(request: Request, params: dict[str, Any]) -> str:
    return str(params["id"] + 1)


@app.get("/f/:id", convert={"id": natural})
def dict_of_int(request: Request, params: dict[str, int]) -> str:
    return str(params["id"] + 1)


@app.get("/g/:id", convert={"id": int})
def typed_dict(request: Request, params: ItemParams) -> str:
    return str(params["id"] + 1)


@app.get("/h/:id", convert={"id": int})
def mapping_of_object(request: Request, params: Mapping[str, object]) -> str:
    return str(params["id"])


@app.get("/i/:id")
def mutable_mapping(request: Request, params: MutableMapping[str, Any]) -> str:
    return f"{params['id']}"


@app.get("/j")
def unused(_request: object, _params: object) -> str:
    return ""


@app.get("/k")
def of_werkzeug(request: WerkzeugRequest, params: Params) -> str:
    return request.path


@app.get("/l")
def of_protocol(request: HasPath, params: Params) -> str:
    return request.path


@app.get("/m/:id", convert={"id": int})
def protocol_and_typed_dict(request: HasPath, params: ItemParams) -> str:
    return f"{request.path} {params['id']}"


@app.get("/n")
def own_request(request: OwnRequest, params: Params) -> str:
    return getattr(request, "user", "nobody")


@app.get("/o/:id")
def own_request_and_mapping(request: OwnRequest, params: Mapping[str, str]) -> str:
    return params["id"]


@app.get("/p/:id", convert={"id": int})
def own_request_and_typed_dict(request: OwnRequest, params: ItemParams) -> str:
    return str(params["id"])


@app.get("/q")
def any_request(request: Any, params: Any) -> str:
    return f"{request.path}"


@app.get("/r")
def with_more(request: Request, params: Params, greeting: str = "hello", *, loud: bool = False) -> str:
    return greeting.upper() if loud else greeting


@app.get("/s")
def all_of_it(*args: Any, **kwargs: Any) -> str:
    return str(len(args))


@app.get("/t")
def other_names(req: Request, args: Params) -> str:
    return req.path


@app.get("/u")
@app.post("/u")
@app.get("/v/:id")
def stacked(request: OwnRequest, params: Mapping[str, str]) -> str:
    return params.get("id", "")


# Callables


class Greeting:
    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, request: Request, params: Params) -> str:
        return self.text

    def shout(self, request: Request, params: Params) -> str:
        return self.text.upper()

    @classmethod
    def of_class(cls, request: Request, params: Params) -> str:
        return cls.__name__

    @staticmethod
    def of_nobody(request: Request, params: Params) -> str:
        return ""


class OwnGreeting:
    def __call__(self, request: OwnRequest, params: ItemParams) -> str:
        return str(params["id"])


greeting = app.get("/object")(Greeting("hello"))
shout = app.get("/method")(greeting.shout)
app.get("/classmethod")(Greeting.of_class)
app.get("/staticmethod")(Greeting.of_nobody)
app.get("/own-object/:id", convert={"id": int})(OwnGreeting())


def paged(size: int, request: Request, params: Params) -> dict[str, int]:
    return {"size": size}


app.get("/partial")(functools.partial(paged, 10))


def logged(function: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)

    return wrapper


def with_user(function: Callable[Concatenate[str, Request, P], R]) -> Callable[Concatenate[Request, P], R]:
    def wrapper(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function("ann", request, *args, **kwargs)

    return wrapper


def checked(handle: Handle[R]) -> Handle[R]:
    return handle


@app.get("/decorated")
@logged
def decorated(request: Request, params: dict[str, str]) -> str:
    return request.path


@app.get("/decorated-own/:id", convert={"id": int})
@logged
def decorated_own(request: OwnRequest, params: ItemParams) -> str:
    return str(params["id"])


@app.get("/with-user")
@with_user
def user_first(user: str, request: Request, params: Params) -> str:
    return user


@app.get("/checked")
@checked
def returned_as_handle(request: Request, params: Params) -> Response:
    return Response("checked")


# Without a decorator


def register(path: str, handle: Handle) -> None:
    app.get(path)(handle)
    app.handle("PUT", path, handle)


register("/registered/:id", dict_of_str)
register("/registered-object", greeting)
app.get("/lambda")(lambda request, params: request.path)
app.get("/lambda/:id")(lambda request, params: {"id": params["id"], "query": request.args.get("q", "")})
app.get("/lambda-tuple")(lambda request, params: ([request.method], 201, {"X-A": "1"}))
app.handle("GET", "/handle-lambda/:id", lambda request, params: request.path + params["id"], name="of-lambda")
app.handle("GET", "/handle-function/:id", dict_of_str, convert={"id": str})
app.handle("GET", "/handle-own/:id", own_request_and_typed_dict, convert={"id": int}, max_content_length=10)
app.handle("GET", "/handle-own-request", own_request)
app.handle("GET", "/handle-typed-dict/:id", typed_dict, convert={"id": int})
app.handle("GET", "/handle-object", greeting)
app.handle("GET", "/handle-partial", functools.partial(paged, 10))
for number, each in enumerate([dict_of_str, mapping, greeting.shout]):
    app.get(f"/loop/{number}/:id")(each)
handles: dict[str, Handle] = {"/table/a/:id": dict_of_str, "/table/b": greeting}
for path, handle in handles.items():
    app.route(path, methods=["GET", "POST"])(handle)


# A decorator returns a handle with its own type: it can be called with names, and attributes are there.


def call(request: Request, own_request: OwnRequest) -> list[str]:
    return [
        dict_of_str(request=request, params={"id": "7"}),
        typed_dict(request=request, params={"id": 7}),
        own_request_and_typed_dict(request=own_request, params={"id": 7}),
        stacked(request=own_request, params={}),
        with_more(request, {}, "hi", loud=True),
        other_names(req=request, args={}),
        greeting.text,
        shout(request=request, params={}),
        decorated(request=request, params={}),
        returned_as_handle(request, {}).status,
    ]
