"""Static files: exactly those below the directory."""

from __future__ import annotations

import gzip
import mimetypes
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from werkzeug.wsgi import FileWrapper

from microfn import InvalidPattern, RouteConflict, Router, directory, staticfiles

from .handles import marking
from .wsgi import call, environ_of


@pytest.fixture
def root(tmp_path) -> Path:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "hello.txt").write_text("hello", "utf-8")
    (root / "sub" / "index.html").write_text("<p>index", "utf-8")
    (root / "index.html").write_text("<p>root", "utf-8")
    (root / "data.bin").write_bytes(bytes(range(100)))
    (root / "empty").write_bytes(b"")
    (root / "café 1.css").write_text("p{}", "utf-8")
    (root / "pack.tar.gz").write_bytes(gzip.compress(b"tar", mtime=0))
    (root / "style.css").write_text("plain", "utf-8")
    (root / "style.css.br").write_text("br", "utf-8")
    (root / "style.css.gz").write_text("gz", "utf-8")
    (tmp_path / "secret").write_text("SECRET", "utf-8")
    (tmp_path / "root-sibling").mkdir()
    (tmp_path / "root-sibling" / "secret").write_text("SECRET", "utf-8")
    return root


@pytest.fixture
def app(root) -> Router:
    app = Router()
    app.serve_files("/f/*path", root)
    return app


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/f/hello.txt", b"hello", "text/plain; charset=utf-8"),
        ("/f/sub/index.html", b"<p>index", "text/html; charset=utf-8"),
        ("/f/data.bin", bytes(range(100)), "application/octet-stream"),
        ("/f/empty", b"", "application/octet-stream"),
        ("/f/caf\xc3\xa9 1.css", b"p{}", "text/css; charset=utf-8"),
        ("/f/pack.tar.gz", gzip.compress(b"tar", mtime=0), "application/octet-stream"),
    ],
)
def test_a_file_is_served(app, path, body, content_type):
    reply = call(app, path=path)
    assert reply.code == 200
    assert reply.headers["content-type"] == content_type
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in reply.headers
    if "gz" not in path:
        assert reply.body == body
    head = call(app, "HEAD", path)
    assert (head.body, head.lasting) == (b"", reply.lasting)


@pytest.mark.parametrize(
    "path",
    [
        "/f/",
        "/f/sub",
        "/f/sub/",
        "/f/nope",
        "/f/hello.txt/",
        "/f/hello.txt/x",
        "/f/../secret",
        "/f/sub/../hello.txt",
        "/f/./hello.txt",
        "/f//hello.txt",
        "/f/../root-sibling/secret",
        "/f/..\\secret",
        "/f/hello.txt\0",
        "/f/\0",
        "/f/" + "x" * 300,
        "/f" + "/x" * 3000,
        "/f/%2e%2e/secret",
    ],
)
def test_what_is_no_file_below_the_directory_is_404(app, path):
    reply = call(app, path=path, validate=False)
    assert reply.code == 404
    assert b"SECRET" not in reply.body


def test_links_are_followed_only_inside(app, root):
    (root / "inside").symlink_to("hello.txt")
    (root / "outside").symlink_to("../secret")
    (root / "dir").symlink_to("../root-sibling")
    (root / "loop").symlink_to("loop")
    assert call(app, path="/f/inside").body == b"hello"
    assert call(app, path="/f/outside").code == 404
    assert call(app, path="/f/dir/secret").code == 404
    assert call(app, path="/f/loop").code == 404


def test_pipes_and_devices_are_404(app, root):
    os.mkfifo(root / "fifo")
    (root / "null").symlink_to("/dev/null")
    assert call(app, path="/f/fifo").code == 404
    assert call(app, path="/f/null").code == 404


def test_a_file_that_cannot_be_opened_is_404(app, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "no")

    monkeypatch.setattr("microfn.directory.FileIO", refuse)
    assert call(app, path="/f/hello.txt").code == 404


def test_a_handle_says_what_it_serves(app, root):
    assert repr(app.routes[0].handle) == f"<Files {os.path.realpath(root)}>"


def test_other_methods_are_405(app):
    assert call(app, "POST", "/f/hello.txt").headers["allow"] == "GET, HEAD, OPTIONS"
    assert call(app, "OPTIONS", "/f/hello.txt").code == 204


