"""A guard protects all registrations below it from any request: a property of random applications."""

from __future__ import annotations

import random
from contextlib import suppress
from urllib.parse import quote, unquote_to_bytes

import pytest

from microfn import Response, Route, RouteConflict, Router, abort

from .wsgi import call

METHODS = ["GET", "POST", "DELETE"]
PREFIXES = ["", "/a", "/admin", "/:tenant", "/ä"]
PATTERNS = ["/", "/x", "/x/", "/:id", "/:id/", "/X/y", "/a/:id", "/doc/:id", "/:tenant/export", "/*rest", "/ä/:id"]
SEGMENTS = ["", "a", "A", "admin", "ADMIN", "x", "X", "y", "doc", "7", ".", "..", "ä", "Ä", "m", "export", "%2F"]


def guard(handle):
    def guarded(request, params):
        if request.headers.get("X-Key") != "7":
            return "who are you?", 401
        return handle(request, params)

    return guarded


def other(handle):
    return lambda request, params: handle(request, params)


class Application:
    """A random Router, with its guarded parts."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.app = Router(overlap=self.random.random() < 0.5)
        self.guarded: dict[tuple[str, str], bool] = {}
        """By method and pattern."""
        self.seen: list[tuple[str, Route]] = []
        """The paths that handles saw, and the routes that they were called by."""
        if self.random.random() < 0.3:
            self.app.use(other)
        self.fill(self.app, "", False, 0)
        if self.random.random() < 0.15:
            self.app.use(guard)
            self.guarded = dict.fromkeys(self.guarded, True)

    def use(self):
        return self.random.choice([None, None, [guard], [other], [other, guard], [guard, other]])

    def fill(self, part, prefix, is_guarded, depth):
        for _ in range(self.random.randint(1, 4)):
            add = self.random.choice([self.route, self.route, self.route, self.group, self.include, self.mount])
            with suppress(RouteConflict, ValueError):
                add(part, prefix, is_guarded, depth)

    def route(self, part, prefix, is_guarded, depth):
        pattern, use = self.random.choice(PATTERNS), self.use()
        methods = self.random.sample(METHODS, self.random.randint(1, 3))
        is_guarded = is_guarded or (use is not None and guard in use)

        def handle(request, params):
            self.seen.append((request.path, request.route))
            return "secret" if is_guarded else "public"

        part.route(pattern, methods=methods, use=use)(handle)
        for method in methods:
            self.guarded[method, prefix + pattern] = is_guarded

    def group(self, part, prefix, is_guarded, depth):
        if depth < 3:
            own, use = self.random.choice(PREFIXES), self.use()
            self.fill(part.group(own, use=use), prefix + own, is_guarded or bool(use and guard in use), depth + 1)

    def include(self, part, prefix, is_guarded, depth):
        if depth < 3:
            own, inner, before = self.random.choice(PREFIXES), Router(overlap=True), dict(self.guarded)
            has_guard = self.random.random() < 0.3
            if has_guard:
                inner.use(guard)
            self.fill(inner, prefix + own, is_guarded or has_guard, depth + 1)
            try:
                part.include(own, inner)
            except (RouteConflict, ValueError):
                self.guarded = before
                raise

    def mount(self, part, prefix, is_guarded, depth):
        own = self.random.choice(["/m", "/a/m", "/admin/m"])
        body = b"secret" if is_guarded else b"public"

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [body]

        part.mount(own, application)

    def paths(self):
        for _ in range(60):
            yield "/" + "/".join(self.random.choices(SEGMENTS, k=self.random.randint(1, 4)))
        for _, pattern in self.guarded:
            path = pattern.replace(":id", "7").replace(":tenant", "").replace("*rest", "r")
            yield from (path, path + "/", path.upper(), "/" + path, path.rstrip("/") or "/")


def check(application: Application, method: str, path: str) -> str:
    """Ask without the key; return how it was answered."""
    reply = call(application.app, method, path.encode().decode("latin-1"), validate=False)
    assert "secret" not in reply.text, (method, path)
    if reply.code in (301, 308):
        location = reply.headers["location"]
        assert not is_guarded(application, method, location), (method, path, location)
        return "redirect"
    if reply.code in (405, 204):
        allowed = [
            guarded
            for other_method in METHODS
            for guarded in [is_guarded(application, other_method, quote(path))]
            if guarded is not None
        ]
        assert not allowed or not all(allowed), (method, path, reply.code)
        return "405"
    return str(reply.code)


def is_guarded(application: Application, method: str, path: str) -> bool | None:
    """Whether the route of this path is guarded; None if its params are none. `path` may be percent-encoded."""
    seen = len(application.seen)
    reply = call(application.app, method, encoded(path), validate=False, HTTP_X_KEY="7")
    if len(application.seen) == seen or reply.code != 200:
        return None
    route = application.seen[-1][1]
    return application.guarded[route.method, route.pattern]


def encoded(path: str) -> str:
    return unquote_to_bytes(path).decode("latin-1")


@pytest.mark.parametrize("block", [0, 1, *(pytest.param(block, marks=pytest.mark.slow) for block in range(2, 8))])
@pytest.mark.slow
def test_nobody_without_the_key_gets_past_a_guard(block):
    kinds = set()
    for seed in range(block * 40, block * 40 + 40):
        application = Application(seed)
        for path in application.paths():
            for method in [*METHODS, "HEAD", "OPTIONS", "PUT"]:
                kinds.add(check(application, method, path))
    assert kinds >= {"200", "401", "404", "405", "redirect"}


@pytest.mark.slow
def test_a_guard_sees_the_path_that_was_routed():
    """`request.path`, looked up, leads to the route that answers."""
    count = 0
    for seed in range(150):
        application = Application(seed)
        for path in application.paths():
            call(application.app, "GET", path.encode().decode("latin-1"), validate=False, HTTP_X_KEY="7")
        for path, route in application.seen:
            assert application.app.lookup("GET", path)[0] is route.handle
            count += 1
    assert count > 1000


def by_path(handle):
    """A guard that allows public paths."""

    def checked(request, params):
        return handle(request, params) if request.path == "/export" else ("no", 403)

    return checked


def test_a_guard_by_path_is_not_passed_by_two_slashes():
    app = Router(overlap=True)
    app.use(by_path)
    app.get("/export")(lambda request, params: "public")
    app.get("/:tenant/export")(lambda request, params: "secret")
    assert call(app, path="/export").text == "public"
    reply = call(app, path="//export")
    assert (reply.code, reply.text) == (403, "no")


@pytest.mark.parametrize(
    ("path", "query", "attribute", "value"),
    [
        ("//export", "", "path", "//export"),
        ("//export", "a=1", "full_path", "//export?a=1"),
        ("//export", "a=1", "url", "http://example.com//export?a=1"),
        ("//export", "a=1", "base_url", "http://example.com//export"),
        ("///", "", "url", "http://example.com///"),
        ("/a%2Fb", "", "url", "http://example.com/a%252Fb"),
        ("/Ã¤ b", "q=%C3%A4", "url", "http://example.com/ä%20b?q=ä"),
        ("", "", "url", "http://example.com/"),
    ],
)
def test_all_of_a_request_tells_the_path_that_was_routed(path, query, attribute, value):
    app = Router()
    app.use(lambda handle: lambda request, params: Response(getattr(request, attribute)))
    assert call(app, path=path, query=query, HTTP_HOST="example.com").text == value


@pytest.mark.parametrize(
    ("method", "path"),
    [("OPTIONS", "/doc/1"), ("POST", "/doc/1"), ("GET", "/doc/1/"), ("GET", "/DOC/1"), ("GET", "//doc/1")],
)
def test_misses_of_a_path_pass_the_guard_of_each_of_its_routes(method, path):
    app = Router()
    app.get("/doc/:id", use=[other, guard])(lambda request, params: "secret")
    app.delete("/doc/:id", use=[guard])(lambda request, params: "secret")
    assert call(app, method, path).code == 401
    assert call(app, method, path, HTTP_X_KEY="7").code in (204, 301, 405)


def test_misses_of_a_path_with_a_public_route_are_public():
    app = Router()
    app.get("/doc/:id")(lambda request, params: "public")
    app.delete("/doc/:id", use=[guard])(lambda request, params: "secret")
    assert call(app, "POST", "/doc/1").code == 405
    assert call(app, "DELETE", "/doc/1/").code == 401
    assert call(app, "GET", "/doc/1/").code == 301


@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
def test_bound_method_that_guards_each_route_guards_their_misses(method):
    class Auth:
        def need(self, handle):
            return guard(handle)

    auth, app = Auth(), Router()
    for name in "GET", "DELETE":
        app.handle(name, "/doc", lambda request, params: "secret", use=[auth.need])
    assert call(app, method, "/doc").code == 401
    assert call(app, method, "/doc", HTTP_X_KEY="7").code in (204, 405)


def known(text):
    """A converter that reveals existing values, by each possible way."""
    if text == "none":
        return None
    if text == "abort":
        abort(403)
    if text == "fails":
        raise RuntimeError
    if text == "wrong":
        raise ValueError
    return text


@pytest.mark.parametrize(("value", "code"), [("x", 200), ("wrong", 404), ("abort", 403), ("fails", 500)])
@pytest.mark.parametrize("where", ["route", "group", "include", "router"])
def test_guard_of_a_route_comes_before_what_a_converter_says(where, value, code):
    app, inner = Router(), Router()
    app.get("/public")(lambda request, params: "public")
    options = {"use": [guard]} if where == "route" else {}
    router = {"group": app.group("/a", use=[guard]), "include": inner}.get(where, app)
    if where in ("router", "include"):
        router.use(guard)
    router.get("/invoices/:id", convert={"id": known}, **options)(lambda request, params: "secret")
    if where == "include":
        app.include("/a", inner)
    path = f"/invoices/{value}" if router is app else f"/a/invoices/{value}"
    assert [call(app, path=path).code, call(app, path=path, HTTP_X_KEY="7").code] == [401, code]
