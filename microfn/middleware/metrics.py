"""Counters and durations for Prometheus, by the pattern of the route and never by path."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ..http.request import Request
from ..http.response import Response
from ..http.types import Handle, Params

if TYPE_CHECKING:
    from typing import Protocol

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import GaugeMetricFamily

    class _CountedCall(Protocol):
        name: str

    class _Agent(Protocol):
        """The methods of `microfn.agent.Agent` that `Metrics` needs."""

        def counts(self) -> dict[str, dict[str, int]]: ...

        def before_call(self, hook: Callable[[_CountedCall], object], /) -> object: ...

        def after_call(self, hook: Callable[[_CountedCall], object], /) -> object: ...

        @property
        def queue(self) -> _Queue: ...

    class _Queue(Protocol):
        """The methods of an agent's queue that `Metrics` needs."""

        def counts(self) -> dict[str, dict[str, int]]: ...


__all__ = ["Metrics"]

_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT TRACE".split())


class _StoredCalls:
    """A collector for prometheus_client: the calls in a store. All workers report the same values."""

    def __init__(self, queue: _Queue) -> None:
        self._queue = queue

    def describe(self) -> list[GaugeMetricFamily]:
        """Return the metric without values, so that registering it does not read the store."""
        from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415 - an extra

        return [GaugeMetricFamily("fn_queued_calls", "Calls in the store.", labels=["function", "state"])]

    def collect(self) -> list[GaugeMetricFamily]:
        """Return the metric. It has no values if the store fails."""
        [metric] = self.describe()
        for function, states in self._queue.counts().items():
            for state, count in states.items():
                metric.add_metric([function, state], count)
        return [metric]


class Metrics:
    """A middleware that counts and times requests, with the handle `expose` for Prometheus.

    - `http_requests_total` counts by method, route and status.
    - `http_request_duration_seconds` is a histogram by method and route, up to the end of the body.
    - `http_responses_incomplete_total` counts incomplete responses by method and route: the body failed, or the client
      disconnected.

    The route is its pattern, after the prefixes of the mounts of the request, and "" without a match. A non-standard
    method is "OTHER". So routes limit the number of series, not clients.

    `agent` is an `Agent`. Then `fn_calls` shows its calls by function and state, as `Agent.counts` returns them. With
    several workers, it is the sum over the live workers, each as of its last start or end of a call. If the agent has a
    queue, `fn_queued_calls` shows the `queued` and `running` calls in its store, for all hosts.

    Needs the extra `metrics` (prometheus-client). With several workers, set PROMETHEUS_MULTIPROC_DIR, as its
    documentation describes; then `expose` reports all of them. `registry` is the default registry of prometheus_client.
    All Routers of a process can share one Metrics. Raises ValueError if another Metrics uses the registry.

    >>> from microfn import Router
    >>> from prometheus_client import CollectorRegistry
    >>> app, metrics = Router(), Metrics(registry=CollectorRegistry())
    >>> _ = app.use(metrics)
    >>> _ = app.get("/metrics")(metrics.expose)
    >>> _ = app.test_client().get("/nothing")
    >>> 'http_requests_total{method="GET",route="",status="404"} 1.0' in app.test_client().get("/metrics").text
    True
    """

    def __init__(self, *, registry: CollectorRegistry | None = None, agent: _Agent | None = None) -> None:
        try:
            import prometheus_client  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "Metrics needs prometheus-client, which is not installed; run pip install 'microfn[metrics]'"
            ) from None
        self._client = prometheus_client
        self._registry = prometheus_client.REGISTRY if registry is None else registry
        try:
            self._requests = prometheus_client.Counter(
                "http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
            )
        except ValueError:
            raise ValueError(
                "registry must be without Metrics, got the registry of other Metrics; use those in all Routers "
                "of a process, or pass registry=CollectorRegistry() for separate figures"
            ) from None
        self._seconds = prometheus_client.Histogram(
            "http_request_duration_seconds",
            "Time to the end of the body.",
            ["method", "route"],
            registry=self._registry,
        )
        self._incomplete = prometheus_client.Counter(
            "http_responses_incomplete", "Responses that broke off.", ["method", "route"], registry=self._registry
        )

        self._agent = agent
        self._stored: _StoredCalls | None = None
        if agent is not None:
            self._calls = prometheus_client.Gauge(
                "fn_calls",
                "Calls of functions.",
                ["function", "state"],
                registry=self._registry,
                multiprocess_mode="livesum",
            )
            with suppress(RuntimeError):  # the agent has no queue
                self._stored = _StoredCalls(agent.queue)
                self._registry.register(self._stored)
            agent.before_call(self._show_calls)
            agent.after_call(self._show_calls)

    def _show_calls(self, call: _CountedCall | None = None) -> None:
        """Show the counts of the function of this call, or of all functions."""
        counts = {} if self._agent is None else self._agent.counts()
        for name in counts if call is None else [call.name]:
            for state, count in counts[name].items():
                self._calls.labels(name, state).set(count)

    def __call__(self, handle: Handle[Response]) -> Handle[Response]:
        """Return the handle with measurements."""

        def measured(request: Request, params: Params) -> Response:
            began = time.perf_counter()
            response = handle(request, params)
            method = request.method if request.method in _METHODS else "OTHER"
            route = request.environ.get("microfn.route", "")
            self._requests.labels(method, route, response.status_code).inc()

            def end() -> None:
                self._seconds.labels(method, route).observe(time.perf_counter() - began)
                if not request._is_complete:
                    self._incomplete.labels(method, route).inc()

            request.call_on_close(end)
            return response

        return measured

    def expose(self, request: Request, params: Params) -> Response:  # noqa: ARG002 - it is a handle
        """Expose the metrics to Prometheus. This is a handle: `app.get("/metrics")(metrics.expose)`."""
        self._show_calls()
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            from prometheus_client import multiprocess  # noqa: PLC0415 - rarely needed

            registry = self._client.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            if self._stored is not None:
                registry.register(self._stored)
        return Response(self._client.generate_latest(registry), content_type=self._client.CONTENT_TYPE_LATEST)