def test_a_client_that_has_the_file_gets_304(app):
    first = call(app, path="/f/hello.txt")
    for header in [
        {"HTTP_IF_NONE_MATCH": first.headers["etag"]},
        {"HTTP_IF_MODIFIED_SINCE": first.headers["last-modified"]},
    ]:
        reply = call(app, path="/f/hello.txt", **header)
        assert (reply.code, reply.body) == (304, b"")
        assert reply.headers["etag"] == first.headers["etag"]
    assert call(app, path="/f/hello.txt", HTTP_IF_NONE_MATCH='"other"').code == 200


RANGES = [
    ("bytes=0-0", 206, "bytes 0-0/100"),
    ("bytes=10-19", 206, "bytes 10-19/100"),
    ("bytes=90-", 206, "bytes 90-99/100"),
    ("bytes=-5", 206, "bytes 95-99/100"),
    ("bytes=90-500", 206, "bytes 90-99/100"),
    ("bytes=100-", 416, "bytes */100"),
    ("bytes=0-1,5-6", 200, None),
    ("bytes=5-1", 200, None),
    ("bytes=-", 200, None),
    ("bytes=a-b", 200, None),
    ("items=0-5", 200, None),
    ("0-5", 200, None),
    ("bytes=0-" + "9" * 5000, 200, None),
    ("", 200, None),
]


@pytest.mark.parametrize(("given", "code", "content_range"), RANGES)
def test_one_range_is_served_and_what_is_none_is_ignored(app, given, code, content_range):
    reply = call(app, path="/f/data.bin", HTTP_RANGE=given)
    assert reply.code == code
    assert reply.headers.get("content-range") == content_range
    if code == 206:
        first, last = map(int, content_range[6:-4].split("-"))
        assert reply.body == bytes(range(first, last + 1))
    if code == 200:
        assert len(reply.body) == 100


def test_a_range_is_for_get_only(app):
    assert call(app, "HEAD", "/f/data.bin", HTTP_RANGE="bytes=0-1").code == 200


ABSURD = "Mon, 01 Jan 99999999999 00:00:00 GMT"


@pytest.mark.parametrize("header", ["HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE"])
def test_an_absurd_date_is_ignored(app, header):
    assert call(app, path="/f/data.bin", HTTP_RANGE="items=0-1", **{header: ABSURD}).code == 200


def test_a_range_of_another_version_is_ignored(app, root):
    os.utime(root / "data.bin", (1717329600, 1717329600))
    headers = call(app, path="/f/data.bin").headers
    later = "Fri, 01 Jan 2100 00:00:00 GMT"
    for given in '"other"', f"W/{headers['etag']}", later, "":
        assert call(app, path="/f/data.bin", HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=given).code == 200
    for given in headers["etag"], headers["last-modified"]:
        assert call(app, path="/f/data.bin", HTTP_RANGE="bytes=0-1", HTTP_IF_RANGE=given).code == 206


def test_the_servers_own_way_to_send_files_is_used(app):
    class Wrapper(FileWrapper):
        pass

    body = app(environ_of(path="/f/hello.txt", wsgi__file_wrapper=Wrapper), lambda status, headers: None)
    assert isinstance(body, Wrapper)
    body.close()


def test_an_index_stands_for_its_directory(root):
    app = Router()
    app.serve_files("/f/*path", root, index="index.html")
    assert call(app, path="/f/").body == b"<p>root"
    assert call(app, path="/f/sub/").body == b"<p>index"
    assert call(app, path="/f/nothing/").code == 404


def test_a_directory_that_has_an_index_is_sent_to_its_slash(root):
    app = Router()
    app.serve_files("/f/*path", root, index="index.html")
    got = call(app, path="/f/sub", query="a=1", SCRIPT_NAME="/app")
    assert (got.code, got.headers["location"]) == (301, "/app/f/sub/?a=1")
    at_root = Router()
    at_root.serve_files("/*path", root, index="index.html")
    (root / "\\evil").mkdir()
    (root / "\\evil" / "index.html").write_text("", "utf-8")
    assert call(at_root, path="/\\evil").code == 404
    plain = Router()
    plain.serve_files("/f/*path", root)
    assert call(plain, path="/f/sub").code == 404


