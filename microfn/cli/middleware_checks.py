"""Warnings and notes of `microfn check` about middleware."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import name_of
from ..middleware import Metrics
from ..router import Router
from ..routing.handle import Middleware
from ..routing.route import short_name
from .bindings import reachable

__all__ = ["place_of", "separate_metrics", "wsgi_middleware"]


def place_of(routers: Iterable[Router], middleware: object) -> str:
    """Return the file and line of the registration of a middleware, like "app.py:12", or "" if unknown."""
    for router in routers:
        where = router._registry.current.places.get(id(middleware))
        if where is not None:
            return f"{short_name(where[0])}:{where[1]}"
        for route in router.routes:
            if any(layer is middleware for layer in route.scope.use):
                return route.place
    return ""


def wsgi_middleware(routers: Sequence[Router]) -> list[str]:
    """Find WSGI middleware given to `use`, such as ProxyFix: a class whose objects are WSGI applications."""
    layers = {id(layer): layer for router in routers for chain in _chains(router) for layer in chain}
    return [
        f"{name_of(layer)} ({place_of(routers, layer)}) is WSGI middleware, which app.use does not accept; "
        f"wrap the application, application = {layer.__name__}(app)."
        for layer in layers.values()
        if isinstance(layer, type) and _is_wsgi(layer.__call__)
    ]


def _is_wsgi(function: Any) -> bool:
    """Return True if the parameters have the names of PEP 3333, which those of handles don't have."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return False
    return names[-2:] == ["environ", "start_response"]


def _chains(router: Router) -> list[list[Middleware]]:
    """Return the middleware of each scope, outermost first."""
    current = router._registry.current
    scopes = [router._scope, *current.scopes, *current.middleware, *(route.scope for route in router.routes)]
    return [current.chain(scope) for scope in dict.fromkeys(scopes)]


def separate_metrics(routers: Sequence[Router]) -> tuple[list[str], list[str]]:
    """Find several Metrics in one process with different registries. Return warnings and notes.

    Exposing all of them can be intended, and so can exposing none, as prometheus_client has a server too. If requests
    pass two of them, the result is a warning.
    """
    chains = [[_metrics_in(layer) for layer in chain] for router in routers for chain in _chains(router)]
    routes = {route.where or id(route): route for router in routers for route in router.routes}.values()
    used = {id(one): (one, _used_at(routers, one)) for chain in chains for layer in chain for one in layer}
    exposed = {id(one): (one, route) for route in routes for one in _metrics_in(route.handle)}
    everything = {key: one for key, (one, _) in [*used.items(), *exposed.items()]}
    # With several processes, all Metrics write to one directory, and each shows all figures.
    if len(everything) < 2 or "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        return [], []
    at = ", ".join(dict.fromkeys(place for _, place in used.values()))
    by = ", ".join(dict.fromkeys(str(route) for _, route in exposed.values()))
    text = (
        f"The application has {len(everything)} Metrics, used at {at or 'no place'} and exposed by {by or 'no route'}"
    )
    meets = any(len({id(one) for layer in chain for one in layer}) > 1 for chain in chains)
    if used.keys() == exposed.keys() or not (exposed or meets):
        return [], [f"{text}. Each counts separately."]
    return [f"{text}. Each counts separately, so some figures are not shown; use one Metrics everywhere."], []


def _metrics_in(function: object) -> list[Metrics]:
    """Return the Metrics in a middleware or a handle, or in the objects it refers to."""
    found = reachable(function)
    for one in list(found):
        names = getattr(getattr(one, "__code__", None), "co_names", ())
        found += [value for name in names if (value := getattr(one, "__globals__", {}).get(name)) is not None]
    return list({id(one): one for one in found if isinstance(one, Metrics)}.values())


def _used_at(routers: Sequence[Router], metrics: Metrics) -> str:
    layers = (layer for router in routers for chain in _chains(router) for layer in chain)
    return next(place_of(routers, layer) for layer in layers if any(one is metrics for one in _metrics_in(layer)))
