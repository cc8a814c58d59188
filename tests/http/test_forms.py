"""Forms: limits that hold for all of one, and files that arrive as they were sent, however the bytes come in."""

from __future__ import annotations

import errno
import io
import os
import tempfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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


def test_limit_of_fields_is_for_the_whole_form(app):
    halves = [("a", None, b"x" * 250_000), ("b", None, b"x" * 250_000)]
    assert post(app, multipart(halves)).json["fields"] == {"a": 250_000, "b": 250_000}
    got = post(app, multipart([*halves, ("c", None, b"x")]))
    assert (got.code, got.json["detail"]) == (413, "The fields of the form can have at most 500000 bytes.")


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
def test_file_arrives_as_sent_in_pieces_of_any_size(app, content, piece):
    body = multipart([("f", "f.bin", content), ("a", None, b"1")])
    wire = Wire(body, allowed=len(body), piece=piece)
    got = call(app, "POST", CONTENT_TYPE=KIND, CONTENT_LENGTH=str(len(body)), wsgi__input=wire)
    assert got.json == {"fields": {"a": 1}, "files": {"f": content.decode("latin-1")}}


@pytest.mark.parametrize("cut", range(-12, 12))
def test_boundary_may_be_cut_between_two_pieces(app, cut):
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


@pytest.mark.parametrize("options", [{}, None, {"boundary": "b"}])
def test_a_parser_that_is_not_silent_says_what_is_no_form(options):
    with pytest.raises(ValueError, match=r"."):
        FormParser(silent=False).parse(io.BytesIO(b"a=\xff"), "multipart/form-data", None, options)
    assert FormParser().parse(io.BytesIO(b"a=\xff"), "multipart/form-data", None, options)[1:] == ({}, {})


def form_of(*parts: bytes) -> dict:
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
    assert call(form_app, "POST", **form_of(field(b"a", b"1"), field(b"f", b"data", b"f.txt"))).text == "1 1"
    assert call(form_app, "POST", body=b"a=1&b=2", CONTENT_TYPE="application/x-www-form-urlencoded").text == "2 0"


def test_forms_are_limited_in_parts_and_memory(form_app):
    parts = [field(b"a", b"x")] * 1001
    assert call(form_app, "POST", **form_of(*parts)).code == 413
    assert call(form_app, "POST", **form_of(field(b"a", b"x" * 600_000))).code == 413
    assert call(form_app, "POST", **form_of(field(b"f", b"x" * 600_000, b"f"))).text == "0 1"


URLENCODED = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}


def test_urlencoded_forms_are_limited_too(form_app):
    assert call(form_app, "POST", body=b"&".join(b"a%d=1" % n for n in range(1000)), **URLENCODED).text == "1000 0"
    assert call(form_app, "POST", body=b"&".join(b"a%d=1" % n for n in range(1001)), **URLENCODED).code == 413
    assert call(form_app, "POST", body=b"a=" + b"x" * 499_998, **URLENCODED).text == "1 0"
    assert call(form_app, "POST", body=b"a=" + b"x" * 499_999, **URLENCODED).code == 413


def test_the_limits_of_urlencoded_forms_can_be_lifted():
    class Unlimited(Request):
        max_form_memory_size = None
        max_form_parts = None

    body = b"&".join(b"a%d=1" % n for n in range(100_000))
    assert len(Unlimited(environ_of("POST", body=body, **URLENCODED)).form) == 100_000


def test_uploaded_file_is_open_until_the_response_has_streamed():
    opened = []

    def handle(request, params):
        opened.append(request.files["f"])
        yield request.files["f"].read()

    app = Router()
    app.post("/")(handle)
    assert call(app, "POST", **form_of(field(b"f", b"x" * 600_000, b"f"))).body == b"x" * 600_000
    assert opened[0].stream.closed