HASHED = [
    ("app.3f2a1b9c.js", True, True),
    ("app-0123456789abcdef.css", True, True),
    ("app.3f2a1b9c.js.map", True, True),
    ("app.js", True, False),
    ("app.facade-decade.js", True, False),
    ("user-settings.js", True, False),
    ("app.1234567.js", True, False),
    ("index-BXk3dQ2a.js", r"-[\w-]{8}\.", True),
    ("app.3f2a1b9c.js", r"-[\w-]{8}\.", False),
    ("app.3f2a1b9c.js", False, False),
]


@pytest.mark.parametrize(("name", "immutable", "is_kept"), HASHED)
def test_a_file_whose_name_has_a_hash_is_kept_for_a_year(root, name, immutable, is_kept):
    (root / name).write_text("x", "utf-8")
    app = Router()
    app.serve_files("/f/*path", root, immutable=immutable, max_age=5)
    caching = call(app, path=f"/f/{name}").headers["cache-control"]
    assert caching == ("public, max-age=31536000, immutable" if is_kept else "max-age=5")


HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
PAGES = [
    ("/", None, b"<p>root"),
    ("/some/page", None, b"<p>root"),
    ("/some/page", "*/*", b"<p>root"),
    ("/some/page/", HTML, b"<p>root"),
    ("/v1.2/page", "*/*", b"<p>root"),
    ("/release-1.2", HTML, b"<p>root"),
    ("/hello.txt", HTML, b"hello"),
    ("/missing.js", "*/*", None),
    ("/missing.png", "image/avif,image/webp,*/*;q=0.8", None),
    ("/missing.js.map", None, None),
    ("/../secret", HTML, None),
    ("/a//b", HTML, None),
    ("/x\x00y", HTML, None),
]


@pytest.mark.parametrize(("path", "accept", "body"), PAGES)
def test_a_fallback_stands_for_pages_that_are_not_there(root, path, accept, body):
    app = Router(redirect_fixed_path=False)
    app.serve_files("/*path", root, fallback="index.html", max_age=60)
    got = call(app, path=path, HTTP_ACCEPT=accept)
    assert got.code == (200 if body else 404)
    if body == b"<p>root":
        assert (got.body, got.headers["cache-control"]) == (body, "no-cache")
        assert call(app, "HEAD", path=path, HTTP_ACCEPT=accept).headers["content-length"] == "7"


def test_a_fallback_that_is_gone_is_404(root):
    app = Router()
    app.serve_files("/*path", root, fallback="index.html")
    (root / "index.html").unlink()
    assert call(app, path="/page").code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_precondition_that_fails_is_a_412_without_the_file(app, method):
    date = call(app, path="/f/hello.txt").headers["last-modified"]
    etag = call(app, path="/f/hello.txt").headers["etag"]
    old, new = "Mon, 01 Jan 1990 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
    for code, headers in [
        (412, {"HTTP_IF_MATCH": '"other"'}),
        (200, {"HTTP_IF_MATCH": etag}),
        (200, {"HTTP_IF_MATCH": "*"}),
        (412, {"HTTP_IF_UNMODIFIED_SINCE": old}),
        (200, {"HTTP_IF_UNMODIFIED_SINCE": date}),
        (200, {"HTTP_IF_UNMODIFIED_SINCE": new}),
        (200, {"HTTP_IF_UNMODIFIED_SINCE": "yesterday"}),
        (200, {"HTTP_IF_MATCH": etag, "HTTP_IF_UNMODIFIED_SINCE": old}),
    ]:
        got = call(app, method, "/f/hello.txt", **headers)
        assert (headers, got.code) == (headers, code)
        assert b"hello" not in got.body or code == 200


