"""Bodies of requests are read exactly: never beyond their end, and whole or refused."""

from __future__ import annotations

import errno
import gzip
import io

import pytest
from werkzeug.exceptions import HTTPException, UnsupportedMediaType

from microfn import Request, Router

from ..wsgi import Input, call, environ_of


@pytest.fixture
def body_app():
    app = Router(max_content_length=10)
    app.post("/")(lambda request, params: str(len(request.get_data())))
    app.post("/twice")(
        lambda request, params: str([len(request.stream.read(3)), len(request.stream.read()), request.stream.read(1)])
    )
    app.post("/form")(
        lambda request, params: repr((request.form.to_dict(), {k: f.read() for k, f in request.files.items()}))
    )
    app.post("/big", max_content_length=20)(lambda request, params: str(len(request.get_data())))
    app.post("/unread")(lambda request, params: "unread")
    return app


LENGTHS = [
    ("5", b"hello", "5"),
    ("0", b"", "0"),
    ("", b"hello", "0"),
    (None, b"hello", "0"),
    ("05", b"hello", "5"),
    ("10", b"x" * 10, "10"),
    ("11", b"x" * 11, 413),
    ("9" * 30, b"x", 413),
    ("9" * 5000, b"x", 413),
    ("+5", b"hello", 400),
    ("-1", b"hello", 400),
    (" 5", b"hello", 400),
    ("5 ", b"hello", 400),
    ("5, 5", b"hello", 400),
    ("0x5", b"hello", 400),
    ("5.0", b"hello", 400),
    ("abc", b"hello", 400),
    ("\u0665", b"hello", 400),
    ("6", b"hello", 400),
]


@pytest.mark.parametrize(("length", "body", "result"), LENGTHS)
@pytest.mark.parametrize("terminated", [None, True])
def test_the_length_decides_how_much_is_read(body_app, length, body, result, terminated):
    reply = call(body_app, "POST", body=body, CONTENT_LENGTH=length, wsgi__input_terminated=terminated, validate=False)
    if terminated and not length:
        result = str(len(body))
    assert (reply.text if reply.code == 200 else reply.code) == result


def test_length_counts_beside_a_left_over_transfer_encoding(body_app):
    """A proxy that decoded the body may leave the header."""
    assert call(body_app, "POST", body=b"hello", HTTP_TRANSFER_ENCODING="chunked").text == "5"


@pytest.mark.parametrize(("size", "result"), [(0, "0"), (9, "9"), (10, "10"), (11, 413), (100_000, 413)])
def test_a_chunked_body_is_read_whole_or_refused(body_app, size, result):
    reply = call(body_app, "POST", body=b"x" * size, CONTENT_LENGTH=None, wsgi__input_terminated=True)
    assert (reply.text if reply.code == 200 else reply.code) == result


def test_a_stream_ends_where_the_body_does(body_app):
    for options in [{}, {"CONTENT_LENGTH": None, "wsgi__input_terminated": True}]:
        assert call(body_app, "POST", "/twice", body=b"x" * 10, **options).text == "[3, 7, b'']"
    assert (
        call(body_app, "POST", "/twice", body=b"x" * 11, CONTENT_LENGTH=None, wsgi__input_terminated=True).code == 413
    )


class OwnError(Exception):
    """gunicorn's error for a broken chunk is neither an OSError nor a ValueError."""


ERRORS = [ConnectionResetError(104, "reset"), TimeoutError("slow"), OSError("gone"), OwnError(), ValueError("closed")]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("options", [{"CONTENT_LENGTH": "10"}, {"wsgi__input_terminated": True}])
def test_a_connection_that_breaks_is_400(body_app, error, options):
    assert call(body_app, "POST", wsgi__input=Input(b"", allowed=None, error=error), **options).code == 400


OWN_ERRORS = [
    OSError(errno.ENOSPC, "full"),
    OSError(errno.EFBIG, "large"),
    OSError(errno.EMFILE, "many"),
    MemoryError(),
]


