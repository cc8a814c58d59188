"""Libraries that stand around an application, before it, or ask it: one small real test each.

A library that is not installed is skipped; with MICROFN_LIBRARIES=all, as in `make peers`, that is a failure.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import WSGIRequestHandler, make_server

from microfn import Response, Router, redirect

from .wsgi import call

TIMEOUT = 10


def library(name: str) -> Any:
    """Import a library, or skip the test with the reason."""
    try:
        return importlib.import_module(name)
    except ImportError:
        reason = f"{name} is not installed; make peers installs it"
        if os.environ.get("MICROFN_LIBRARIES") == "all":
            pytest.fail(reason)
        pytest.skip(reason)


def test_library_that_is_missing_is_skipped_with_a_reason(monkeypatch):
    monkeypatch.delenv("MICROFN_LIBRARIES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no_such_library is not installed; make peers installs it"):
        library("no_such_library")


def test_library_that_is_missing_fails_if_all_are_wanted(monkeypatch):
    monkeypatch.setenv("MICROFN_LIBRARIES", "all")
    with pytest.raises(pytest.fail.Exception, match="no_such_library"):
        library("no_such_library")


@pytest.fixture
def app() -> Router:  # noqa: C901 - an application is a list of decorated functions
    app = Router()

    @app.get("/users/:id")
    def user(request, params):
        return {"id": params["id"], "url": request.url, "query": request.args.to_dict(flat=False)}

    @app.post("/login")
    def login(request, params):
        response = redirect("/whoami", 303)
        response.set_cookie("name", request.form["name"], httponly=True)
        return response

    @app.get("/whoami")
    def whoami(request, params):
        return request.cookies.get("name", "nobody")

    @app.post("/upload")
    def upload(request, params):
        file = request.files["file"]
        return {"name": file.filename, "size": len(file.read()), "title": request.form["title"]}

    @app.put("/raw")
    def raw(request, params):
        return request.get_data()

    @app.post("/json")
    def echo(request, params):
        return {"json": request.json}

    @app.get("/stream")
    def stream(request, params):
        return Response((b"line %d\n" % number for number in range(3)), mimetype="text/plain")

    @app.get("/fail")
    def fail(request, params):
        raise ValueError("planted")

    @app.get("/docs/")
    def docs(request, params):
        return request.url_for(user, id="7")

    @app.get("/address")
    def address(request, params):
        return {"address": request.remote_addr, "url": request.url, "secure": request.is_secure}

    return app


SENTRY = """
import json, logging, sys
import sentry_sdk
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware
from sentry_sdk.transport import Transport
from werkzeug.test import Client
from microfn import Response, Router, abort

events = []

class Kept(Transport):
    def capture_envelope(self, envelope):
        events.extend(item.payload.json for item in envelope.items if item.type == "event")

app = Router()

@app.get("/users/:id")
def user(request, params):
    raise ValueError("planted")

@app.get("/missing")
def missing(request, params):
    abort(404)

@app.get("/stream")
def stream(request, params):
    def chunks():
        yield b"first"
        raise KeyError("late")
    return Response(chunks())

logging.basicConfig(stream=sys.stderr)
sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Kept)
client = Client(SentryWsgiMiddleware(app))
codes = [client.get(path).status_code for path in ("/users/7?x=1", "/missing", "/nothing")]
try:
    client.get("/stream").get_data()
except KeyError:
    codes.append("KeyError")
