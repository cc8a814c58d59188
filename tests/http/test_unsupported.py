"""Results that are no answer: refused, with a hint for those of other frameworks."""

from __future__ import annotations

import gc

import msgspec
import pydantic
import pytest

from microfn import Router

from ..handles import answer


def test_a_coroutine_is_no_answer_and_is_closed(caplog):
    async def body():
        return "x"

    coroutine = body()
    assert answer(coroutine).code == 500
    assert coroutine.cr_frame is None


async def coroutine():
    return "x"


async def async_generator():
    yield "x"


class Model(pydantic.BaseModel):
    number: int = 7


class Struct(msgspec.Struct):
    number: int = 7


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (coroutine, "must return a response, got coroutine; WSGI is synchronous: use `def`"),
        (async_generator, "must return a response, got async_generator; WSGI is synchronous"),
        (Model, r'must return a response, got Model; did you mean \.model_dump\(mode="json"\)\?'),
        (Struct, r"must return a response, got Struct; did you mean msgspec\.to_builtins"),
    ],
)
@pytest.mark.parametrize("wrapped", [lambda value: value, lambda value: (value, 201)])
@pytest.mark.parametrize("has_middleware", [False, True])
def test_value_of_a_library_is_refused_with_a_hint(make, message, wrapped, has_middleware):
    """A coroutine is closed, so that nothing warns that it was never awaited."""
    app = Router()
    if has_middleware:
        app.use(lambda handle: lambda request, params: handle(request, params))
    app.get("/")(lambda request, params: wrapped(make()))
    with app.test_client(raise_exceptions=True) as client, pytest.raises(TypeError, match=message):
        client.get("/")
    gc.collect()
