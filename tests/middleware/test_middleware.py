"""The middleware that microfn brings."""

from __future__ import annotations

import json
import logging
import re

import pytest
from prometheus_client import CollectorRegistry

from microfn import Response, Router
from microfn.middleware import Metrics, RequestIdFilter, access_log, cors, request_id, security_headers

from ..application.test_chain import Body, raising, say
from ..wsgi import call, environ_of

# request_id


def named(**options):
    app = Router()
    app.use(request_id(**options))
    app.get("/")(lambda request, params: [request.context.request_id, request.environ["microfn.request_id"]])
    app.get("/stream")(lambda request, params: iter(lambda: "x", "y"))
    return app


@pytest.mark.parametrize("given", ["abc", "0123-ABC_x.y~z+/=:@", "x" * 128])
def test_an_id_that_is_sent_is_taken(given):
    got = call(named(), HTTP_X_REQUEST_ID=given)
    assert got.headers["x-request-id"] == given
    assert got.json == [given, given]


@pytest.mark.parametrize("given", [None, "", " ", "x" * 129, "a b", "a\nb", "\xe4", "<script>", '"', "a\x00"])
def test_an_id_that_is_unusable_is_replaced(given):
    got = call(named(), HTTP_X_REQUEST_ID=given, validate=False)
    assert re.fullmatch("[0-9a-f]{32}", got.headers["x-request-id"])
    assert got.json == [got.headers["x-request-id"]] * 2


def test_ids_that_are_made_differ():
    app = named()
    assert len({call(app).headers["x-request-id"] for _ in range(50)}) == 50


def test_an_id_may_not_be_trusted_and_have_another_name():
    app = named(trust=False, header="X-Trace")
    got = call(app, HTTP_X_TRACE="mine")
    assert got.headers["x-trace"] != "mine"
    assert call(named(header="X-Trace"), HTTP_X_TRACE="mine").headers["x-trace"] == "mine"


def test_every_outcome_has_an_id():
    app = named()
    for method, path in ("GET", "/nothing"), ("POST", "/"), ("OPTIONS", "/"), ("GET", "/STREAM"):
        assert call(app, method, path, HTTP_X_REQUEST_ID="abc").headers["x-request-id"] == "abc"


def test_log_records_have_the_id_also_while_a_body_is_streamed(caplog):
    app, logger = named(), logging.getLogger("of.the.application")
    caplog.handler.addFilter(RequestIdFilter())

    def stream():
        logger.warning("first")
        yield "a"
        logger.warning("second")
        yield "b"

    @app.get("/logging")
    def log(request, params):
        logger.warning("handle")
        return stream()

    app.get("/broken")(raising(KeyError("broken")))
    call(app, path="/logging", HTTP_X_REQUEST_ID="one")
    logger.warning("outside")
    call(app, path="/broken", HTTP_X_REQUEST_ID="two")
    logger.warning("outside")
    assert [(record.name, record.request_id) for record in caplog.records] == [
        *[("of.the.application", "one")] * 3,
        ("of.the.application", "-"),
        ("microfn", "two"),
        ("of.the.application", "-"),
    ]
    assert "raised KeyError (request two)" in caplog.text


def test_the_own_logger_has_one_filter():
    for _ in range(3):
        request_id()
    assert len([one for one in logging.getLogger("microfn").filters if isinstance(one, RequestIdFilter)]) == 1


# access_log


def logged():
    app, lines = Router(), []
    app.use(request_id())
    app.use(access_log(lines.append))
    app.get("/users/:id")(lambda request, params: "hello")
    app.get("/stream")(lambda request, params: iter(["ab", "c"]))
    app.get("/response")(lambda request, params: Response(["ab", "ü"]))
    app.get("/none")(say(("", 204)))
    app.get("/broken")(raising(KeyError()))
    return app, lines


LINES = [
    ("GET", "/users/7", "/users/:id", 200, 5),
    ("HEAD", "/users/7", "/users/:id", 200, 0),
    ("GET", "/stream", "/stream", 200, 3),
    ("GET", "/response", "/response", 200, 4),
    ("GET", "/none", "/none", 204, 0),
    ("GET", "/nothing", None, 404, None),
    ("POST", "/users/7", None, 405, None),
    ("GET", "/users/7/", None, 301, None),
    ("OPTIONS", "/stream", None, 204, 0),
    ("GET", "/broken", "/broken", 500, None),
]


@pytest.mark.parametrize(("method", "path", "pattern", "status", "size"), LINES)
def test_a_request_is_a_line_of_json(method, path, pattern, status, size, caplog):
    app, lines = logged()
    got = call(app, method, path, HTTP_X_REQUEST_ID="abc")
    (line,) = map(json.loads, lines)
    assert list(line) == ["method", "pattern", "path", "status", "bytes", "ms", "id"]
    assert 0 <= line.pop("ms") < 1000
    assert line.pop("bytes") == (len(got.body) if size is None else size)
    assert line == {"method": method, "pattern": pattern, "path": path, "status": status, "id": "abc"}
    assert size is None or len(got.body) == size