@pytest.mark.parametrize(
    ("accept", "body", "encoding"),
    [
        ("br, gzip", b"br", "br"),
        ("gzip", b"gz", "gzip"),
        ("gzip;q=0.5, br;q=0", b"gz", "gzip"),
        ("identity", b"plain", None),
        ("gzip;q=1, br;q=0.1", b"gz", "gzip"),
        ("gzip;q=0.002, br;q=0.001", b"gz", "gzip"),
        ("GZIP;q=0.5, BR;q=0.5", b"br", "br"),
        ("gzip, deflate, br, zstd", b"br", "br"),
        ("*", b"br", "br"),
        ("*;q=0.5, gzip", b"gz", "gzip"),
        ("br;q=0, *", b"gz", "gzip"),
        ("br;q=0, gzip;q=0, *", b"plain", None),
        ("*;q=0", b"plain", None),
        ("br;q=0.5, *, gzip;q=0.5", b"br", "br"),
        ("Identity, gzip;q=0.5", b"plain", None),
        ("identity;q=0.5, gzip;q=0.5", b"gz", "gzip"),
        ("identity;q=0, gzip;q=0.001", b"gz", "gzip"),
        ("identity;q=0.7, br;q=0.5, gzip;q=0.9", b"gz", "gzip"),
        ("zstd", b"plain", None),
        ("gzip;q=x", b"plain", None),
        ("", b"plain", None),
        (None, b"plain", None),
    ],
)
def test_a_precompressed_file_goes_to_who_accepts_it(root, accept, body, encoding):
    app = Router()
    app.serve_files("/f/*path", root, precompressed=True)
    reply = call(app, path="/f/style.css", HTTP_ACCEPT_ENCODING=accept)
    assert reply.body == body
    assert reply.headers.get("content-encoding") == encoding
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert call(app, path="/f/hello.txt", HTTP_ACCEPT_ENCODING=accept).body == b"hello"


@pytest.mark.parametrize(
    ("accept", "body"),
    [("br;q=0.9, gzip;q=0.1", b"gz"), ("br, gzip;q=0.1, identity;q=0.5", b"plain"), ("br, gzip;q=0", b"plain")],
)
def test_the_next_best_coding_is_sent_if_one_is_missing(root, accept, body):
    (root / "style.css.br").unlink()
    app = Router()
    app.serve_files("/f/*path", root, precompressed=True)
    assert call(app, path="/f/style.css", HTTP_ACCEPT_ENCODING=accept).body == body


def test_a_client_asks_again_unless_told_how_long_to_keep_a_file(app, root):
    assert call(app, path="/f/hello.txt").headers["cache-control"] == "no-cache"
    app = Router()
    app.serve_files("/f/*path", root, max_age=60)
    assert call(app, path="/f/hello.txt").headers["cache-control"] == "max-age=60"


def test_a_relative_directory_is_beside_the_module(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    app = Router()
    app.serve_files("/d/*path", "data")
    assert call(app, path="/d/cases-routes.json").code == 200


def test_registering_refuses_what_cannot_be(root):
    app = Router()
    with pytest.raises(ValueError, match="directory must be an existing directory"):
        app.serve_files("/f/*path", root / "nope")
    with pytest.raises(ValueError, match="directory must be an existing directory"):
        app.serve_files("/f/*path", root / "hello.txt")
    for pattern in ["/f/", "/f/:path"]:
        with pytest.raises(InvalidPattern, match="catch-all"):
            app.serve_files(pattern, root)
    app.get("/f/x")(lambda request, params: "")
    with pytest.raises(RouteConflict):
        app.serve_files("/f/*path", root)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_age": "1h"}, TypeError),
        ({"max_age": -1}, ValueError),
        ({"index": 5}, TypeError),
        ({"precompressed": 1}, TypeError),
        ({"immutable": 1}, TypeError),
        ({"immutable": "("}, ValueError),
        ({"fallback": 5}, TypeError),
        ({"fallback": "nothing.html"}, ValueError),
        ({"fallback": "../secret"}, ValueError),
    ],
)
def test_an_option_that_cannot_be_is_refused(root, options, error):
    with pytest.raises(error, match=next(iter(options))):
        Router().serve_files("/f/*path", root, **options)


def test_more_of_the_end_than_there_is_is_all_of_it(app):
    got = call(app, path="/f/data.bin", HTTP_RANGE="bytes=-500")
    assert (got.code, got.headers["content-range"], len(got.body)) == (206, "bytes 0-99/100", 100)
    assert call(app, path="/f/data.bin", HTTP_RANGE="bytes=-0").code == 416


def test_preconditions_come_before_the_range(app):
    """RFC 9110, section 13.2.2: a client with this version gets no part of it, nor does one with another version."""
    etag = call(app, path="/f/data.bin").headers["etag"]
    for code, headers in [
        (304, {"HTTP_IF_NONE_MATCH": etag}),
        (304, {"HTTP_IF_NONE_MATCH": etag, "HTTP_RANGE": "bytes=500-"}),
        (412, {"HTTP_IF_MATCH": '"other"'}),
        (412, {"HTTP_IF_MATCH": f"W/{etag}"}),
        (206, {"HTTP_IF_MATCH": etag, "HTTP_IF_NONE_MATCH": '"other"'}),
    ]:
        got = call(app, path="/f/data.bin", **{"HTTP_RANGE": "bytes=0-1", **headers})
        assert (headers, got.code) == (headers, code)