def test_get_data_as_text_decodes_the_body():
    """As in werkzeug: UTF-8, with replacements for invalid bytes."""
    app = Router()
    app.post("/")(lambda request, params: request.get_data(as_text=True))
    assert call(app, "POST", "/", body="Köln".encode()).text == "Köln"
    assert call(app, "POST", "/", body=b"K\xf6ln").text == "K\ufffdln"
    assert call(app, "POST", "/").text == ""


@pytest.mark.parametrize("error", OWN_ERRORS)
@pytest.mark.parametrize("options", [{"CONTENT_LENGTH": "10"}, {"wsgi__input_terminated": True}])
@pytest.mark.parametrize("read", ["get_data", "stream"])
def test_body_without_room_on_the_machine_is_500(error, options, read, caplog):
    """The client is not to blame, so the status is no 400, and the log has the error."""
    app = Router()
    app.post("/")(lambda request, params: request.get_data() if read == "get_data" else request.stream.read())
    reply = call(app, "POST", wsgi__input=Input(b"", allowed=None, error=error), **options)
    assert reply.code == 500
    assert [record.exc_info[1] for record in caplog.records] == [error]


class BreaksAtTheEnd(Input):
    def read(self, size=-1):
        data = self.file.read(size)
        if not data:
            raise self.error or ConnectionResetError(104, "reset")
        return data


@pytest.mark.parametrize(("error", "code"), [(ConnectionResetError(104, "reset"), 400), (OSError(28, "full"), 500)])
def test_a_body_that_breaks_right_behind_the_limit_is_not_whole(body_app, error, code):
    source = BreaksAtTheEnd(b"x" * 10, allowed=None, error=error)
    assert call(body_app, "POST", wsgi__input=source, wsgi__input_terminated=True).code == code


def code_of(read) -> int | None:
    """The status that reading ends in."""
    try:
        read()
    except HTTPException as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"body": b"x" * 11, "CONTENT_LENGTH": None, "wsgi__input_terminated": True}, 413),
        ({"body": b"x", "CONTENT_LENGTH": "5"}, 400),
        ({"wsgi__input": BreaksAtTheEnd(b"a=1", allowed=None), "wsgi__input_terminated": True}, 400),
    ],
)
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_failed_once_fails_again(options, code, content_type):
    app = Router(max_content_length=10)

    @app.post("/")
    def twice(request, params):
        reads = (lambda: request.form, request.get_data, request.stream.read, lambda: request.stream.read(1))
        codes = [code_of(read) for read in reads]
        return [code for code in codes if code is not None]

    reads = 3 if content_type == "text/plain" else 4
    assert call(app, "POST", CONTENT_TYPE=content_type, **options).text == str([code] * reads).replace(" ", "")


class Dribble(Input):
    """A server that gives less than is asked for."""

    def read(self, size=-1):
        return super().read(min(size, 2))


def test_a_body_that_comes_in_pieces_is_read_whole(body_app):
    assert call(body_app, "POST", wsgi__input=Dribble(b"hello", allowed=5), CONTENT_LENGTH="5").text == "5"
    assert call(body_app, "POST", wsgi__input=Dribble(b"hell", allowed=5), CONTENT_LENGTH="5").code == 400


class Resumes(Input):
    """A connection that breaks. The next read would return data of the next request."""

    def read(self, size=-1):
        if self.file.tell() == 3:
            self.file.seek(4)
            raise TimeoutError
        return super().read(min(size, 3) if self.file.tell() == 0 else size)


def test_a_read_that_failed_is_not_tried_again():
    request = Request(environ_of("POST", wsgi__input=Resumes(b"abc-GET /next", allowed=None), CONTENT_LENGTH="5"))
    reads = [request.get_data, request.get_data, lambda: request.stream.read(), lambda: request.get_data(cache=False)]
    assert [code_of(read) for read in reads] == [400] * 4


