"""The request: a true werkzeug Request that computes nothing before it is asked, and a body that is read exactly."""

from __future__ import annotations

import copy
import errno
import io
import os
import pickle
import tempfile

import pytest
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from microfn import Request, Router

from ..wsgi import Input, call, environ_of

ENVIRONS = {
    "plain": environ_of(),
    "query": environ_of(path="/a/b", query="x=1&y=%C3%A9&x=2"),
    "prefix": environ_of(path="/caf\xc3\xa9", SCRIPT_NAME="/pr\xc3\xa4fix/"),
    "https": environ_of(wsgi__url_scheme="https", SERVER_PORT="8443", HTTP_HOST="example.com:8443"),
    "no host": environ_of(HTTP_HOST=None, SERVER_NAME="::1", SERVER_PORT="81"),
    "unix": environ_of(HTTP_HOST=None, SERVER_PORT="", REMOTE_ADDR=None),
    "lower": environ_of(method="post"),
    "headers": environ_of(
        HTTP_ACCEPT="text/html,*/*;q=0.1",
        HTTP_ACCEPT_LANGUAGE="de, en;q=0.5",
        HTTP_COOKIE="a=1; b=2",
        HTTP_AUTHORIZATION="Basic dTpw",
        HTTP_IF_NONE_MATCH='"x"',
        HTTP_RANGE="bytes=0-5",
        HTTP_X_FORWARDED_FOR="1.2.3.4, 5.6.7.8",
        HTTP_REFERER="http://a/",
        HTTP_USER_AGENT="test",
        HTTP_DATE="Tue, 24 Nov 2026 04:36:00 GMT",
    ),
    "form": EnvironBuilder(method="POST", data={"a": "1", "b": "é"}).get_environ(),
    "upload": EnvironBuilder(method="POST", data={"a": "1", "f": (io.BytesIO(b"data"), "f.txt")}).get_environ(),
    "json": EnvironBuilder(method="POST", json={"a": 1}).get_environ(),
    "nothing": {"wsgi.input": io.BytesIO()},
}

PROPERTIES = sorted(
    name
    for name in {
        *dir(WerkzeugRequest),
        "method",
        "scheme",
        "server",
        "root_path",
        "path",
        "query_string",
        "remote_addr",
    }
    if not name.startswith("_")
    and not callable(getattr(WerkzeugRequest, name, None))
    and name not in ("stream", "input_stream", "json_module", "max_content_length")
)


def shown(value: object) -> object:
    """A value in a form that can be compared: files and streams by what they hold."""
    if isinstance(value, EnvironHeaders):
        return sorted(value)
    return repr(value)


def read(cls: type[WerkzeugRequest], environ: dict, name: str) -> object:
    body = environ["wsgi.input"]
    environ = dict(environ)
    if not isinstance(body, Input):
        environ["wsgi.input"] = io.BytesIO(body.getvalue())
    request = cls(environ)
    try:
        value = getattr(request, name)
    except Exception as error:
        return type(error)
    if name == "environ":
        value.pop("werkzeug.request", None)
        value.pop("wsgi.input")
    result = shown(value)
    if name in ("files", "values", "form"):
        result = (
            [(key, file.filename, file.read()) for key, file in request.files.items()],
            list(request.form.items(multi=True)),
        )
    request.close()
    return result


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_public_attribute_is_what_werkzeugs_is(name):
    for label, environ in ENVIRONS.items():
        if label == "nothing" and name == "full_path":
            continue
        assert (label, read(Request, environ, name)) == (label, read(WerkzeugRequest, environ, name))


def test_it_is_a_werkzeug_request():
    request = Request(environ_of(path="/x"))
    assert isinstance(request, WerkzeugRequest)
    assert repr(request) == "<Request 'http://site.test/x' [GET]>"


def test_nothing_is_computed_before_it_is_asked():
    request = Request(environ_of())
    assert vars(request) == {}
    assert "werkzeug.request" not in request.environ
    assert Request(environ_of(), populate_request=True).environ["werkzeug.request"]


class Own(Request):
    """A subclass, with an attribute of its own."""

    @property
    def shout(self):
        return self.path.upper()


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_subclass_has_what_werkzeugs_has(name):
    environ = ENVIRONS["headers"]
    assert read(Own, environ, name) == read(WerkzeugRequest, environ, name)


def picklable(environ):
    return {**environ, "wsgi.input": io.BytesIO(b"{}"), "wsgi.errors": None}


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("cls", [Request, Own])
def test_a_request_can_be_pickled(cls, protocol):
    request = cls(picklable(environ_of("POST", "/x", query="a=1", HTTP_ACCEPT="text/html")))
    request.method = "PUT"
    request.params = {"id": 7}
    assert request.args["a"] == "1"
    again = pickle.loads(pickle.dumps(request, protocol))
    assert type(again) is cls
    assert (again.method, again.url, again.args, again.params) == ("PUT", request.url, request.args, {"id": 7})
    assert again.get_data() == b""