def test_both_lists_of_tags_are_looked_at(app):
    headers = call(app, path="/f/data.bin").headers
    etag, date = headers["etag"], headers["last-modified"]
    assert call(app, path="/f/data.bin", HTTP_IF_MATCH=etag, HTTP_IF_NONE_MATCH=etag).code == 304
    assert call(app, path="/f/data.bin", HTTP_IF_MATCH="*", HTTP_IF_MODIFIED_SINCE=date).code == 304
    assert call(app, path="/f/data.bin", HTTP_IF_NONE_MATCH='"other"', HTTP_IF_MODIFIED_SINCE=date).code == 200


class Sending:
    """A wrapper like uWSGI's: it sends the current file if it finds the descriptor, else it reads to the end."""

    def __init__(self, file, block_size=8192):
        self.file, self.block_size = file, block_size

    def __iter__(self):
        if hasattr(self.file, "fileno"):
            os.lseek(self.file.fileno(), 0, os.SEEK_SET)
            yield from iter(lambda: os.read(self.file.fileno(), self.block_size), b"")
        yield from iter(lambda: self.file.read(5), b"")

    def close(self):
        self.file.close()


WRAPPERS = [None, FileWrapper, Sending, lambda file, size: Sending(file), lambda file, size: file]
SENT = [
    ({}, "/f/data.bin", bytes(range(100))),
    ({"HTTP_RANGE": "bytes=10-89"}, "/f/data.bin", bytes(range(10, 90))),
    ({"HTTP_RANGE": "bytes=10-"}, "/f/data.bin", bytes(range(10, 100))),
    ({"HTTP_ACCEPT_ENCODING": "br"}, "/f/packed.css", b"b" * 50),
    ({}, "/f/a/page", b"<p>root"),
    ({}, "/f/sub/", b"<p>index"),
]


def begin(root, wrapper, environ, path):
    """The headers and the body of an answer that is about to be sent."""
    (root / "packed.css").write_bytes(b"a" * 90)
    (root / "packed.css.br").write_bytes(b"b" * 50)
    app, headers = Router(), {}
    app.serve_files("/f/*path", root, precompressed=True, index="index.html", fallback="index.html")
    given = environ_of(path=path, wsgi__file_wrapper=wrapper, **environ)
    return app(given, lambda status, given: headers.update(given)), headers


def change(root, how):
    for path in root.rglob("*"):
        if path.is_file():
            how(path)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("environ", "path", "content"), SENT)
def test_a_file_that_grows_is_sent_as_long_as_promised(root, wrapper, environ, path, content):
    body, headers = begin(root, wrapper, environ, path)
    change(root, lambda path: path.write_bytes(path.read_bytes() + b"HTTP/1.1 200 OK\r\n" * 9))
    assert b"".join(body) == content
    assert headers["Content-Length"] == str(len(content))
    body.close()


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(("environ", "path", "content"), SENT)
@pytest.mark.parametrize("left", [0, 1, 5])
def test_a_file_that_becomes_shorter_does_not_look_whole(root, wrapper, environ, path, content, left, monkeypatch):
    """RFC 9112, section 6.3: the server has to break the connection, and an exception lets it."""
    monkeypatch.setattr("microfn.http.file_body._BLOCK", 4)  # the first block is read before the status is sent
    body, _ = begin(root, wrapper, environ, path)
    change(root, lambda path: os.truncate(path, left))
    with pytest.raises(EOFError, match=f"of {len(content)} bytes"):
        b"".join(body)
    body.close()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_file_that_is_replaced_is_sent_as_it_was(root, wrapper):
    body, _ = begin(root, wrapper, {}, "/f/hello.txt")
    (root / "other").write_text("another one", "utf-8")
    (root / "other").replace(root / "hello.txt")
    assert b"".join(body) == b"hello"
    body.close()


@pytest.mark.parametrize(
    "given", [{"HTTP_IF_MATCH": '"x"'}, {"HTTP_RANGE": "bytes=500-"}, {"HTTP_IF_MATCH": "x" * 99999}]
)
def test_a_file_that_is_refused_is_closed(app, given):
    before = len(os.listdir("/dev/fd"))
    assert 400 <= call(app, path="/f/data.bin", **given).code < 500
    assert len(os.listdir("/dev/fd")) == before


