"""The request: a true werkzeug Request that computes nothing before it is asked."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import UnsupportedMediaType
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
    """Return a value in a comparable form: files and streams by their content."""
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
        if (label, name) in [("nothing", "full_path"), ("lower", "method")]:
            continue
        assert (label, read(Request, environ, name)) == (label, read(WerkzeugRequest, environ, name))


def test_method_is_the_one_that_was_routed():
    """werkzeug converts it to upper case, so middleware would see a GET for a request with 405."""
    app, seen = Router(), []
    app.use(lambda handle: lambda request, params: seen.append(request.method) or handle(request, params))
    app.get("/")(lambda request, params: "x")
    assert [call(app, method, validate=False).code for method in ("GET", "get", "Get")] == [200, 405, 405]
    assert seen == ["GET", "get", "Get"]


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
    assert Request.host.__doc__.startswith("The host of the request")


def test_two_requests_have_params_of_their_own():
    first, second = Request(environ_of()), Request(environ_of())
    first.params["id"] = 1
    assert second.params == {}


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


def test_a_path_that_is_no_text_can_still_be_looked_at():
    assert Request(environ_of(path="/\xff\u0100")).path == "/\ufffd?"


READS = {
    "data": lambda request: request.data,
    "form": lambda request: request.form,
    "files": lambda request: request.files,
    "values": lambda request: request.values,
    "json": lambda request: request.json,
    "stream": lambda request: request.stream,
    "get_data": lambda request: request.get_data(),
    "get_data as text": lambda request: request.get_data(cache=False, as_text=True, parse_form_data=True),
    "get_json": lambda request: request.get_json(force=True),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", None])
@pytest.mark.parametrize("extra", [{}, {"CONTENT_LENGTH": "3"}, {"wsgi.input": io.BytesIO(b"a=1")}])
def test_body_of_a_shallow_request_is_a_runtime_error(read, kind, extra):
    """Also if there is no `wsgi.input`, and each time."""
    environ = {"REQUEST_METHOD": "POST", **extra} | ({"CONTENT_TYPE": kind} if kind else {})
    request = Request(environ, shallow=True)
    for _ in range(2):
        error = UnsupportedMediaType if read is READS["json"] and kind != "application/json" else RuntimeError
        with pytest.raises(error):
            read(request)