def test_an_upload_that_is_cut_short_is_400(form_app):
    whole = form_of(field(b"a", b"1"), field(b"f", b"data", b"f.txt"))
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
    reply = call(form_app, "POST", **form_of(*[field(b"f", b"x" * 600_000, b"f")] * count))
    assert (reply.code, reply.json["title"]) == (500, "Internal Server Error")
    assert [record.exc_info[1].errno for record in caplog.records] == [errno.ENOSPC]
    assert [file.raw.closed for file in full_disk] == [True]


def test_a_full_disk_can_be_answered_by_a_handler(full_disk, form_app, caplog):
    @form_app.error(OSError)
    def full(request, error):
        return "no room", 507 if error.errno == errno.ENOSPC else 500

    reply = call(form_app, "POST", **form_of(field(b"f", b"x" * 600_000, b"f")))
    assert (reply.status, reply.text, caplog.records) == ("507 Insufficient Storage", "no room", [])


def test_a_form_that_failed_once_is_not_read_from_its_middle(full_disk):
    request = Request(environ_of("POST", **form_of(field(b"f", b"x" * 600_000, b"f"), field(b"a", b"1"))))
    for read in (lambda: request.form, lambda: request.files, request.get_data, lambda: request.stream.read()):
        with pytest.raises(OSError, match="No space left"):
            read()
    request._close()


def names_of(disposition: bytes) -> tuple:
    """The name of one part, and its file name."""
    part = b"Content-Disposition: " + disposition + b"\r\n\r\nx"
    request = Request(environ_of("POST", **form_of(part)))
    files = [(name, file.filename) for name, file in request.files.items(multi=True)]
    assert list(request.form.values()) == ["x"] * len(request.form)
    request._close()
    return (*request.form, *files)


DISPOSITIONS = [
    (b"form-data", ()),
    (b"form-data; filename=x", ()),
    (b'form-data; filename="x"', ()),
    (b"form-data; name=", ()),
    (b'form-data; name="a', ()),
    (b'form-data; name=""', ("",)),
    (b"form-data; name=a", ("a",)),
    (b'form-data;NAME = "a" ; FileName = "b"', (("a", "b"),)),
    (b'form-data; name="f"; filename=""', (("f", ""),)),
    (b"form-data; name=f; filename=a b.txt ;x=y", (("f", "a b.txt"),)),
    (b'form-data; x="; name=evil"; name="a"', ("a",)),
    (b'form-data; name="f"; filename="a.txt"; filename*=UTF-8\'\'evil.php', (("f", "a.txt"),)),
    (b'form-data; name="f"; filename*=UTF-8\'\'evil.php; filename="a.txt"', (("f", "a.txt"),)),
    (b"form-data; name=\"f\"; filename*=UTF-8''evil.php", ("f",)),
    (b'form-data; name="f"; filename="a.txt"; filename*0="evil"; filename*1=".php"', (("f", "a.txt"),)),
    (b"form-data; name=\"a\"; name*=UTF-8''evil", ("a",)),
    (b"form-data; name*=UTF-8''evil", ()),
    (rb'form-data; name="f"; filename="C:\dir\f.txt"', (("f", r"C:\dir\f.txt"),)),
    (rb'form-data; name="f"; filename="b\x.txt"', (("f", r"b\x.txt"),)),
    (rb"form-data; name=f; filename=C:\dir\f.txt", (("f", r"C:\dir\f.txt"),)),
    (rb'form-data; name="a\b"', (r"a\b",)),
    (rb'form-data; name="f"; filename="a\"b.txt"', (("f", 'a"b.txt'),)),
    (rb'form-data; name="f"; filename="a\\b.txt"', (("f", r"a\b.txt"),)),
    (rb'form-data; name="f"; filename="a%22b.txt"', (("f", 'a"b.txt'),)),
    (rb'form-data; name="f"; filename="dir\"', (("f", "dir\\"),)),
    (rb'form-data; name="a\"; filename="b"', (("a\\", "b"),)),
    ('form-data; name="é"; filename="ü.txt"'.encode(), (("é", "ü.txt"),)),
]