SECOND = 1_000_000_000
YEAR_1, YEAR_10000 = -62_135_596_800, 253_402_300_800
NORMALISED = [0, 1, 315_532_800, 1_700_000_000, -1, -1.5, -(10**9)]


def at(monkeypatch, changed, touched=None, size=None):
    """Let each file have changed at these times, also those that this file system cannot store."""
    opening = directory.opened

    def opened(descriptor, path):
        file = opening(descriptor, path)
        status = {name: getattr(file.status, name) for name in dir(file.status) if name.startswith("st_")}
        status["st_mtime_ns"] = int(changed * SECOND)
        status["st_ctime_ns"] = status["st_ctime_ns"] if touched is None else touched
        status["st_size"] = size or status["st_size"]
        return file._replace(status=SimpleNamespace(**status))

    monkeypatch.setattr(directory, "opened", opened)


@pytest.mark.parametrize("changed", NORMALISED)
@pytest.mark.parametrize("name", ["hello.txt", "large"])
def test_another_content_at_the_same_time_is_sent(app, root, changed, name):
    """Tools that make files reproducible set the time of each version to the same."""
    path, size = root / name, 2 * 1024 * 1024 if name == "large" else 5
    for content in b"a", b"b":
        path.write_bytes(content * size)
        os.utime(path, ns=(0, int(changed * SECOND)))
        if content == b"a":
            first = call(app, path=f"/f/{name}").headers
    for given in {"HTTP_IF_NONE_MATCH": first["etag"]}, {"HTTP_RANGE": "bytes=0-1", "HTTP_IF_RANGE": first["etag"]}:
        reply = call(app, path=f"/f/{name}", **given)
        assert (reply.code, reply.body) == (200, b"b" * size)
    assert reply.headers["etag"] != first["etag"]
    assert call(app, path=f"/f/{name}", HTTP_IF_NONE_MATCH=reply.headers["etag"]).code == 304


def test_a_tag_of_a_hash_is_the_same_on_each_machine(app, root):
    for name in "one.txt", "two.txt":
        (root / name).write_text("same", "utf-8")
        os.utime(root / name, (0, 0))
    (root / "three.txt").write_text("diff", "utf-8")
    os.utime(root / "three.txt", (0, 0))
    tags = [call(app, path=f"/f/{name}.txt").headers["etag"] for name in ("one", "two", "three")]
    assert tags[0] == tags[1] != tags[2]


def test_a_hash_is_kept_if_no_change_can_be_missed(app, monkeypatch):
    monkeypatch.setattr(staticfiles, "_hashes", kept := {})
    monkeypatch.setattr(staticfiles, "_HASHES_AT_MOST", 2)
    now = time.time_ns() // SECOND * SECOND + 5
    for touched, count in [(now, 0), (now - 9 * SECOND - 5, 0), (now - 9 * SECOND, 1), (now - 8 * SECOND, 2)]:
        at(monkeypatch, 0, touched)
        assert [call(app, path="/f/hello.txt").body for _ in range(2)] == [b"hello"] * 2
        assert len(kept) == count
    at(monkeypatch, 0, now - 7 * SECOND)
    assert (call(app, path="/f/hello.txt").code, len(kept)) == (200, 1)


@pytest.mark.parametrize("system", ["posix", "nt"])
def test_a_large_file_without_a_telling_time_has_no_tag(app, root, monkeypatch, system):
    """In a squashfs, each time of a file may be the same one."""
    monkeypatch.setattr(staticfiles, "os", SimpleNamespace(**{**vars(os), "name": system}))
    (root / "large").write_bytes(b"a" * 2 * 1024 * 1024)
    at(monkeypatch, 0, 0 if system == "posix" else None)
    headers = call(app, path="/f/large").headers
    assert "etag" not in headers
    assert "last-modified" not in headers
    assert call(app, path="/f/large", HTTP_IF_NONE_MATCH='"x"').code == 200
    assert call(app, path="/f/large", HTTP_RANGE="bytes=0-0").code == 206


