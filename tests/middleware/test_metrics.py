"""Metrics count requests by pattern, and a span of a trace has the route."""

from __future__ import annotations

import re
import sys

import pytest
from prometheus_client import CollectorRegistry

from microfn import Router
from microfn.agent import Agent
from microfn.agent.queue.record import StoreError
from microfn.middleware import Metrics

from ..handles import say
from ..wsgi import call, environ_of


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
    assert counts(app)[0] == {}  # nothing is written there: prometheus_client reads the variable at its import


def test_a_duration_is_to_the_end_of_the_body():
    app = measured()
    app.get("/stream")(lambda request, params: iter(["a", "b"]))
    body = app(environ_of(path="/stream"), lambda *answer: None)
    count = 'http_request_duration_seconds_count{method="GET",route="/stream"} 1.0'
    assert count not in counts(app)[1]
    body.close()
    assert count in counts(app)[1]


def test_metrics_name_the_mounts_a_route_is_below():
    app, inner = measured(), Router()
    inner.get("/items/:id")(say("x"))
    for prefix in "/v1", "/v2":
        app.mount(prefix, inner)
        call(app, path=f"{prefix}/items/7", SCRIPT_NAME="/server")
    call(app, path="/v1/nothing/7")
    assert counts(app)[0] == {
        'method="GET",route="/v1/items/:id",status="200"': "1.0",
        'method="GET",route="/v2/items/:id",status="200"': "1.0",
        'method="GET",route="/v1/*",status="404"': "1.0",
    }


def test_metrics_count_answers_that_broke_off():
    app = measured()
    app.get("/stream/:id")(lambda request, params: (str(1 // (2 - n)) for n in range(int(params["id"]))))
    for path in "/stream/2", "/stream/3", "/users/7":
        call(app, path=path)
    assert isinstance(call(app, path="/stream/3").error, ZeroDivisionError)
    call(app, path="/stream/2", chunks=1, validate=False)
    found = re.findall(r"^http_responses_incomplete_total\{(.*)\} ([0-9.]+)$", counts(app)[1], re.MULTILINE)
    assert found == [('method="GET",route="/stream/:id"', "3.0")]


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


def test_second_metrics_of_a_registry_are_refused_with_a_hint():
    registry = CollectorRegistry()
    Metrics(registry=registry)
    with pytest.raises(ValueError, match=r"registry must be without Metrics, .* registry=CollectorRegistry\(\)"):
        Metrics(registry=registry)


def test_missing_library_is_told_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ModuleNotFoundError, match=r"run pip install 'microfn\[metrics\]'$"):
        Metrics()


def test_calls_of_an_agent_are_shown_by_function_and_state():
    agent, app = Agent(tokens=1), Router()
    metrics = Metrics(registry=CollectorRegistry(), agent=agent)
    app.get("/metrics")(metrics.expose)
    app.get("/users/:id", use=[agent.inline(timeout=60)])(say("hello"))
    name = agent_name(app)
    for user in "ab":
        call(app, path=f"/users/{user}")
    text = counts(app)[1]
    found = dict(re.findall(r"^fn_calls\{(.*)\} ([0-9.]+)$", text, re.MULTILINE))
    assert found[f'function="{name}",state="completed"'] == "2.0"
    assert found[f'function="{name}",state="running"'] == "0.0"
    assert len(found) == 6
    assert "/users/a" not in text


def agent_name(app):
    handle = next(route for route in app.routes if route.pattern == "/users/:id").handle
    return f"{handle.__module__}:{handle.__qualname__}"


def test_call_that_runs_is_shown_when_it_has_ended():
    """A worker shows its counts when a call comes or ends, for files that another worker reads."""
    agent, registry = Agent(), CollectorRegistry()
    metrics, app = Metrics(registry=registry, agent=agent), Router()

    def value(state):
        return registry.get_sample_value("fn_calls", {"function": f"{__name__}:{handle.__qualname__}", "state": state})

    def handle(request, params):
        metrics.expose(request, params)
        return f"{value('running')} {value('completed')}"

    app.get("/", use=[agent.inline(timeout=60)])(handle)
    assert call(app).text == "1.0 0.0"
    assert (value("running"), value("completed")) == (0.0, 1.0)


@pytest.fixture
def queued(tmp_path):
    """An application with a queue, two calls in its store, and the function that stores more."""
    agent, app = Agent(ram="64M", queue=f"sqlite:///{tmp_path}/calls.db"), Router()
    metrics = Metrics(registry=CollectorRegistry(), agent=agent)
    app.get("/metrics")(metrics.expose)
    for name in "copy", "idle":
        app.post(f"/{name}")(agent.queued(agent.cold(["cat"], memory=16, timeout=5, name=name)))
    for _ in range(2):
        assert call(app, "POST", "/copy").status.startswith("202")
    yield agent, app
    agent.close()


def stored_counts(app):
    return dict(re.findall(r"^fn_queued_calls\{(.*)\} ([0-9.]+)$", call(app, path="/metrics").text, re.MULTILINE))


@pytest.mark.parametrize("is_one_of_several", [False, True])
def test_calls_in_the_store_are_shown_by_function_and_state(queued, tmp_path, monkeypatch, is_one_of_several):
    if is_one_of_several:
        (tmp_path / "metrics").mkdir()
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    assert stored_counts(queued[1]) == {
        'function="copy",state="queued"': "2.0",
        'function="copy",state="running"': "0.0",
        'function="idle",state="queued"': "0.0",
        'function="idle",state="running"': "0.0",
    }


def test_store_that_fails_is_left_out(queued, monkeypatch):
    agent, app = queued

    def fail():
        raise StoreError("the store cannot be read")

    monkeypatch.setattr(agent.queue.store, "counts", fail)
    assert stored_counts(app) == {}
    assert counts(app)[0] == {}


def test_store_is_not_opened_before_prometheus_asks(tmp_path):
    agent, registry = Agent(queue=f"sqlite:///{tmp_path}/calls.db"), CollectorRegistry()
    Metrics(registry=registry, agent=agent)
    assert not list(registry.collect())[-1].samples  # no function is queued
    assert not list(tmp_path.iterdir())
