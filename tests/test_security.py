"""Responses reveal nothing: to strangers, to a browser that reads them as a page, and about internals."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from werkzeug.http import parse_options_header

from microfn import Router, abort, html, redirect
from microfn.middleware import cors, request_id, security_headers

from .wsgi import call

MARKUP = "<script>alert(1)</script>\"'&"
ACCEPTS = ["text/html", "text/plain", "application/json", "*/*", "", "text/html;q=0", MARKUP]


# Guards


def guard(handle):
    return lambda request, params: ("Who are you?", 401)


def guarded():
    app = Router()
    admin = app.group("/admin", use=[guard])
    admin.get("/users/:id", convert={"id": int})(lambda request, params: "secret")
    admin.post("/users")(lambda request, params: "secret")
    admin.group("/deep").get("/*rest")(lambda request, params: "secret")
    return app


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "get", "ODD"])
@pytest.mark.parametrize(
    "path",
    ["/users/7", "/users/x", "/users/7/", "/users", "/users/", "/deep/", "/deep/a", "/deep", "/nothing", "/", ""],
)
def test_a_guard_of_a_group_answers_alike_whatever_is_there(method, path):
    got = call(guarded(), method, f"/admin{path}", validate=False)
    assert got.code == 401
    assert not {"allow", "location"} & set(got.headers)


@pytest.mark.parametrize("path", ["/ADMIN/users/7", "//admin/users/7", "/x/../admin/users/7", "/Admin/Deep/x"])
def test_guard_answers_before_a_redirect_to_what_it_guards(path):
    got = call(guarded(), path=path)
    assert got.code == 401
    assert "location" not in got.headers


def test_no_spelling_is_shown_without_redirects_to_fixed_paths():
    app = Router(redirect_fixed_path=False)
    app.group("/admin", use=[guard]).get("/users")(lambda request, params: "secret")
    told = [call(app, path=path) for path in ("/ADMIN/users", "//admin/users", "/ADMIN/nothing", "/nothing")]
    assert len({(got.code, got.text) for got in told}) == 1


# Pages


def hostile():
    app = Router()
    app.get("/abort")(lambda request, params: abort(400, request.args["text"]))
    app.get("/key")(lambda request, params: request.form[request.args["text"]])
    app.get("/json")(lambda request, params: request.json)
    app.get("/echo/*text")(lambda request, params: params["text"])
    app.get("/to/")(lambda request, params: redirect(request.args["text"]))
    app.get("/raises")(lambda request, params: {}[request.args["text"]])
    app.post("/valid", valid=int)(lambda request, params: str(request.valid))
    return app


ANSWERS = {
    "a description": ("GET", "/abort", {}),
    "the name of a field": ("GET", "/key", {}),
    "a path": ("GET", f"/echo/{MARKUP}", {}),
    "a path that is not there": ("GET", f"/{MARKUP}", {}),
    "a method": (MARKUP, "/abort", {}),
    "a redirect of a handle": ("GET", "/to/", {}),
    "a redirect of the Router": ("GET", "/to", {}),
    "JSON": ("GET", "/json", {"CONTENT_TYPE": "application/json", "body": MARKUP.encode()}),
    "a content type": ("GET", "/json", {"CONTENT_TYPE": MARKUP}),
    "a value": ("POST", "/valid", {"CONTENT_TYPE": "application/json", "body": b'"<script>alert(1)</script>"'}),
    "a length": ("POST", "/valid", {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": MARKUP}),
    "a host": ("GET", "/abort", {"HTTP_HOST": MARKUP}),
    "an exception": ("GET", "/raises", {}),
}


@pytest.mark.parametrize("accept", ACCEPTS)
@pytest.mark.parametrize(("method", "path", "extra"), ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("hosts", [None, ["www.example.com"]])
def test_no_answer_is_a_page_with_markup_of_a_client(method, path, extra, accept, hosts, caplog):
    app = hostile() if hosts is None else Router(trusted_hosts=hosts)
    query = "text=%3Cscript%3Ealert(1)%3C/script%3E%22'%26"
    got = call(app, method, path, validate=False, query=query, HTTP_ACCEPT=accept, **extra)
    kind = got.headers["content-type"]
    assert "<script" not in got.text or kind in ("text/plain; charset=utf-8", "application/problem+json")
    assert kind == "application/problem+json" or kind.endswith("; charset=utf-8")


def test_every_answer_that_accept_has_decided_says_so():
    for path in "/nothing", "/abort?":
        for accept in ACCEPTS:
            assert call(hostile(), path=path, HTTP_ACCEPT=accept).headers["vary"] == "Accept"


def test_a_redirects_body_repeats_nothing_that_was_sent():
    got = call(hostile(), path="/to", query="a=<script>")
    assert (got.code, got.text) == (301, "Moved Permanently\n")


@pytest.mark.parametrize("text", [MARKUP, '" onmouseover="alert(1)', "' autofocus='", "</p>", "&lt;"])
def test_html_escapes_also_for_what_stands_in_quotes(text):
    for page in html('<a title="{}">').format(text), html('<a title="%s">') % text, html("<a title='{}'>").format(text):
        assert page.count("<") == page.count(">") == 1
        inside = page.removeprefix("<a title=")[1:-2]
        assert not set("\"'<>") & set(inside)


@pytest.mark.parametrize(
    "name",
    ['a"; filename="evil.html', "a\\", 'a\\"b', "a;b=c", "ü.txt", "../../etc/passwd", "a\u2028b", "%22", "a\r\nX: y"],
)
def test_the_name_of_a_download_stays_one_value(name):
    """As docs/security.md says it is to be written."""
    app = Router()
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    app.get("/")(lambda request, params: ("text", 200, {"Content-Disposition": disposition}))
    value, options = parse_options_header(call(app).headers["content-disposition"])
    assert (value, options) == ("attachment", {"filename": name})


# Internals


def test_no_header_says_what_is_behind(tmp_path, caplog):
    (tmp_path / "a.txt").write_text("a", "utf-8")
    app = hostile()
    app.use(request_id(), cors("*"), security_headers())
    app.serve_files("/files/*path", str(tmp_path))
    for path in "/abort", "/nothing", "/to", "/echo/x", "/raises", "/files/a.txt":
        headers = call(app, path=path, query="text=a").header_list
        assert not {"server", "x-powered-by", "via", "x-runtime"} & {name.lower() for name, _ in headers}
        assert not any(word in str(headers).lower() for word in ("microfn", "werkzeug", "python"))


def test_etag_of_a_file_has_its_time_and_size_but_no_path(tmp_path):
    (tmp_path / "a.txt").write_text("a", "utf-8")
    app = Router()
    app.serve_files("/*path", str(tmp_path))
    state = (tmp_path / "a.txt").stat()
    tag = call(app, path="/a.txt").headers["etag"]
    assert tag == f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
    for path in "/", "/.", "/..", "//", "/nothing", "/a.txt/":
        got = call(app, path=path, HTTP_ACCEPT="text/html")
        assert got.code == 404
        assert str(tmp_path) not in got.text
        assert "a.txt" not in got.text