@pytest.mark.parametrize(("disposition", "names"), DISPOSITIONS)
def test_part_has_the_names_that_browsers_mean(disposition, names):
    assert names_of(disposition) == names


names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters='"\\%'), max_size=12)


@given(names, st.none() | names)
@example("a; filename=x", "b' ; name*=utf-8''c, d=")
@example(" ", "")
def test_plain_names_are_read_as_they_were_written(name, filename):
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    assert names_of(disposition.encode()) == (((name, filename) if filename is not None else name),)


def test_part_without_a_name_is_dropped_from_the_form(form_app):
    form_app.post("/names")(lambda request, params: f"{sorted(request.form)} {sorted(request.files)}")
    nameless = [b"Content-Disposition: form-data\r\n\r\n1", b"Content-Disposition: form-data; filename=x\r\n\r\n2"]
    parts = [nameless[0], field(b"a", b"1"), *nameless, field(b"f", b"data", b"f.txt"), nameless[1]]
    assert call(form_app, "POST", path="/names", **form_of(*parts)).text == "['a'] ['f']"


ODD_PARTS = [
    (b"\r\n\r\nx", ()),
    (b"X: 1\r\n\r\nx", ()),
    (b"Content-Type: text/plain\r\n\r\nx", ()),
    (b"Content-Disposition\r\n\r\nx", ()),
    (b"\xff\r\n\r\nx", ()),
    (b"\xff: \xff\r\nContent-Disposition: form-data; name=c\r\n\r\nx", ("c",)),
    (field(b'"\xe9"', b"x"), ("%E9",)),
    (field(b'"f"', b"x", b'"\xe9.txt"'), (("f", "%E9.txt"),)),
    (field(b"f", b"x", b"\xe9\xc3\xa9\xc3.txt"), (("f", "%E9é%C3.txt"),)),
    (field(b'"\xed\xa0\x80"', b"x"), ("%ED%A0%80",)),
]


@pytest.mark.parametrize(("odd", "names"), ODD_PARTS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_odd_part_leaves_the_others_in_the_form(odd, names, place):
    """One that has no name is dropped alone; bytes that are no UTF-8 are escaped, as they are in an urlencoded form."""
    parts = [field(b"a", b"1"), field(b"b", b"\xff2")]
    parts.insert(place, odd)
    request = Request(environ_of("POST", **form_of(*parts)))
    form = {"a": "1", "b": "\ufffd2", **{name: "x" for name in names if isinstance(name, str)}}
    assert request.form.to_dict(flat=False) == {name: [value] for name, value in form.items()}
    assert [(name, file.filename) for name, file in request.files.items()] == [n for n in names if isinstance(n, tuple)]
    request._close()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"a=1&b=\xff", {"a": "1", "b": "%FF"}),
        (b"a=1&b=%ff", {"a": "1", "b": "%FF"}),
        (b"\xe9=1&a=\xc3\xa9\xff%C3%A9+", {"%E9": "1", "a": "é%FFé "}),
        (b"a=\xed\xa0\x80&b=2", {"a": "%ED%A0%80", "b": "2"}),
    ],
)
def test_urlencoded_bytes_that_are_no_text_stay_readable(body, fields):
    assert Request(environ_of("POST", body=body, **URLENCODED)).form.to_dict() == fields


def test_parts_that_are_dropped_count_for_the_limits(form_app):
    assert call(form_app, "POST", **form_of(*[b"\r\n\r\nx"] * 1000)).text == "0 0"
    assert call(form_app, "POST", **form_of(*[b"\r\n\r\nx"] * 1001)).code == 413
    assert call(form_app, "POST", **form_of(b"\r\n\r\n" + b"x" * 500_001)).code == 413


def heads_of(count: int, size: int, filename: bytes | None) -> dict:
    head = b"\r\nX: " + b"x" * size
    return form_of(*[field(b"a", b"", filename).replace(b"\r\n\r\n", head + b"\r\n\r\n")] * count)