@pytest.mark.parametrize(
    ("changed", "date"),
    [
        (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 GMT"),
        (1_700_000_000.5, "Tue, 14 Nov 2023 22:13:20 GMT"),
        (0, None),
        (0.5, None),
        (1, None),
        (-1.5, None),
        (315_532_800, None),
        (4_000_000_000, None),
        (YEAR_1 - 1, None),
        (YEAR_1 * 100, None),
        (YEAR_10000, None),
        (YEAR_10000 * 30, None),
    ],
)
def test_a_file_of_any_time_is_served(app, monkeypatch, changed, date):
    at(monkeypatch, changed)
    for method in "GET", "HEAD":
        reply = call(app, method, "/f/hello.txt")
        assert (reply.code, reply.headers.get("last-modified")) == (200, date)
    assert call(app, path="/f/hello.txt", HTTP_IF_NONE_MATCH=reply.headers["etag"]).code == 304
    assert call(app, path="/f/hello.txt", HTTP_IF_MODIFIED_SINCE="Thu, 01 Jan 1970 00:00:00 GMT").code == 200


TYPES = {
    "a.js": "text/javascript; charset=utf-8",
    "a.MJS": "text/javascript; charset=utf-8",
    "a.css": "text/css; charset=utf-8",
    "a.html": "text/html; charset=utf-8",
    "a.json": "application/json",
    "a.js.map": "application/json",
    "a.svg": "image/svg+xml; charset=utf-8",
    "a.wasm": "application/wasm",
    "a.woff": "font/woff",
    "a.woff2": "font/woff2",
    "a.webp": "image/webp",
    "a.avif": "image/avif",
    "a.ico": "image/vnd.microsoft.icon",
    "a.webmanifest": "application/manifest+json",
    "a.txt": "text/plain; charset=utf-8",
    "a.xml": "application/xml; charset=utf-8",
    "a.pdf": "application/pdf",
    "a.mp4": "video/mp4",
    "a.webm": "video/webm",
    "a.mp3": "audio/mpeg",
    "a.js.gz": "application/octet-stream",
    "a.unheard-of": "application/octet-stream",
    "a": "application/octet-stream",
    ".js": "application/octet-stream",
}


@pytest.mark.parametrize("machine", ["ignorant", "wrong"])
@pytest.mark.parametrize(("name", "content_type"), TYPES.items())
def test_the_type_of_a_file_of_the_web_is_known(app, root, monkeypatch, machine, name, content_type):
    """Even if mime.types or a registry differs."""
    known = mimetypes.MimeTypes(())
    for extension in list(known.types_map[True]):
        if machine == "wrong":
            known.add_type("text/wrong", extension)
        else:
            known.types_map[True].pop(extension)
    monkeypatch.setattr(mimetypes, "guess_type", known.guess_type)
    (root / name).write_text("x", "utf-8")
    assert call(app, path=f"/f/{name}").headers["content-type"] == content_type


def test_the_machine_knows_the_type_of_other_files(app, root, monkeypatch):
    monkeypatch.setattr(mimetypes, "guess_type", lambda path: ("model/unheard-of", None))
    (root / "a.unheard-of").write_text("x", "utf-8")
    assert call(app, path="/f/a.unheard-of").headers["content-type"] == "model/unheard-of"


@pytest.mark.parametrize("wrapper", [None, FileWrapper, lambda file, size: FileWrapper(file, size)])
@pytest.mark.parametrize("has_middleware", [False, True])
@pytest.mark.parametrize("options", [{}, {"max_age": 60}, {"precompressed": True}, {"immutable": True}])
def test_whole_file_is_the_same_with_and_without_conditions(root, options, has_middleware, wrapper):
    """A request with conditions takes another way, on which werkzeug makes the answer."""
    app = Router()
    if has_middleware:
        app.use(lambda handle: lambda request, params: handle(request, params))
        app.use(marking("m"))
    app.serve_files("/f/*path", root, **options)
    extra = {"HTTP_ACCEPT_ENCODING": "br", **({"wsgi.file_wrapper": wrapper} if wrapper else {})}
    for name in "style.css", "data.bin", "empty", "caf\xc3\xa9 1.css":
        plain = call(app, path=f"/f/{name}", validate=False, **extra)
        for condition in {"HTTP_IF_NONE_MATCH": '"other"'}, {"HTTP_RANGE": "none"}:
            other = call(app, path=f"/f/{name}", validate=False, **extra, **condition)
            assert (plain.status, plain.body) == (other.status, other.body)
            assert sorted(plain.lasting) == sorted(other.lasting)
        assert plain.headers["content-length"] == str(len(plain.body))