def test_a_routers_request_is_a_plain_one_when_it_comes_back():
    app, kept = Router(), []

    @app.get("/:id")
    def show(request, params):
        kept.extend([request, copy.copy(request)])
        return pickle.dumps(request)

    environ = picklable(environ_of(path="/7"))
    again = pickle.loads(b"".join(app(environ, lambda *answer: None)))
    assert (type(again), again.path, again.params, again.route, again.router) == (
        Request,
        "/7",
        {"id": "7"},
        None,
        None,
    )
    request, copied = kept
    assert type(copied) is type(request)
    assert (copied.route, copied.router, copied.params) == (request.route, app, {"id": "7"})


def test_an_attribute_may_be_assigned():
    request = Request(environ_of())
    request.path = "/other"
    request.method = "PUT"
    assert (request.path, request.method, request.url) == ("/other", "PUT", "http://site.test/other")


def test_a_class_shows_what_computes_an_attribute():
    assert Request.host.__doc__.startswith("The host that the client asked for")


def test_two_requests_have_params_of_their_own():
    first, second = Request(environ_of()), Request(environ_of())
    first.params["id"] = 1
    assert second.params == {}


BAD_HEADERS = [
    ("authorization", {"HTTP_AUTHORIZATION": "Basic \xff"}),
    ("args", {"QUERY_STRING": "\xff=1"}),
    ("full_path", {"QUERY_STRING": "\xff"}),
]


@pytest.mark.parametrize(("name", "extra"), BAD_HEADERS)
def test_what_a_client_sends_and_nobody_can_read_is_400(name, extra):
    app = Router()
    app.get("/")(lambda request, params: repr(getattr(request, name)))
    assert call(app, **extra).code == 400


def test_an_absurd_date_is_none():
    assert Request(environ_of(HTTP_DATE="Mon, 01 Jan 99999999999 00:00:00 GMT")).date is None


JUNK = [
    "",
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "\xff",
    "\x00",
    "=",
    ";",
    ",",
    '"',
    "bytes=9-1",
    "bytes=-",
    "W/",
    "Basic",
    "Digest x=\x7f",
    "x" * 9000,
    "q=" * 3000,
    "1" * 5000,
]


HEADERS = [
    *sorted(name for name in ENVIRONS["headers"] if name.startswith("HTTP_")),
    "HTTP_IF_RANGE",
    "HTTP_CACHE_CONTROL",
    "HTTP_MAX_FORWARDS",
    "HTTP_IF_MODIFIED_SINCE",
    "CONTENT_TYPE",
]


@pytest.mark.parametrize("header", HEADERS)
def test_no_header_is_a_500(header, caplog):
    app = Router()
    app.post("/")(lambda request, params: repr([getattr(request, name) for name in PROPERTIES if name != "json"]))
    for junk in JUNK:
        assert call(app, "POST", validate=False, **{header: junk}).code in (200, 400, 413, 414, 415)
    assert caplog.messages == []


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


def test_a_length_counts_beside_a_transfer_encoding_that_a_proxy_left(body_app):
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
    """What gunicorn raises for a broken chunk is neither an OSError nor a ValueError."""


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
    """As werkzeug does: UTF-8, with a replacement for what is not."""
    app = Router()
    app.post("/")(lambda request, params: request.get_data(as_text=True))
    assert call(app, "POST", "/", body="Köln".encode()).text == "Köln"
    assert call(app, "POST", "/", body=b"K\xf6ln").text == "K\ufffdln"
    assert call(app, "POST", "/").text == ""


@pytest.mark.parametrize("error", OWN_ERRORS)
@pytest.mark.parametrize("options", [{"CONTENT_LENGTH": "10"}, {"wsgi__input_terminated": True}])
@pytest.mark.parametrize("read", ["get_data", "stream"])
def test_a_body_that_the_machine_has_no_room_for_is_no_fault_of_the_client(error, options, read, caplog):
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
    """A connection that breaks, and whose next read would give what belongs to the next request."""

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


def test_a_path_that_is_no_text_can_still_be_looked_at():
    assert Request(environ_of(path="/\xff\u0100")).path == "/\ufffd?"


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


def multipart(*parts: bytes) -> dict:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return {"body": body, "CONTENT_TYPE": "multipart/form-data; boundary=b"}


def field(name: bytes, value: bytes, filename: bytes | None = None) -> bytes:
    file = b"; filename=" + filename if filename is not None else b""
    return b"Content-Disposition: form-data; name=" + name + file + b"\r\n\r\n" + value


