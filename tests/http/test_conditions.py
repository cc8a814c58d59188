"""RFC 9110, sections 13.2.2 and 14.2: the same rows for a file and for a response of one's own."""

from __future__ import annotations

import os

import pytest

from microfn import Response, Router

from ..wsgi import call

DATE, BEFORE, AFTER = "Sun, 02 Jun 2024 12:00:00 GMT", "Sun, 02 Jun 2024 11:59:59 GMT", "Sun, 02 Jun 2024 12:00:01 GMT"
CONTENT = b"0123456789"


@pytest.fixture
def app(tmp_path):
    app = Router()
    (tmp_path / "file.bin").write_bytes(CONTENT)
    os.utime(tmp_path / "file.bin", (1717329600, 1717329600))
    app.serve_files("/files/*path", str(tmp_path))

    @app.get("/own")
    def own(request, params):
        response = Response(CONTENT, headers={"ETag": '"tag"', "Last-Modified": DATE})
        return response.make_conditional(request, accept_ranges=True, complete_length=len(CONTENT))

    return app


TAG = "<tag>"
"""Stands for the ETag of the resource."""
ROWS = [
    (200, {}),
    # Step 1: If-Match
    (200, {"IF_MATCH": TAG}),
    (200, {"IF_MATCH": f'"other", {TAG}'}),
    (200, {"IF_MATCH": "*"}),
    (412, {"IF_MATCH": '"other"'}),
    (412, {"IF_MATCH": f"W/{TAG}"}),
    (412, {"IF_MATCH": "ünï"}),
    (200, {"IF_MATCH": TAG, "IF_UNMODIFIED_SINCE": BEFORE}),
    (412, {"IF_MATCH": '"other"', "IF_NONE_MATCH": TAG}),
    # Step 2: If-Unmodified-Since
    (200, {"IF_UNMODIFIED_SINCE": DATE}),
    (200, {"IF_UNMODIFIED_SINCE": AFTER}),
    (412, {"IF_UNMODIFIED_SINCE": BEFORE}),
    (412, {"IF_UNMODIFIED_SINCE": BEFORE, "IF_NONE_MATCH": TAG}),
    (200, {"IF_UNMODIFIED_SINCE": "yesterday"}),
    (200, {"IF_UNMODIFIED_SINCE": "Fri, 31 Dec 99999 23:59:59 GMT"}),
    # Step 3: If-None-Match
    (304, {"IF_NONE_MATCH": TAG}),
    (304, {"IF_NONE_MATCH": f"W/{TAG}"}),
    (304, {"IF_NONE_MATCH": f'"other", {TAG}'}),
    (304, {"IF_NONE_MATCH": "*"}),
    (200, {"IF_NONE_MATCH": '"other"'}),
    (200, {"IF_NONE_MATCH": '"other"', "IF_MODIFIED_SINCE": AFTER}),
    (304, {"IF_NONE_MATCH": TAG, "IF_MODIFIED_SINCE": BEFORE}),
    # Step 4: If-Modified-Since
    (304, {"IF_MODIFIED_SINCE": DATE}),
    (304, {"IF_MODIFIED_SINCE": AFTER}),
    (200, {"IF_MODIFIED_SINCE": BEFORE}),
    (200, {"IF_MODIFIED_SINCE": "yesterday"}),
    (200, {"IF_MODIFIED_SINCE": ""}),
    # Step 5: Range and If-Range
    (206, {"RANGE": "bytes=2-4"}),
    (206, {"RANGE": "bytes=2-4", "IF_RANGE": TAG}),
    (206, {"RANGE": "bytes=2-4", "IF_RANGE": DATE}),
    (206, {"RANGE": "bytes=2-4", "IF_MATCH": TAG}),
    (200, {"RANGE": "bytes=2-4", "IF_RANGE": '"other"'}),
    (200, {"RANGE": "bytes=2-4", "IF_RANGE": f"W/{TAG}"}),
    (200, {"RANGE": "bytes=2-4", "IF_RANGE": AFTER}),
    (200, {"RANGE": "bytes=2-4", "IF_RANGE": ""}),
    (304, {"RANGE": "bytes=2-4", "IF_NONE_MATCH": TAG}),
    (412, {"RANGE": "bytes=2-4", "IF_MATCH": '"other"'}),
    (200, {"RANGE": "bytes=4-2"}),
    (200, {"RANGE": "bytes=-"}),
    (200, {"RANGE": "bytes=0-1,3-4"}),
    (200, {"RANGE": "lines=0-1"}),
    (200, {"RANGE": "bytes=" + "9" * 30 + "-"}),
    (416, {"RANGE": "bytes=10-"}),
    (416, {"RANGE": "bytes=-0"}),
]