sentry_sdk.get_client().close()
json.dump({"codes": codes, "events": events}, sys.stdout)
"""


@pytest.mark.slow
def test_sentry_captures_an_error_of_a_handle():
    """In a process of its own, since sentry_sdk.init changes logging, threading and more for good."""
    library("sentry_sdk")
    done = subprocess.run(
        [sys.executable, "-c", SENTRY], capture_output=True, check=False, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["codes"] == [500, 404, 404, "KeyError"]
    raised = [event["exception"]["values"][-1] for event in told["events"]]
    assert [(error["type"], error["value"]) for error in raised] == [("ValueError", "planted"), ("KeyError", "'late'")]
    assert raised[0]["stacktrace"]["frames"][-1]["function"] == "user"
    request = told["events"][0]["request"]
    assert (request["url"], request["method"], request["query_string"]) == ("http://localhost/users/7", "GET", "x=1")


def test_opentelemetry_makes_a_span_of_each_request(app):
    for name in "opentelemetry.sdk.trace", "opentelemetry.instrumentation.wsgi":
        library(name)
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import StatusCode, get_current_span

    exporter, provider, inside = InMemorySpanExporter(), TracerProvider(), []
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    @app.get("/span")
    def span(request, params):
        inside.append(get_current_span().get_span_context().span_id)
        return "ok"

    traced = OpenTelemetryMiddleware(app, tracer_provider=provider)
    replies = [call(traced, path=path) for path in ("/span", "/stream", "/fail", "/nothing")]
    assert [reply.code for reply in replies] == [200, 200, 500, 404]
    assert replies[1].body == b"line 0\nline 1\nline 2\n"
    spans = exporter.get_finished_spans()
    assert [one.context.span_id for one in spans][:1] == inside
    codes = [one.attributes.get("http.status_code", one.attributes.get("http.response.status_code")) for one in spans]
    assert codes == [200, 200, 500, 404]
    assert [one.status.status_code for one in spans].index(StatusCode.ERROR) == 2
    assert get_current_span().get_span_context().span_id == 0


def test_proxy_fix_changes_what_the_request_says(app):
    fixed = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    sent = {
        "HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.7",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "shop.test",
        "HTTP_X_FORWARDED_PREFIX": "/svc",
    }
    assert call(fixed, path="/address", **sent).json == {
        "address": "203.0.113.7",
        "url": "https://shop.test/svc/address",
        "secure": True,
    }
    assert call(fixed, path="/docs/", **sent).text == "/svc/users/7"
    assert call(fixed, path="/docs", **sent).headers["location"] == "/svc/docs/"
    assert call(fixed, path="/address").json["url"] == "http://site.test/address"


def test_dispatcher_middleware_puts_the_prefix_before_urls(app):
    front = Router()
    front.get("/")(lambda request, params: "front")
    both = DispatcherMiddleware(front, {"/v2": app})
    assert call(both).text == "front"
    assert call(both, path="/v2/users/7").json["url"] == "http://site.test/v2/users/7"
    assert call(both, path="/v2/docs/").text == "/v2/users/7"
    assert call(both, path="/v2/docs").headers["location"] == "/v2/docs/"
    assert call(both, path="/v2/nothing").code == call(both, path="/v22").code == 404


@pytest.fixture
def whitened(app, tmp_path):
    whitenoise = library("whitenoise")
    (tmp_path / "app.css").write_text("p { color: red }", "utf-8")
    (tmp_path / "app.0123456789ab.js").write_text("1;", "utf-8")
    return whitenoise.WhiteNoise(app, root=tmp_path, prefix="static/")


def test_whitenoise_serves_files_before_the_application(whitened):
    reply = call(whitened, path="/static/app.css")
    assert (reply.code, reply.body) == (200, b"p { color: red }")
    assert reply.headers["content-type"].startswith("text/css")
    assert call(whitened, path="/static/app.css", HTTP_IF_NONE_MATCH=reply.headers["etag"]).code == 304
    assert call(whitened, "HEAD", "/static/app.css").body == b""


def test_whitenoise_leaves_other_paths_to_the_application(whitened):
    assert call(whitened, path="/users/7").json["id"] == "7"
    assert call(whitened, path="/static/nothing.css").code == 404
    assert call(whitened, path="/static/../app.css").code in (301, 404)


def test_webtest_fills_forms_uploads_and_follows(app):
    client = library("webtest").TestApp(app)
    assert client.get("/users/7", {"q": "ä"}).json["query"] == {"q": ["ä"]}
    assert client.post("/login", {"name": "ann"}, status=303).follow().text == "ann"
    sent = client.post("/upload", {"title": "t"}, upload_files=[("file", "a.txt", b"12345")])
    assert sent.json == {"name": "a.txt", "size": 5, "title": "t"}
    assert client.post_json("/json", {"a": [1, None]}).json == {"json": {"a": [1, None]}}
    assert client.get("/stream").text == "line 0\nline 1\nline 2\n"
    assert client.head("/users/7").body == b""
    assert client.get("/nothing", status=404).json["status"] == 404


def test_httpx_asks_the_application_without_a_server(app):
    httpx = library("httpx")
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://site.test") as client:
        told = client.get("/users/a%20b", params={"q": ["1", "ä"]}).json()
        assert told["id"] == "a b"
        assert told["query"] == {"q": ["1", "ä"]}
        assert client.post("/login", data={"name": "ann"}).headers["location"] == "/whoami"
        assert client.get("/whoami").text == "ann"
        sent = client.post("/upload", data={"title": "t"}, files={"file": ("ä.txt", b"12345")})
        assert sent.json() == {"name": "ä.txt", "size": 5, "title": "t"}
        assert client.post("/json", json={"a": 1}).json() == {"json": {"a": 1}}
        with client.stream("GET", "/stream") as response:
            assert list(response.iter_lines()) == ["line 0", "line 1", "line 2"]
        assert client.get("/fail").status_code == 500


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def log(self, *_: object) -> None:
        """Say nothing: pytest would show each request."""


@pytest.fixture
def address(app) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(TIMEOUT)
        assert not thread.is_alive()


@pytest.mark.server
def test_requests_asks_a_real_server(address):
    requests = library("requests")
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{address}/users/7", params={"q": "ä"}, timeout=TIMEOUT).json()["query"] == {"q": ["ä"]}
        assert session.post(f"{address}/login", data={"name": "ann"}, timeout=TIMEOUT).text == "ann"
        files = {"file": ("a.txt", io.BytesIO(b"x" * 100_000))}
        sent = session.post(f"{address}/upload", data={"title": "t"}, files=files, timeout=TIMEOUT)
        assert sent.json() == {"name": "a.txt", "size": 100_000, "title": "t"}
        chunked = session.put(f"{address}/raw", data=iter([b"some ", b"chunks"]), timeout=TIMEOUT)
        assert chunked.content == b"some chunks"
        with session.get(f"{address}/stream", stream=True, timeout=TIMEOUT) as response:
            assert list(response.iter_lines()) == [b"line 0", b"line 1", b"line 2"]
        refused = session.post(
            f"{address}/json", data=b"{", headers={"Content-Type": "application/json"}, timeout=TIMEOUT
        )
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
        assert session.get(f"{address}/nothing", timeout=TIMEOUT).status_code == 404


def test_flask_serves_beside_and_below_an_application(app):
    flask = library("flask")
    other = flask.Flask("other", static_folder=None)
    other.get("/hello")(lambda: flask.request.script_root + flask.request.path)
    assert call(DispatcherMiddleware(other, {"/api": app}), path="/api/users/7").json["id"] == "7"
    app.mount("/flask", other)
    assert call(app, path="/flask/hello").text == "/flask/hello"
