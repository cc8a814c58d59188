"""Handles and middleware: any callable of the right signature, and nothing else."""

from __future__ import annotations

import functools

import pytest

from microfn import InvalidHandle, Router
from microfn.middleware import cors, request_id

from ..handles import marking, say
from ..wsgi import call


def ok(request, params):
    return "ok"


class Bound:
    def two(self, request, params):
        return "ok"

    def one(self, request):
        return "ok"

    def __call__(self, request, params):
        return "ok"

    @staticmethod
    def static(request, params):
        return "ok"


class AsyncCall:
    async def __call__(self, request, params):
        return "ok"


async def coroutine(request, params):
    return "ok"


async def async_generator(request, params):
    yield "ok"


def three(request, params, more):
    return "ok"


@pytest.mark.parametrize(
    "handle",
    [
        ok,
        lambda request, params: "ok",
        lambda request, params, more=1: "ok",
        lambda *arguments: "ok",
        lambda request, *rest, key=1: "ok",
        Bound().two,
        Bound(),
        Bound.static,
        functools.partial(three, more=1),
        functools.partial(ok),
    ],
)
def test_whatever_takes_a_request_and_params_is_a_handle(handle):
    app = Router()
    app.get("/x")(handle)
    assert call(app, "GET", "/x").body == b"ok"


def test_builtin_without_a_signature_is_a_handle():
    app = Router()
    app.get("/x")(max)
    assert app.routes[0].handle is max


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        (None, "it must be callable as"),
        ("ok", "it must be callable as"),
        (lambda: "ok", "handle\\(request, params\\)"),
        (lambda request: "ok", "handle\\(request, params\\)"),
        (three, "got three\\(request, params, more\\)"),
        (lambda request, params, *, key: "ok", "handle\\(request, params\\)"),
        (Bound().one, "handle\\(request, params\\)"),
        (Bound.two, "handle\\(request, params\\)"),
        (functools.partial(three), "handle\\(request, params\\)"),
        (coroutine, "async"),
        (async_generator, "async"),
        (AsyncCall(), "async"),
        (functools.partial(coroutine), "async"),
    ],
)
def test_handle_that_takes_other_arguments_is_refused(handle, reason):
    app = Router()
    with pytest.raises(InvalidHandle, match=reason) as caught:
        app.get("/x")(handle)
    assert caught.value.handle is handle
    assert isinstance(caught.value, TypeError)
    assert app.routes == ()


@pytest.mark.parametrize("wrong", [None, 7, "m", lambda: None, lambda a, b: None, [marking("m")]])
def test_what_is_no_middleware_is_refused_when_it_is_given(wrong):
    app = Router()
    with pytest.raises(InvalidHandle, match="middleware"):
        app.use(wrong)
    with pytest.raises(InvalidHandle, match="middleware"):
        app.get("/", use=[wrong])(say(""))
    with pytest.raises(InvalidHandle, match="middleware"):
        app.group("/a", use=[wrong])


def test_function_that_makes_a_middleware_is_refused_with_a_hint():
    app = Router()
    with pytest.raises(
        InvalidHandle, match=r"request_id cannot be a middleware: .* did you mean .* request_id\(\.\.\.\)"
    ):
        app.use(request_id)
    with pytest.raises(InvalidHandle, match="as separate arguments"):
        app.use([request_id()])
    app.use(cors)
    with pytest.raises(InvalidHandle, match=r"cors cannot be a middleware: .* did you mean .* cors\(\.\.\.\)"):
        app.build()


def test_an_async_middleware_is_refused():
    async def middleware(handle):
        return handle

    with pytest.raises(InvalidHandle, match="async"):
        Router().use(middleware)


def test_use_takes_a_list():
    with pytest.raises(TypeError, match="use must be a list of middleware"):
        Router().get("/", use=marking("m"))(say(""))
