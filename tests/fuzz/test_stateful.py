"""A Router through all that may happen to it, in any order, against a model that is a list of routes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from microfn import RouteConflict, Router
from microfn.routing.registry import Registry

from .. import model
from ..wsgi import call

METHODS = ["GET", "POST", "HEAD", "DELETE"]
PREFIXES = ["", "/g", "/G", "/g/a", "/:x"]
segments = st.sampled_from(["a", "A", "b", "ab", ":x", ":y", "a:x", "ä", ""])
patterns = st.builds(
    lambda parts, rest: "".join(f"/{part}" for part in parts) + rest or "/",
    st.lists(segments.filter(bool), max_size=3),
    st.sampled_from(["", "", "/", "/*rest"]),
)
paths = st.lists(st.sampled_from(["a", "A", "b", "ab", "7", "ä", "", ".."]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@dataclass
class State:
    """The model of an application."""

    routes: list[tuple[str, str, int]] = field(default_factory=list)
    mounts: dict[str, int] = field(default_factory=dict)
    handlers: dict[int, int] = field(default_factory=dict)
    layers: int = 0

    def copy(self):
        return State(self.routes.copy(), self.mounts.copy(), self.handlers.copy(), self.layers)

    def is_refused(self, method, pattern, overlap):
        names = [text for kind, text in model.parse(pattern) if kind != model.TEXT]
        if len(set(names)) < len(names) or any(_is_below(pattern, prefix) for prefix in self.mounts):
            return True
        return any(
            other == method and model.clash(model.parse(known), model.parse(pattern), overlap=overlap)
            for other, known, _ in self.routes
        )


def _is_below(pattern, prefix):
    return pattern == prefix or pattern.startswith(prefix + "/")


def refusing(is_refused=True):
    """Return the context for a change. If it must be refused, assert this."""
    reasons = r"conflicts|its own name|already"
    return pytest.raises(ValueError, match=reasons) if is_refused else contextlib.nullcontext()


def says(number):
    return lambda request, params: {"number": number, "params": params}


def layer(handle):
    def through(request, params):
        response = handle(request, params)
        response.headers["X-Layers"] = str(int(response.headers.get("X-Layers", "0")) + 1)
        return response

    return through


def mounted(number):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"mount {number} {environ['PATH_INFO']}".encode("latin-1")]

    return application


class Life(RuleBasedStateMachine):
    """The life of one Router."""

    def __init__(self):
        super().__init__()
        self.count = 0

    @initialize(overlap=st.booleans())
    def begin(self, overlap):
        self.overlap = overlap
        self.app = Router(overlap=overlap)
        self.state = State()

    def number(self):
        self.count += 1
        return self.count

    def add(self, app, state, method, pattern, prefix=""):
        """Register a route, or assert that it is refused exactly if the model refuses it."""
        number, target = self.number(), app.group(prefix) if prefix else app
        if state.is_refused(method, prefix + pattern, self.overlap):
            with refusing():
                target.handle(method, pattern, says(number))
        else:
            target.handle(method, pattern, says(number))
            state.routes.append((method, prefix + pattern, number))

    @rule(method=st.sampled_from(METHODS), pattern=patterns, prefix=st.sampled_from(PREFIXES))
    def register(self, method, pattern, prefix):
        self.add(self.app, self.state, method, pattern, prefix)

    @rule(methods=st.lists(st.sampled_from(METHODS), min_size=1, max_size=3), pattern=patterns)
    def register_for_several(self, methods, pattern):
        number = self.number()
        refused = len(set(methods)) < len(methods) or any(
            self.state.is_refused(method, pattern, self.overlap) for method in methods
        )
        with refusing(refused):
            self.app.route(pattern, methods=methods)(says(number))
        if not refused:
            self.state.routes += [(method, pattern, number) for method in methods]

    @precondition(lambda self: self.state.routes)
    @rule(data=st.data())
    def remove(self, data):
        method, pattern, number = data.draw(st.sampled_from(self.state.routes))
        self.app.remove(method, pattern)
        self.state.routes.remove((method, pattern, number))
        with pytest.raises(LookupError):
            self.app.remove(method, pattern)

    @precondition(lambda self: self.state.routes)
    @rule(data=st.data(), new=patterns)
    def replace_all_or_nothing(self, data, new):
        """A block that replaces a route. If the new one is refused, nothing changes."""
        method, pattern, number = data.draw(st.sampled_from(self.state.routes))
        after = self.state.copy()
        after.routes.remove((method, pattern, number))
        refused = after.is_refused(method, new, self.overlap)
        another = self.number()
        with refusing(refused), self.app.changes():
            self.app.remove(method, pattern)
            self.app.handle(method, new, says(another))
        if not refused:
            after.routes.append((method, new, another))
            self.state = after

    @rule(pattern=patterns)
    def begin_and_give_up(self, pattern):
        """Nothing of a block that fails is there."""
        before = self.state.copy()
        with contextlib.suppress(ZeroDivisionError), self.app.changes():
            self.add(self.app, before, "GET", pattern)
            self.app.use(layer)
            self.app.mount("/never", mounted(0))
            raise ZeroDivisionError

    @rule(routes=st.lists(st.tuples(st.sampled_from(METHODS), patterns), max_size=3), prefix=st.sampled_from(PREFIXES))
    def include(self, routes, prefix):
        """All of another Router comes in, or nothing of it."""
        inner, inside, after, refused = Router(overlap=self.overlap), State(), self.state.copy(), False
        for method, pattern in routes:
            self.add(inner, inside, method, pattern)
        for method, pattern, number in inside.routes:
            refused = refused or after.is_refused(method, prefix + pattern, self.overlap)
            after.routes.append((method, prefix + pattern, number))
        with refusing(refused):
            self.app.include(prefix, inner)
        if refused:
            self.add(inner, inside, "PUT", "/still/open")
        else:
            self.state = after
            with pytest.raises(RuntimeError, match="was included"):
                inner.get("/late")(says(0))

    @rule(prefix=st.sampled_from(["/a", "/b", "/g/a", "/ä"]))
    def mount(self, prefix):
        number = self.number()
        refused = prefix in self.state.mounts or any(_is_below(known, prefix) for _, known, _ in self.state.routes)
        with refusing(refused):
            self.app.mount(prefix, mounted(number))
        if not refused:
            self.state.mounts[prefix] = number

    @precondition(lambda self: self.state.layers < 3)
    @rule()
    def use(self):
        self.app.use(layer)
        self.state.layers += 1

    @rule(status=st.sampled_from([404, 405]))
    def handle_errors(self, status):
        number = self.number()
        refused = status in self.state.handlers
        with refusing(refused):
            self.app.error(status)(lambda request, error: f"error {number}")
        if not refused:
            self.state.handlers[status] = number

    @rule(method=st.sampled_from(METHODS), path=paths)
    def request(self, method, path):
        """A match equals that of the model. For a miss, Allow has the methods of the path."""
        got = call(self.app, method, path.encode().decode("latin-1"), validate=False)
        mount = max((prefix for prefix in self.state.mounts if _is_below(path, prefix)), key=len, default=None)
        assert got.headers.get("x-layers", "0") == str(self.state.layers)
        if mount is not None:
            # Middleware sees the answer of a mount, and like every answer to HEAD it has no content then.
            is_dropped = method == "HEAD" and self.state.layers
            assert got.text == ("" if is_dropped else f"mount {self.state.mounts[mount]} {path[len(mount) :]}")
            return
        found = self.found(method, path) or (self.found("GET", path) if method == "HEAD" else None)
        if found is not None:
            number, params = found
            assert got.code == 200
            assert method == "HEAD" or got.json == {"number": number, "params": params}
            return
        others = {name for name in METHODS if self.found(name, path)}
        if got.code in (301, 308):
            target = unquote(got.headers["location"])
            assert self.found(method, target) or (method == "HEAD" and self.found("GET", target))
            return
        assert got.code == (405 if others else 404)
        if others:
            allowed = others | {"OPTIONS"} | ({"HEAD"} if "GET" in others else set())
            assert got.headers["allow"] == ", ".join(sorted(allowed))
        if got.code in self.state.handlers and method != "HEAD":
            assert got.text == f"error {self.state.handlers[got.code]}"

    def found(self, method, path):
        """Number and params of the route that answers; of several that match, literal text wins from the left."""
        matching = []
        for other, pattern, number in self.state.routes:
            tokens = model.parse(pattern)
            found = model.match(tokens, path) if other == method else None
            if found is not None:
                matching.append(([kind for kind, _ in tokens], number, dict(found[1])))
        return min(matching)[1:] if matching else None

    @invariant()
    def all_is_listed(self):
        assert [(route.method, route.pattern) for route in self.app.routes] == [
            route[:2] for route in self.state.routes
        ]
        assert [mount.prefix for mount in self.app.mounts] == list(self.state.mounts)


def run(life, examples, phases, *, derandomize=False):
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=phases,
            derandomize=derandomize,
        ),
    )


@pytest.mark.slow
def test_whatever_happens_to_a_router_it_is_what_the_model_says():
    run(Life, int(os.environ.get("FUZZ_LIVES", "200")), tuple(Phase))


def test_a_remove_that_forgets_the_table_would_be_found(monkeypatch):
    def remove(registry, method, pattern):
        draft = registry._draft_table
        original(registry, method, pattern)
        registry._draft_table = draft

    original = Registry._remove
    monkeypatch.setattr(Registry, "_remove", remove)
    with pytest.raises((AssertionError, RouteConflict)):
        run(Life, 500, [Phase.generate], derandomize=True)