def test_what_a_client_sent_is_escaped():
    app, lines = logged()
    call(app, "GET", '/\n"\x1b[31m\xe2\x80\xa8\\', validate=False)
    assert lines[0].isascii()
    assert lines[0].isprintable()
    assert json.loads(lines[0])["path"] == '/\n"\x1b[31m\u2028\\'


def test_the_line_comes_when_the_body_has_ended():
    app, lines = logged()
    body = app(environ_of(path="/stream"), lambda *answer: None)
    iterator = iter(body)
    next(iterator)
    assert lines == []
    body.close()
    assert json.loads(lines[0])["bytes"] == 2


def test_a_body_that_fails_is_a_line_too_and_is_closed():
    app, lines = logged()
    body = Body("a", KeyError())
    app.get("/fails")(lambda request, params: body)
    assert isinstance(call(app, path="/fails").error, KeyError)
    assert json.loads(lines[0])["bytes"] == 1
    assert body.closed == 1


def test_a_file_keeps_its_wrapper_and_its_size_is_told(tmp_path):
    (tmp_path / "a.txt").write_text("hello", "utf-8")
    app, lines = logged()
    app.serve_files("/files/*path", str(tmp_path))
    assert call(app, path="/files/a.txt").body == b"hello"
    assert json.loads(lines[0])["bytes"] == 5


def test_without_a_place_to_write_it_is_a_logger(caplog):
    app = Router()
    app.use(access_log())
    with caplog.at_level(logging.INFO, "microfn.access"):
        call(app, path="/nothing")
    assert json.loads(caplog.records[0].message)["status"] == 404


def test_where_logging_is_not_set_up_it_is_stderr(capsys, monkeypatch):
    logger = logging.getLogger("microfn.access")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", False)
    app = Router()
    app.use(access_log())
    call(app, path="/nothing")
    assert json.loads(capsys.readouterr().err)["status"] == 404


# security_headers


def test_browsers_are_made_careful_and_a_handle_may_say_otherwise():
    app = Router()
    app.use(security_headers(hsts=60, opener_policy=None))
    app.get("/")(say("hello"))
    app.get("/framed")(lambda request, params: ("framed", 200, {"X-Frame-Options": "SAMEORIGIN"}))
    got = call(app).headers
    assert got["x-content-type-options"] == "nosniff"
    assert got["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in got["content-security-policy"]
    assert got["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "cross-origin-opener-policy" not in got
    assert "strict-transport-security" not in got
    assert call(app, wsgi__url_scheme="https").headers["strict-transport-security"] == "max-age=60"
    assert call(app, path="/framed").headers["x-frame-options"] == "SAMEORIGIN"
    assert call(app, path="/nothing").headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "options", [{"hsts": "1"}, {"hsts": True}, {"frame_options": 7}, {"content_security_policy": b""}]
)
def test_options_of_the_wrong_type_are_refused(options):
    with pytest.raises(TypeError):
        security_headers(**options)
    with pytest.raises(ValueError, match="negative"):
        security_headers(hsts=-1)


# cors

WWW, EVIL = "https://www.example.com", "https://evil.example"
PREFLIGHT = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "content-type,x-a"}


def shared(*arguments, **options):
    app = Router()
    app.use(cors(*arguments, **options))
    app.get("/")(say("hello"))
    app.put("/")(say("hello"))
    app.get("/broken")(raising(KeyError()))
    return app


def cors_headers(got):
    return {name[15:]: value for name, value in got.headers.items() if name.startswith("access-control-")}


def test_a_page_of_an_allowed_origin_may_read_every_answer(caplog):
    app = shared([WWW, "null"], expose=["X-Total", "ETag"], credentials=True)
    for path in "/", "/nothing", "/broken":
        got = call(app, path=path, HTTP_ORIGIN=WWW)
        assert cors_headers(got) == {
            "allow-origin": WWW,
            "allow-credentials": "true",
            "expose-headers": "X-Total, ETag",
        }
        assert "Origin" in got.headers["vary"]
    assert cors_headers(call(app, HTTP_ORIGIN="null"))["allow-origin"] == "null"


@pytest.mark.parametrize(
    "origin", [None, "", EVIL, WWW + ".evil.example", WWW + "/", WWW.upper(), "null", WWW + ", " + EVIL]
)
def test_a_page_of_another_origin_may_not_and_caches_know(origin):
    for extra in {}, PREFLIGHT:
        got = call(shared([WWW]), "OPTIONS" if extra else "GET", HTTP_ORIGIN=origin, **extra)
        assert cors_headers(got) == {}
        assert "Origin" in got.headers["vary"]
        assert got.code == (204 if extra else 200)


