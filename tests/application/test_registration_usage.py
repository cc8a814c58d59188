"""Messages for calls that other frameworks take: the order of arguments, and values that need a conversion."""

from __future__ import annotations

import pytest

from microfn import InvalidHandle, Router, json_response


def handle(request, params):
    return ""


def call_next(request, call_next):
    return call_next(request)


WRONG_CALLS = {
    "route, a text": (lambda app: app.route("/k", "GET"), r"did you mean app\.route\('/k', methods=\['GET'\]\)\?"),
    "route, a list": (lambda app: app.route("/k", ["GET"]), r"did you mean app\.route\('/k', methods=\['GET'\]\)\?"),
    "route, the method first": (lambda app: app.route("GET", "/l"), r"app\.route\('/l', methods=\['GET'\]\)\?"),
    "include, by keyword": (lambda app: app.include(Router(), prefix="/x"), r"^include: .*app\.include\(\"/prefix\""),
    "include, no prefix": (lambda app: app.include(Router()), r"^include: missing .*'router'; call it as app\.include"),
    "include, three": (lambda app: app.include("/x", Router(), "y"), r"^include: too many positional arguments; call"),
    "group, a list": (lambda app: app.group("/x", [handle]), r"^group: too many positional arguments; call it as"),
    "mount, in the wrong order": (
        lambda app: app.mount(Router(), "/x"),
        "prefix must be a str, .*; pass the prefix first",
    ),
    "mount, no prefix": (lambda app: app.mount(Router()), r"^mount: missing .*; call it as app\.mount\(\"/prefix\""),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_wrong_call_is_told_the_right_one(name):
    call, message = WRONG_CALLS[name]
    with pytest.raises(TypeError, match=message):
        call(Router())


def test_middleware_of_another_framework_is_told_the_form():
    with pytest.raises(InvalidHandle, match=r"a middleware takes a handle and returns a handle, which takes"):
        Router().use(call_next)


class Model:
    def model_dump(self):
        return {}


@pytest.mark.parametrize("result", [lambda: [Model()], lambda: {"a": Model()}, lambda: json_response(Model())])
def test_model_inside_a_result_gets_the_hint(result, caplog):
    app = Router()
    app.get("/")(lambda request, params: result())
    assert app.test_client().get("/").status_code == 500
    assert 'Model cannot be encoded as JSON; did you mean .model_dump(mode="json")?' in caplog.text


@pytest.mark.parametrize("last", [201, "201 Created"])
def test_tuple_in_the_wrong_order_is_told_the_order(last, caplog):
    app = Router()
    app.get("/")(lambda request, params: ("", {"X-A": "b"}, last))
    assert app.test_client().get("/").status_code == 500
    assert "the order is (body, status, headers)" in caplog.text


def test_unset_value_of_the_context_is_told(caplog):
    app = Router()
    app.get("/")(lambda request, params: request.context.user)
    assert app.test_client().get("/").status_code == 500
    assert "request.context has no 'user'; no middleware of this route has set it" in caplog.text
