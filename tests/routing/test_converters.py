"""Parameters that are more than text."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from decimal import Decimal

import pytest

from microfn import InvalidUrl, Router, natural

from ..wsgi import call


def app_with(converter):
    app = Router()
    app.get("/n/:value", convert={"value": converter})(lambda request, params: repr(params["value"]))
    return app


@pytest.mark.parametrize(
    ("converter", "text", "value"),
    [
        (int, "5", "5"),
        (int, "-5", "-5"),
        (int, "007", "7"),
        (int, "9" * 400, "9" * 400),
        (float, "1.5", "1.5"),
        (float, "-2", "-2.0"),
        (float, "1e3", "1000.0"),
        (uuid.UUID, "00000000-0000-0000-0000-000000000007", "UUID('00000000-0000-0000-0000-000000000007')"),
        (str.upper, "é".encode().decode("latin-1"), "'É'"),
    ],
)
def test_a_converter_makes_the_value(converter, text, value):
    assert call(app_with(converter), path=f"/n/{text}").text == value


@pytest.mark.parametrize("text", [" 5", "5 ", "+5", "1_000", "５", "0x5", "5.0", "", "-", "x", "9" * 5000, "٣"])
def test_int_takes_plain_ascii_numbers_only(text):
    assert call(app_with(int), path=f"/n/{text.encode().decode('latin-1')}").code == 404


@pytest.mark.parametrize("text", [" 1", "nan", "inf", "-inf", "1_0.0", "1e999", "1.", ".5", "1,5", "１.5"])
def test_float_takes_plain_ascii_numbers_only(text):
    assert call(app_with(float), path=f"/n/{text.encode().decode('latin-1')}").code == 404


def refuse(error):
    def converter(text):
        raise error

    return converter


@pytest.mark.parametrize("error", [ValueError("no"), ZeroDivisionError(), OverflowError(), UnicodeError("no")])
def test_what_a_converter_refuses_is_404(error):
    assert call(app_with(refuse(error)), path="/n/5").code == 404


@pytest.mark.parametrize("error", [TypeError("bug"), KeyError("bug"), RuntimeError("bug")])
def test_a_converter_with_a_bug_is_500(error, caplog):
    reply = call(app_with(refuse(error)), path="/n/5")
    assert reply.code == 500
    assert caplog.messages == [f"GET /n/5 [/n/:value] raised {type(error).__name__}"]
    assert "bug" not in reply.text


def test_refusal_is_final_even_if_another_pattern_matches():
    app = Router(overlap=True)
    app.get("/u/:id", convert={"id": int})(lambda request, params: "id")
    app.get("/u/*rest")(lambda request, params: "rest")
    assert call(app, path="/u/x").code == 404
    assert call(app, path="/u/5").text == "id"


def test_no_redirect_leads_to_what_a_converter_would_refuse():
    app = Router()
    app.get("/u/:id", convert={"id": int})(lambda request, params: "")
    assert call(app, path="/u/5/").headers["location"] == "/u/5"
    assert call(app, path="/U/5").headers["location"] == "/u/5"
    assert call(app, path="/u/x/").code == 404
    assert call(app, path="/U/x").code == 404


def test_converters_are_not_asked_which_methods_there_are():
    app = Router()
    app.get("/u/:id", convert={"id": int})(lambda request, params: "")
    assert call(app, "POST", "/u/x").code == 405


def test_params_are_in_the_order_of_the_path_not_of_convert():
    app = Router()
    app.get("/:b/:a", convert={"a": int, "b": int})(lambda request, params: params)
    assert call(app, path="/1/2").text == '{"b":1,"a":2}'


NATURAL = {
    "0": 0,
    "7": 7,
    "007": 7,
    "9" * 4300: 10**4300 - 1,
    **dict.fromkeys(["-1", "-0", "+1", " 1", "1 ", "1_0", "1.0", "1e3", "0x1", "١", "１", "²", "x", "1\n"]),
    "9" * 4301: None,
}


@pytest.mark.parametrize("text", NATURAL, ids=lambda text: ascii(text[:9]))
def test_natural_takes_ascii_digits(text):
    app = Router(redirect_trailing_slash=False)
    app.get("/:n/x", name="x", convert={"n": natural})(lambda request, params: str(params["n"] == NATURAL[text]))
    reply = call(app, path=f"/{text.encode().decode('latin-1')}/x")
    assert reply.code == (404 if NATURAL[text] is None else 200)
    assert NATURAL[text] is None or reply.text == "True"
    if NATURAL[text] is None:
        with pytest.raises(InvalidUrl):
            app.url_for("x", n=text)


def test_natural_refuses_an_empty_param():
    app = Router()
    app.get("/:n/x", convert={"n": natural})(lambda request, params: "")
    assert call(app, path="//x").code == 404
    with pytest.raises(ValueError, match=r"^$"):
        natural("")


@pytest.mark.parametrize(
    ("converter", "hint"),
    [
        (bool, "got bool, which returns True for any text, even 'false'"),
        *[(kind, "the characters of the text") for kind in (list, tuple, set, frozenset)],
        (bytes, "str.encode"),
        (dict, "got dict"),
        (date, "did you mean date.fromisoformat?"),
        (datetime, "did you mean datetime.fromisoformat?"),
    ],
)
def test_class_that_takes_no_text_is_no_converter(converter, hint):
    app = Router()
    with pytest.raises(TypeError, match="the converter of 'x' must be a function of a str, got") as info:
        app.get("/:x", convert={"x": converter})(lambda request, params: "")
    assert hint in str(info.value)
    assert app.routes == ()


@pytest.mark.parametrize("converter", [str, uuid.UUID, Decimal, date.fromisoformat, str.encode, lambda text: [text]])
def test_class_that_takes_a_text_is_a_converter(converter):
    app = Router()
    app.get("/:x", convert={"x": converter})(lambda request, params: "")
    assert len(app.routes) == 1