@pytest.mark.parametrize("origin", [EVIL, None])
def test_anybody_may_where_origins_is_a_star(origin):
    got = call(shared("*"), HTTP_ORIGIN=origin)  # also without an origin: caches keep one answer for all
    assert cors_headers(got) == {"allow-origin": "*"}
    assert "vary" not in got.headers


def test_a_preflight_is_answered():
    got = call(shared([WWW], credentials=True), "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT)
    assert got.code == 204
    assert cors_headers(got) == {
        "allow-origin": WWW,
        "allow-credentials": "true",
        "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "allow-headers": "content-type,x-a",
        "max-age": "600",
    }
    assert set(got.headers["vary"].split(", ")) == {
        "Origin",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
    }


@pytest.mark.parametrize("asked", ["x-a\x0b", "日", "x-é", "\ud800"])
def test_a_preflight_says_nothing_of_headers_that_have_no_name(asked):
    app = Router()
    app.use(cors("*"))
    headers = {"HTTP_ORIGIN": "https://a.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    got = call(app, "OPTIONS", validate=False, **headers, HTTP_ACCESS_CONTROL_REQUEST_HEADERS=asked)
    assert got.code == 204
    assert "access-control-allow-headers" not in got.headers


def test_a_preflight_is_answered_as_it_was_set():
    app = shared([WWW], methods=["GET"], headers=["X-Token"], max_age=5, expose=["ETag"])
    got = cors_headers(call(app, "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT))
    assert got == {"allow-origin": WWW, "allow-methods": "GET", "allow-headers": "X-Token", "max-age": "5"}
    no_headers = shared([WWW], headers=[])
    assert "allow-headers" not in cors_headers(call(no_headers, "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT))
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    assert "allow-headers" not in cors_headers(call(shared([WWW]), "OPTIONS", HTTP_ORIGIN=WWW, **asked))


def test_an_ordinary_options_is_answered_by_the_routes():
    got = call(shared([WWW]), "OPTIONS", HTTP_ORIGIN=WWW)
    assert got.headers["allow"] == "GET, HEAD, OPTIONS, PUT"
    assert cors_headers(got) == {"allow-origin": WWW}


def test_a_preflight_does_not_reach_what_asks_for_credentials():
    app = Router()
    app.use(cors([WWW]))
    app.use(lambda handle: lambda request, params: ("who are you?", 401))
    app.put("/")(say("hello"))
    assert call(app, "OPTIONS", HTTP_ORIGIN=WWW, **PREFLIGHT).code == 204
    assert call(app, "PUT", HTTP_ORIGIN=WWW).code == 401


def test_a_callable_decides():
    app = shared(lambda origin: origin.endswith(".example.com"), credentials=True)
    assert cors_headers(call(app, HTTP_ORIGIN=WWW))["allow-origin"] == WWW
    assert cors_headers(call(app, HTTP_ORIGIN=EVIL)) == {}


def test_on_a_route_it_answers_that_routes_preflights():
    app = Router()
    app.get("/x/:id", use=[cors([WWW])])(say("x"))
    app.get("/y")(say("y"))
    for method in "GET", "OPTIONS":
        got = call(app, method, "/x/7", HTTP_ORIGIN=WWW, **(PREFLIGHT if method == "OPTIONS" else {}))
        assert cors_headers(got)["allow-origin"] == WWW
    assert cors_headers(call(app, "POST", "/x/7", HTTP_ORIGIN=WWW))["allow-origin"] == WWW
    assert cors_headers(call(app, "OPTIONS", "/y", HTTP_ORIGIN=WWW, **PREFLIGHT)) == {}


def test_where_methods_have_different_middleware_other_methods_have_neither():
    app = Router()
    app.get("/x", use=[cors([WWW])])(say("x"))
    app.put("/x")(say("x"))
    assert cors_headers(call(app, "OPTIONS", "/x", HTTP_ORIGIN=WWW, **PREFLIGHT)) == {}


def test_on_a_group_it_is_for_the_group():
    app = Router()
    app.group("/api", use=[cors("*")]).put("/x")(say("x"))
    app.put("/x")(say("x"))
    assert call(app, "OPTIONS", "/api/x", HTTP_ORIGIN=WWW, **PREFLIGHT).headers["access-control-allow-origin"] == "*"
    assert cors_headers(call(app, "OPTIONS", "/x", HTTP_ORIGIN=WWW, **PREFLIGHT)) == {}


def test_what_cannot_be_sent_is_not_mirrored():
    got = call(shared(lambda origin: True), HTTP_ORIGIN="x\x01", validate=False)
    assert (got.code, cors_headers(got)) == (200, {})
    asked = {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "x\x01y"}
    got = call(shared([WWW]), "OPTIONS", HTTP_ORIGIN=WWW, validate=False, **asked)
    assert "\x01" not in got.headers.get("access-control-allow-headers", "")
    assert got.code < 500


@pytest.mark.parametrize(
    "wrong", ["example.com", WWW + "/", WWW + "/app", "https://*.example.com", "https://", "", "https://a b"]
)
def test_what_is_no_origin_is_refused(wrong):
    with pytest.raises(ValueError, match="is no origin"):
        cors([wrong])


WRONG = [
    ((WWW,), {}),
    ((None,), {}),
    ((7,), {}),
    (([7],), {}),
    (([WWW],), {"methods": "GET"}),
    (([WWW],), {"headers": "X-A"}),
    (([WWW],), {"expose": [7]}),
    (([WWW],), {"max_age": "5"}),
]


@pytest.mark.parametrize(("arguments", "options"), WRONG)
def test_what_is_no_list_is_refused(arguments, options):
    with pytest.raises(TypeError):
        cors(*arguments, **options)


def test_a_star_with_credentials_is_refused():
    with pytest.raises(ValueError, match="credentials"):
        cors("*", credentials=True)


# metrics


def measured():
    app, metrics = Router(), Metrics(registry=CollectorRegistry())
    app.use(metrics)
    app.get("/metrics")(metrics.expose)
    app.get("/users/:id")(lambda request, params: params["id"])
    app.route("/brew", methods=["BREW"])(say("tea"))
    return app


def counts(app):
    got = call(app, path="/metrics")
    assert got.headers["content-type"].startswith("text/plain; version=")
    return dict(re.findall(r"^http_requests_total\{(.*)\} ([0-9.]+)$", got.text, re.MULTILINE)), got.text


def test_requests_are_counted_by_pattern_and_never_by_path():
    app = measured()
    for name in "abc":
        call(app, path=f"/users/{name}")
        call(app, path=f"/nothing/{name}")
    call(app, "BREW", "/brew", validate=False)
    call(app, "EVIL", "/brew", validate=False)
    found, text = counts(app)
    assert found == {
        'method="GET",route="/users/:id",status="200"': "3.0",
        'method="GET",route="",status="404"': "3.0",
        'method="OTHER",route="/brew",status="200"': "1.0",
        'method="OTHER",route="",status="405"': "1.0",
    }
    assert 'http_request_duration_seconds_count{method="GET",route="/users/:id"} 3.0' in text


def test_with_several_workers_it_is_what_all_have_written(tmp_path, monkeypatch):
    app = measured()
    call(app, path="/users/7")
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert counts(app)[0] == {}  # nothing is written there: that was told when prometheus_client was imported


def test_a_duration_is_to_the_end_of_the_body():
    app = measured()
    app.get("/stream")(lambda request, params: iter(["a", "b"]))
    body = app(environ_of(path="/stream"), lambda *answer: None)
    count = 'http_request_duration_seconds_count{method="GET",route="/stream"} 1.0'
    assert count not in counts(app)[1]
    body.close()
    assert count in counts(app)[1]


# tracing, as the how-to shows it


def test_a_span_has_the_route():
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    app, exporter, provider = Router(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app.get("/users/:id")(say("user"))

    def name_route(span, environ, status, headers):
        route = environ.get("microfn.route")
        if route is not None:
            span.set_attribute("http.route", route)
            span.update_name(f"{environ['REQUEST_METHOD']} {route}")

    traced = OpenTelemetryMiddleware(app, response_hook=name_route, tracer_provider=provider)
    call(traced, path="/users/7", validate=False)
    call(traced, path="/nothing", validate=False)
    hit, miss = exporter.get_finished_spans()
    assert (hit.name, hit.attributes["http.route"]) == ("GET /users/:id", "/users/:id")
    assert "http.route" not in miss.attributes


def test_the_id_is_there_until_the_request_has_ended(caplog):
    """Also in what is called at its very end, and in the line of the access log."""
    app = Router()
    logger = logging.getLogger("microfn")
    app.use(request_id(), access_log(lambda line: logger.warning(line)))
    app.get("/")(lambda request, params: request.call_on_close(lambda: logger.warning("ending")) or "whole")
    app.get("/stream")(lambda request, params: iter(["a", "b"]))
    for path in "/", "/stream", "/nothing":
        caplog.clear()
        call(app, path=path, HTTP_X_REQUEST_ID="abc")
        assert {record.request_id for record in caplog.records} == {"abc"}, path
        logger.warning("behind")
        assert caplog.records[-1].request_id == "-"


def test_a_log_that_cannot_be_written_breaks_no_answer(caplog):
    def fail(line):
        raise OSError("disk full")

    app = Router()
    app.use(access_log(fail))
    app.get("/")(lambda request, params: "fine")
    assert call(app).text == "fine"
    assert "disk full" in str(caplog.records[-1].exc_info[1])