@pytest.mark.parametrize("path", ["/own", "/files/file.bin"])
@pytest.mark.parametrize(("code", "headers"), ROWS, ids=str)
def test_is_modified_and_find_range_by_row(app, path, code, headers):
    etag = call(app, path=path).headers["etag"]
    sent = {f"HTTP_{name}": value.replace(TAG, etag).encode().decode("latin-1") for name, value in headers.items()}
    reply = call(app, path=path, **sent)
    assert reply.code == code
    assert {200: CONTENT, 206: b"234", 304: b""}.get(code, reply.body) == reply.body
    if code in (206, 304):
        assert reply.headers["etag"] == etag
    if code == 206:
        assert reply.headers["content-range"] == "bytes 2-4/10"
    head = call(app, "HEAD", path=path, **sent)
    assert head.code == (200 if "RANGE" in headers and code in (206, 416) else code)
    assert head.body == b""


@pytest.mark.parametrize(("span", "body"), [("3-", b"3456789"), ("-3", b"789"), ("-99", CONTENT), ("8-99", b"89")])
def test_find_range_without_one_end(app, span, body):
    for path in "/own", "/files/file.bin":
        reply = call(app, path=path, HTTP_RANGE=f"bytes={span}")
        assert (reply.code, reply.body) == (206, body)


def respond_with(status=200, **headers):
    app = Router()

    @app.route("/", methods=["GET", "PUT"])
    def handle(request, params):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(CONTENT, status, named).make_conditional(request, accept_ranges=True, complete_length=10)

    return app


def test_is_modified_without_a_tag_ignores_tags():
    app = respond_with(Last_Modified=DATE)
    assert call(app, HTTP_IF_MATCH='"a"').code == 200
    assert call(app, HTTP_IF_NONE_MATCH='"a"', HTTP_IF_MODIFIED_SINCE=AFTER).code == 200
    assert call(app, HTTP_IF_MODIFIED_SINCE=AFTER).code == 304


@pytest.mark.parametrize("star", ["*", " * "])
def test_is_modified_without_a_tag_takes_a_star(star):
    """Section 13.1.2: `*` is false if any representation exists."""
    app = respond_with()
    assert call(app, HTTP_IF_NONE_MATCH=star).code == 304
    assert call(app, HTTP_IF_NONE_MATCH=star, HTTP_RANGE="bytes=0-1").code == 304
    assert call(app, HTTP_IF_MATCH=star).code == 200


CONDITIONS = [
    {"HTTP_IF_NONE_MATCH": '"tag"'},
    {"HTTP_IF_NONE_MATCH": "*"},
    {"HTTP_IF_NONE_MATCH": "x" * 100_000},
    {"HTTP_IF_MATCH": '"other"'},
    {"HTTP_IF_MODIFIED_SINCE": AFTER},
    {"HTTP_IF_UNMODIFIED_SINCE": BEFORE},
    {"HTTP_RANGE": "bytes=0-1"},
    {"HTTP_RANGE": "bytes=99-"},
]


@pytest.mark.parametrize("status", [300, 302, 404, 409, 412, 500, 503])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("sent", CONDITIONS, ids=lambda sent: str(sent)[:40])
def test_make_conditional_leaves_any_status_but_2xx(status, method, sent):
    """Section 13.2.1, for an error page that has the tag of a resource, and section 14.2."""
    app = respond_with(status, ETag='"tag"', Last_Modified=DATE)
    plain, reply = call(app, method), call(app, method, **sent)
    assert (reply.code, reply.body, reply.lasting) == (status, plain.body, plain.lasting)
    assert "content-range" not in reply.headers