@pytest.mark.parametrize("filename", [None, b"f"])
@pytest.mark.parametrize(("count", "size"), [(1000, 7500), (1000, 600), (70, 7500)])
def test_headers_of_all_parts_count_as_fields(form_app, filename, count, size):
    got = call(form_app, "POST", **heads_of(count, size, filename))
    assert (got.code, got.json["detail"]) == (
        413,
        "The fields and headers of the form can have at most 500000 bytes.",
    )


def test_headers_of_parts_and_fields_share_a_limit(form_app):
    large = field(b"a", b"x" * 300_000)
    parts = [large, *[large[:38] + b"\r\nX: " + b"x" * 7000 + b"\r\n\r\n1"] * 40]
    assert call(form_app, "POST", **form_of(*parts)).code == 413
    assert call(form_app, "POST", **form_of(*parts[1:])).text == "1 0"


def test_headers_of_a_few_files_are_taken(form_app):
    assert call(form_app, "POST", **heads_of(60, 7500, b"f")).text == "0 1"
    assert call(form_app, "POST", **heads_of(1000, 20, b"f")).text == "0 1"


MARKS = "A part of a form can have at most 300 semicolons and 300 quotes in its headers."


@pytest.mark.parametrize(
    ("before", "more"),
    [(b"", b";"), (b"", b'"'), (b'; x="', b'\\"'), (b"\r\nX: ", b";"), (b"\r\nContent-Type: text/plain", b';a="')],
)
def test_semicolons_and_quotes_of_a_head_are_limited(form_app, before, more):
    head = b"Content-Disposition: form-data; name=a" + before
    fits = 300 - max(head.count(b";") * (b";" in more), head.count(b'"') * (b'"' in more))
    for end in b"", b"; filename=f":
        taken = call(form_app, "POST", **form_of(head + more * (fits - end.count(b";")) + end + b"\r\n\r\nx"))
        assert taken.code == 200
        got = call(form_app, "POST", **form_of(head + more * (fits + 1) + end + b"\r\n\r\nx"))
        assert (got.code, got.json["detail"]) == (413, MARKS)


def test_semicolons_and_quotes_of_the_content_are_free(form_app):
    for filename in None, b"f":
        got = call(form_app, "POST", **form_of(*[field(b"a", b';"' * 20_000, filename)] * 3))
        assert got.text == ("1 0" if filename is None else "0 1")


CHARSETS = [
    (b"", "\xe9\ufffd"),
    (b"text/plain", "\xe9\ufffd"),
    (b"text/plain; charset=UTF-8", "\xe9\ufffd"),
    (b"text/plain; charset=iso-8859-1", "\xc3\xa9\xff"),
    (b'text/plain;format=flowed;CHARSET="ISO-8859-1"', "\xc3\xa9\xff"),
    (b"text/plain; charset=us-ascii", "\ufffd" * 3),
    (b"text/plain; charset=utf-16", "\xe9\ufffd"),
    (b"text/plain; charset=nothing", "\xe9\ufffd"),
    (b'text/plain; x="; charset=iso-8859-1"', "\xe9\ufffd"),
    (b"charset=iso-8859-1", "\xe9\ufffd"),
]


@pytest.mark.parametrize(("kind", "text"), CHARSETS)
def test_a_field_is_in_the_charset_that_it_names(kind, text):
    part = b'Content-Disposition: form-data; name="a"\r\nContent-Type: ' + kind + b"\r\n\r\n\xc3\xa9\xff"
    assert Request(environ_of("POST", **form_of(part))).form.to_dict() == {"a": text}


def test_a_file_has_the_headers_of_its_part():
    part = b'Content-Disposition: form-data; name="f"; filename="x"\r\nContent-Type: text/css\r\nX-A: 1\r\n\r\n'
    request = Request(environ_of("POST", **form_of(part)))
    assert request.files["f"].headers.to_wsgi_list() == [
        ("Content-Disposition", 'form-data; name="f"; filename="x"'),
        ("Content-Type", "text/css"),
        ("X-A", "1"),
    ]
    request._close()