LINES = {
    "lines": b"one\ntwo\n\nthree\n",
    "no end": b"one\ntwo",
    "one line": b"x" * 200_000,
    "long lines": (b"x" * 70_000 + b"\n") * 3,
    "nothing but ends": b"\n" * 1000,
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("is_told", [True, False])
def test_a_body_is_read_line_by_line(name, is_told):
    data, source = LINES[name], io.BytesIO(LINES[name] + b"behind it" * is_told)
    length = {"CONTENT_LENGTH": str(len(data))} if is_told else {"wsgi.input_terminated": True}
    stream = Request({**environ_of(), **length, "wsgi.input": source}).stream
    expected = io.BytesIO(data)
    assert [stream.readline(size) for size in (0, 2, 100_000)] == [expected.readline(size) for size in (0, 2, 100_000)]
    assert stream.read(3) == expected.read(3)
    assert list(stream) == list(expected)
    assert (stream.readline(), stream.readline(5), stream.readline(None), stream.read()) == (b"", b"", b"", b"")
    assert not is_told or source.read() == b"behind it"


def test_lines_that_do_not_come_are_a_400_and_too_many_a_413():
    app = Router(max_content_length=10)

    @app.post("/")
    def lines(request, params):
        try:
            return [line.decode() for line in request.stream]
        finally:
            with pytest.raises(HTTPException):
                request.stream.readline()

    broken = Input(b"", allowed=None, error=ConnectionError())
    terminated = {"wsgi__input_terminated": True, "validate": False}
    assert call(app, "POST", body=b"a\nb", CONTENT_LENGTH="9", validate=False).code == 400
    assert call(app, "POST", wsgi__input=broken, CONTENT_LENGTH="9", validate=False).code == 400
    assert call(app, "POST", wsgi__input=Input(b"a\n" * 6, allowed=None), **terminated).code == 413


def test_once_read_the_stream_is_empty():
    request = Request(environ_of("POST", body=b"hello"))
    assert (request.get_data(), request.stream.read(), request.get_data()) == (b"hello", b"", b"hello")
    request = Request(environ_of("POST", body=b"hello"))
    assert (request.get_data(cache=False), request.get_data()) == (b"hello", b"")


def test_a_route_has_its_own_limit(body_app):
    assert call(body_app, "POST", "/big", body=b"x" * 20).text == "20"
    assert call(body_app, "POST", "/big", body=b"x" * 21).code == 413


def test_without_a_limit_any_length_is_read():
    app = Router(max_content_length=None)
    app.post("/")(lambda request, params: str(len(request.get_data())))
    body = b"x" * (17 << 20)
    assert call(app, "POST", body=body).text == str(len(body))
    assert call(app, "POST", body=body, CONTENT_LENGTH=None, wsgi__input_terminated=True).text == str(len(body))


def test_the_default_limit_is_16_mib():
    app = Router()
    app.post("/")(lambda request, params: str(len(request.get_data())))
    assert call(app, "POST", body=b"x" * (16 << 20)).code == 200
    assert call(app, "POST", CONTENT_LENGTH=str((16 << 20) + 1)).code == 413


def test_a_body_that_nobody_reads_is_nobodys_business(body_app):
    assert call(body_app, "POST", "/unread", CONTENT_LENGTH="abc", validate=False).text == "unread"


def test_a_shallow_request_does_not_read():
    with pytest.raises(RuntimeError, match="shallow"):
        Request(environ_of("POST", body=b"x"), shallow=True).get_data()


def test_a_route_may_have_no_limit_at_all():
    app = Router(max_content_length=10)
    app.post("/", max_content_length=None)(lambda request, params: str(len(request.get_data())))
    body = b"x" * (17 << 20)
    assert call(app, "POST", body=body).text == str(len(body))
    assert call(app, "POST", body=body, CONTENT_LENGTH=None, wsgi__input_terminated=True).text == str(len(body))
    with pytest.raises(ValueError, match="must be 0 or more"):
        app.post("/other", max_content_length=-1)(lambda request, params: "")


def forms_app():
    app = Router()
    app.post("/json")(lambda request, params: {"got": request.json})
    app.post("/forced")(lambda request, params: {"got": request.get_json(force=True)})
    app.post("/silent")(lambda request, params: {"got": request.get_json(silent=True)})
    app.post("/valid", valid=lambda data: data)(lambda request, params: {"got": request.valid})
    app.post("/form")(lambda request, params: {"got": request.form.to_dict()})
    app.post("/files")(lambda request, params: {"got": sorted(request.files)})
    app.post("/values")(lambda request, params: {"got": request.values.to_dict()})
    app.post("/data")(lambda request, params: request.data)
    app.post("/get_data")(lambda request, params: request.get_data())
    app.post("/stream")(lambda request, params: request.stream.read())
    return app


FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
PARTS = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
ENCODED = [
    *((path, b'{"a": "1"}', "application/json") for path in ("/json", "/valid", "/forced")),
    ("/json", b'{"a": "1"}', "application/json; charset=utf-8"),
    *((path, b"a=1", "application/x-www-form-urlencoded") for path in ("/form", "/values")),
    *((path, PARTS, "multipart/form-data; boundary=b") for path in ("/form", "/values")),
]
CODINGS = [
    "gzip",
    "br",
    "deflate",
    "zstd",
    "x-gzip",
    "GZIP",
    "identity, gzip",
    "gzip, br",
    "nonsense",
    "\xff",
    "gzip;q=0",
]


@pytest.mark.parametrize(("path", "body", "kind"), ENCODED)
def test_encoded_body_is_415_where_its_content_is_asked(path, body, kind):
    app = forms_app()
    for coding in CODINGS:
        for sent in gzip.compress(body), body:
            got = call(app, "POST", path=path, body=sent, CONTENT_TYPE=kind, HTTP_CONTENT_ENCODING=coding)
            assert (got.code, got.headers["accept-encoding"]) == (415, "identity")
            assert got.json["detail"] == "Send the body without a Content-Encoding."
    for coding in ["identity", "Identity , identity", "", ","]:
        got = call(app, "POST", path=path, body=body, CONTENT_TYPE=kind, HTTP_CONTENT_ENCODING=coding)
        assert got.json == {"got": {"a": "1"}}


@pytest.mark.parametrize("path", ["/data", "/get_data", "/stream"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_encoded_body_can_be_read_as_it_came(path, kind):
    sent = gzip.compress(b"a=1")
    got = call(forms_app(), "POST", path=path, body=sent, CONTENT_TYPE=kind, HTTP_CONTENT_ENCODING="gzip")
    assert got.body == sent


def test_encoded_body_can_be_read_after_a_415():
    request = Request(environ_of("POST", body=b"a=1", HTTP_CONTENT_ENCODING="gzip", **FORM))
    for _ in range(2):
        with pytest.raises(UnsupportedMediaType):
            _ = request.form
    assert (request.data, request.get_data()) == (b"a=1", b"a=1")
    with pytest.raises(UnsupportedMediaType):
        _ = request.files


def test_encoded_body_that_is_no_form_has_no_fields():
    app = forms_app()
    got = call(app, "POST", path="/form", body=b"x", CONTENT_TYPE="image/png", HTTP_CONTENT_ENCODING="gzip")
    assert got.json == {"got": {}}
    encoded = {"CONTENT_TYPE": "application/json", "HTTP_CONTENT_ENCODING": "gzip"}
    assert call(app, "POST", path="/silent", body=b"{}", **encoded).json == {"got": None}


def test_handler_of_415_keeps_the_header_of_codings():
    app = forms_app()
    app.error(415)(lambda request, error: "plain, please")
    got = call(app, "POST", path="/json", body=b"{}", CONTENT_TYPE="application/json", HTTP_CONTENT_ENCODING="br")
    assert (got.code, got.text, got.headers["accept-encoding"]) == (415, "plain, please", "identity")
