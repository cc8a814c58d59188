"""Forms: limits that hold for all of one, and files that arrive as they were sent, however the bytes come in."""

from __future__ import annotations

import io

import pytest

from microfn import Request, Router
from microfn.http.forms import FormParser

from ..fuzz.classes.forms import multipart
from ..fuzz.classes.wire import Wire
from ..wsgi import call, environ_of

KIND = "multipart/form-data; boundary=b"


@pytest.fixture
def app():
    app = Router()

    @app.post("/")
    def show(request, params):
        fields = {name: len(value) for name, value in request.form.items()}
        return {
            "fields": fields,
            "files": {name: file.read().decode("latin-1") for name, file in request.files.items()},
        }

    return app


def post(app, body, **extra):
    return call(app, "POST", body=body, CONTENT_TYPE=KIND, **extra)


def test_the_fields_of_a_form_are_limited_together_and_not_each_by_itself(app):
    halves = [("a", None, b"x" * 250_000), ("b", None, b"x" * 250_000)]
    assert post(app, multipart(halves)).json["fields"] == {"a": 250_000, "b": 250_000}
    got = post(app, multipart([*halves, ("c", None, b"x")]))
    assert (got.code, got.json["detail"]) == (413, "The fields of the form can have 500000 bytes at most.")


def test_files_are_not_counted_as_fields(app):
    parts = [("a", None, b"x" * 500_000), ("f", "f.bin", b"y" * 600_000)]
    got = post(app, multipart(parts)).json
    assert (got["fields"], len(got["files"]["f"])) == ({"a": 500_000}, 600_000)


def test_a_small_limit_for_fields_lets_large_files_in():
    app = Router()

    @app.post("/")
    def show(request, params):
        request.max_form_memory_size = 10
        return f"{request.form['a']} {len(request.files['f'].read())}"

    assert post(app, multipart([("a", None, b"1234567890"), ("f", "f", b"y" * 300_000)])).text == "1234567890 300000"
    assert post(app, multipart([("a", None, b"12345678901"), ("f", "f", b"y")])).code == 413


CONTENTS = [b"", b"hello", b"\r", b"\n", b"\r\n", b"a\rb", b"a\r\n--", b"\r\n--bb\r\n", b"\n\n\r\r"]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("piece", [1, 2, 3, 5, 8, 13, 100])
def test_a_file_arrives_as_it_was_sent_however_small_the_pieces_are(app, content, piece):
    body = multipart([("f", "f.bin", content), ("a", None, b"1")])
    wire = Wire(body, allowed=len(body), piece=piece)
    got = call(app, "POST", CONTENT_TYPE=KIND, CONTENT_LENGTH=str(len(body)), wsgi__input=wire)
    assert got.json == {"fields": {"a": 1}, "files": {"f": content.decode("latin-1")}}


@pytest.mark.parametrize("cut", range(-12, 12))
def test_a_boundary_may_lie_where_one_piece_ends_and_the_next_begins(app, cut):
    """The first 64 KiB end somewhere in the line of the last boundary."""
    begin = len(multipart([("f", "f.bin", b"")])) - len(b"\r\n--b--\r\n")
    content = "x" * (65536 - begin - cut)
    assert post(app, multipart([("f", "f.bin", content.encode())])).json["files"] == {"f": content}


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff"]
)
def test_what_has_no_boundary_has_no_fields(app, kind):
    got = call(app, "POST", body=multipart([("a", None, b"1")]), CONTENT_TYPE=kind)
    assert got.json == {"fields": {}, "files": {}}


def test_the_limits_of_a_form_can_be_lifted():
    class Unlimited(Request):
        max_form_memory_size = None
        max_form_parts = None

    body = multipart([(f"a{number}", None, b"x" * 1000) for number in range(1200)])
    assert len(Unlimited(environ_of("POST", body=body, CONTENT_TYPE=KIND)).form) == 1200


@pytest.mark.parametrize(
    ("mimetype", "options"), [("multipart/form-data", {}), ("application/x-www-form-urlencoded", None)]
)
def test_a_parser_that_is_not_silent_says_what_is_no_form(mimetype, options):
    with pytest.raises(ValueError, match=r"."):
        FormParser(silent=False).parse(io.BytesIO(b"a=\xff"), mimetype, None, options)
    assert FormParser().parse(io.BytesIO(b"a=\xff"), mimetype, None, options)[1:] == ({}, {})