@pytest.mark.parametrize("status", [201, 203, 206])
def test_make_conditional_of_another_2xx_has_no_parts(status):
    app = respond_with(status, ETag='"tag"')
    for span in "bytes=0-1", "bytes=99-":
        reply = call(app, HTTP_RANGE=span)
        assert (reply.code, reply.body) == (status, CONTENT)
    assert call(app, HTTP_IF_NONE_MATCH='"tag"').code == 304
    assert call(app, HTTP_IF_MATCH='"other"').code == 412


def test_make_conditional_twice_is_the_same_as_once():
    """A middleware can do it again after a handle."""
    app = Router()
    app.use(lambda handle: lambda request, params: handle(request, params).make_conditional(request, True, 10))

    @app.get("/")
    def handle(request, params):
        return Response(CONTENT, headers={"ETag": '"tag"'}).make_conditional(request, True, 10)

    reply = call(app, HTTP_RANGE="bytes=2-4")
    assert (reply.code, reply.body, reply.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert call(app, HTTP_IF_NONE_MATCH='"tag"').code == 304
    assert call(app, path="/nothing", HTTP_RANGE="bytes=0-1", HTTP_IF_NONE_MATCH="*").code == 404


def test_is_modified_with_a_weak_tag():
    """A weak tag matches If-None-Match, which compares weakly, and neither If-Match nor If-Range."""
    app = respond_with(ETag='W/"tag"')
    assert call(app, HTTP_IF_NONE_MATCH='"tag"').code == 304
    assert call(app, HTTP_IF_MATCH='W/"tag"').code == 412
    assert call(app, HTTP_RANGE="bytes=2-4", HTTP_IF_RANGE='W/"tag"').code == 200


@pytest.mark.parametrize("value", ["yesterday", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_is_modified_with_a_last_modified_that_is_no_date(value):
    app = respond_with(Last_Modified=value)
    assert call(app, HTTP_IF_MODIFIED_SINCE=AFTER).code == 200
    assert call(app, HTTP_IF_UNMODIFIED_SINCE=BEFORE).code == 200


def test_make_conditional_leaves_other_methods_alone():
    reply = call(respond_with(ETag='"tag"'), "PUT", HTTP_IF_NONE_MATCH='"tag"', HTTP_RANGE="bytes=0-1")
    assert (reply.code, reply.body) == (200, CONTENT)


@pytest.mark.parametrize(("age", "code"), [(-5, 200), (0, 200), (0.999, 200), (1.5, 200), (2, 206), (3600, 206)])
def test_find_range_takes_a_date_once_its_second_is_over(monkeypatch, age, code):
    """Section 8.8.2.2: within the second that it names, there may have been two versions."""
    app = respond_with(Last_Modified=DATE)
    monkeypatch.setattr("time.time", lambda: 1717329600 + age)
    reply = call(app, HTTP_RANGE="bytes=2-4", HTTP_IF_RANGE=DATE)
    assert (reply.code, reply.body) == (code, CONTENT if code == 200 else b"234")
    assert call(app, HTTP_RANGE="bytes=2-4").code == 206


def test_a_file_written_twice_in_one_second_comes_whole(app, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"ABCDEFGHIJ")
    sent = {"HTTP_RANGE": "bytes=2-4", "HTTP_IF_RANGE": call(app, path="/files/file.bin").headers["last-modified"]}
    path.write_bytes(b"abcdefghij")
    reply = call(app, path="/files/file.bin", **sent)
    assert (reply.code, reply.body) == (200, b"abcdefghij")


@pytest.mark.parametrize("value", ["yesterday", "Fri, 31 Dec 99999 23:59:59 GMT", ""])
def test_find_range_takes_no_last_modified_that_is_no_date(value):
    reply = call(respond_with(Last_Modified=value), HTTP_RANGE="bytes=2-4", HTTP_IF_RANGE=value)
    assert (reply.code, reply.body) == (200, CONTENT)


@pytest.mark.parametrize("accept_ranges", [False, "none"])
def test_make_conditional_without_ranges(accept_ranges):
    app = Router()
    app.get("/")(lambda request, params: Response(CONTENT).make_conditional(request, accept_ranges, complete_length=10))
    assert call(app, HTTP_RANGE="bytes=0-1").code == 200