@pytest.fixture
def form_app():
    app = Router()
    app.post("/")(lambda request, params: f"{len(request.form)} {len(request.files)}")
    return app


def test_forms_and_files_are_read(form_app):
    assert call(form_app, "POST", **multipart(field(b"a", b"1"), field(b"f", b"data", b"f.txt"))).text == "1 1"
    assert call(form_app, "POST", body=b"a=1&b=2", CONTENT_TYPE="application/x-www-form-urlencoded").text == "2 0"


def test_forms_are_limited_in_parts_and_memory(form_app):
    parts = [field(b"a", b"x")] * 1001
    assert call(form_app, "POST", **multipart(*parts)).code == 413
    assert call(form_app, "POST", **multipart(field(b"a", b"x" * 600_000))).code == 413
    assert call(form_app, "POST", **multipart(field(b"f", b"x" * 600_000, b"f"))).text == "0 1"


URLENCODED = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}


def test_urlencoded_forms_are_limited_too(form_app):
    assert call(form_app, "POST", body=b"&".join(b"a%d=1" % n for n in range(1000)), **URLENCODED).text == "1000 0"
    assert call(form_app, "POST", body=b"&".join(b"a%d=1" % n for n in range(1001)), **URLENCODED).code == 413
    assert call(form_app, "POST", body=b"a=" + b"x" * 499_998, **URLENCODED).text == "1 0"
    assert call(form_app, "POST", body=b"a=" + b"x" * 499_999, **URLENCODED).code == 413


def test_the_limits_of_forms_can_be_lifted():
    class Unlimited(Request):
        max_form_memory_size = None
        max_form_parts = None

    body = b"&".join(b"a%d=1" % n for n in range(100_000))
    assert len(Unlimited(environ_of("POST", body=body, **URLENCODED)).form) == 100_000


def test_an_uploaded_file_is_open_while_the_answer_streams_and_closed_then():
    opened = []

    def handle(request, params):
        opened.append(request.files["f"])
        yield request.files["f"].read()

    app = Router()
    app.post("/")(handle)
    assert call(app, "POST", **multipart(field(b"f", b"x" * 600_000, b"f"))).body == b"x" * 600_000
    assert opened[0].stream.closed


def test_an_upload_that_is_cut_short_is_400(form_app):
    whole = multipart(field(b"a", b"1"), field(b"f", b"data", b"f.txt"))
    assert call(form_app, "POST", **{**whole, "CONTENT_LENGTH": str(len(whole["body"]) + 1)}).code == 400


class Full(io.RawIOBase):
    """A file on a disk that is full."""

    def readable(self):
        return True

    writable = seekable = readable

    def seek(self, offset, whence=0):
        return 0

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full_disk(monkeypatch):
    """The temporary files that there are, none of which can be written."""
    files = []

    def open_file(*args, **kwargs):
        files.append(io.BufferedRandom(Full(), 1 << 20))  # large enough for the failure to come late
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", open_file)
    return files


@pytest.mark.parametrize("count", [1, 3])
def test_an_upload_to_a_full_disk_is_500_and_logged_once(full_disk, form_app, count, caplog):
    reply = call(form_app, "POST", **multipart(*[field(b"f", b"x" * 600_000, b"f")] * count))
    assert (reply.code, reply.json["title"]) == (500, "Internal Server Error")
    assert [record.exc_info[1].errno for record in caplog.records] == [errno.ENOSPC]
    assert [file.raw.closed for file in full_disk] == [True]


def test_a_full_disk_can_be_answered_by_a_handler(full_disk, form_app, caplog):
    @form_app.error(OSError)
    def full(request, error):
        return "no room", 507 if error.errno == errno.ENOSPC else 500

    reply = call(form_app, "POST", **multipart(field(b"f", b"x" * 600_000, b"f")))
    assert (reply.status, reply.text, caplog.records) == ("507 Insufficient Storage", "no room", [])


def test_a_form_that_failed_once_is_not_read_from_its_middle(full_disk):
    request = Request(environ_of("POST", **multipart(field(b"f", b"x" * 600_000, b"f"), field(b"a", b"1"))))
    for read in (lambda: request.form, lambda: request.files, request.get_data, lambda: request.stream.read()):
        with pytest.raises(OSError, match="No space left"):
            read()
    request._close()


def test_a_route_may_have_no_limit_at_all():
    app = Router(max_content_length=10)
    app.post("/", max_content_length=None)(lambda request, params: str(len(request.get_data())))
    body = b"x" * (17 << 20)
    assert call(app, "POST", body=body).text == str(len(body))
    assert call(app, "POST", body=body, CONTENT_LENGTH=None, wsgi__input_terminated=True).text == str(len(body))
    with pytest.raises(ValueError, match="cannot be negative"):
        app.post("/other", max_content_length=-1)(lambda request, params: "")
