"""A middleware that does nothing changes nothing: random applications, with it and without, answer alike."""

from __future__ import annotations

import contextlib
import random

import pytest
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, Unauthorized
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Response, RouteError, Router, abort, event_stream, html, redirect

from ..handles import Body
from ..wsgi import call

bodies: list[Body] = []


def body(*chunks):
    bodies.append(Body(*chunks))
    return bodies[-1]


def fail(error):
    raise error


def writing(environ, start_response):
    write = start_response("202 Written", [("Content-Type", "text/plain"), ("X-Own", "yes")])
    write(b"written")
    return body(b"a", b"b")


def late(environ, start_response):
    def chunks():
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"x"

    return chunks()


RETURNS = [
    *[
        lambda r, value=value: value
        for value in ("x", b"x", {"a": 1}, [], html("<"), ("x", 201), ("", 204), ("x", 204))
    ],
    *[lambda r, value=value: value for value in (("x", 205), ("x", 304), ("x", None), ("x", 100), ("x", "999 z\n"))],
    *[
        lambda r, value=value: value
        for value in (None, 5, (), ("a",) * 4, {"a": {1}}, "\ud800", writing, late, object())
    ],
    lambda r: ("", 200, {"Content-Length": "5"}),
    lambda r: ("x", 200, [("A", "1"), ("A", "2")]),
    lambda r: ("x", 200, {"A": "\n"}),
    lambda r: body(),
    lambda r: body(""),
    lambda r: body("a", "b"),
    lambda r: body(b"a"),
    lambda r: body(KeyError()),
    lambda r: body("", "a", 5),
    lambda r: (body("a"), 404),
    lambda r: (body("a"), 204),
    lambda r: (body("a"), 200, {"A": "\n"}),
    lambda r: iter(["a", "\ud800"]),
    lambda r: Response("x"),
    lambda r: Response("x", 404),
    lambda r: Response(b"x"),
    lambda r: Response(body("a")),
    lambda r: Response(body(b"a"), 204),
    lambda r: Response(body(KeyError())),
    lambda r: Response("x", headers={"Location": "/ü x"}),
    lambda r: Response(body(b"a"), direct_passthrough=True),
    lambda r: Response("x").make_conditional(r),
    lambda r: WerkzeugResponse("w"),
    lambda r: WerkzeugResponse(["a", "b"]),
    lambda r: WerkzeugResponse(body("a", "b")),
    lambda r: WerkzeugResponse(body(b"a"), direct_passthrough=True),
    lambda r: WerkzeugResponse("x", headers={"Connection": "close"}),
    lambda r: redirect("/ü"),
    lambda r: (redirect("/x"), 200, {"A": "b"}),
    lambda r: event_stream(body("a", None)),
    lambda r: fail(KeyError()),
    lambda r: fail(NotFound()),
    lambda r: fail(HTTPException()),
    lambda r: fail(Unauthorized()),
    lambda r: fail(MethodNotAllowed(["GET"])),
    lambda r: NotFound(),
    lambda r: abort(418),
    lambda r: abort(Response("a", 409)),
    lambda r: r.get_data(),
    lambda r: r.json,
    lambda r: dict(r.form),
    lambda r: r.url_for("nothing"),
]
PATTERNS = ["/", "/a", "/a/", "/b/:id", "/c/:id/", "/d/*rest", "/É/:x", "/b/:id/x"]
PATHS = ["/", "/a", "/a/", "/A", "//a", "/b/7", "/b/x", "/b/", "/B/7", "/c/1", "/c/1/", "/d/x/y", "/D/x", "/\xc3\x89/q"]
PATHS += ["/\xc3\xa9/q", "/\xff", "/n", "/../a", "", "*", "x", "/" + "y" * 9000, "/b/7/X"]
KEYS = [404, 405, 400, 500, 413, Exception, KeyError, HTTPException, NotFound]
SWITCHES = ["redirect_trailing_slash", "redirect_fixed_path", "handle_method_not_allowed", "handle_options", "overlap"]


def nothing(handle):
    return lambda request, params: handle(request, params)


def build(plan, count):
    """The application of a plan, with so many layers of middleware."""
    app = Router(max_content_length=plan["limit"], **plan["switches"])
    for _ in range(count):
        app.use(nothing)
    group = app.group("/g", use=[nothing] * (count // 2))
    for scope in app, group:
        for method, pattern, number, convert in plan["routes"]:
            with contextlib.suppress(RouteError):
                scope.handle(method, pattern, lambda r, p, number=number: RETURNS[number](r), convert=convert)
    for scope, handlers in (app, plan["handlers"]), (group, plan["group handlers"]):
        for key, number in handlers.items():
            scope.error(key)(lambda r, e, number=number: RETURNS[number](r))
    return app


def planned(chance):
    def handlers(counts):
        return {key: chance.randrange(len(RETURNS)) for key in chance.sample(KEYS, chance.choice(counts))}

    routes = []
    for _ in range(chance.randint(1, 6)):
        pattern, method = chance.choice(PATTERNS), chance.choice(["GET", "POST", "HEAD", "OPTIONS", "PUT"])
        convert = {"id": int} if ":id" in pattern and chance.random() < 0.5 else None
        routes.append((method, pattern, chance.randrange(len(RETURNS)), convert))
    return {
        "routes": routes,
        "handlers": handlers([0, 0, 1, 2, 4]),
        "group handlers": handlers([0, 0, 1, 2]),
        "switches": {name: chance.random() < 0.8 for name in SWITCHES},
        "limit": chance.choice([3, 100]),
    }


def asked(chance):
    environ = {
        "REQUEST_METHOD": chance.choice(["GET", "GET", "HEAD", "POST", "OPTIONS", "PUT", "BREW"]),
        "PATH_INFO": chance.choice(["", "/g"]) + chance.choice(PATHS),
        "QUERY_STRING": chance.choice(["", "a=1&b=%ff"]),
        "HTTP_ACCEPT": chance.choice([None, "text/html", "text/plain"]),
    }
    if chance.random() < 0.3:
        types = ["application/json", "text/plain", "application/x-www-form-urlencoded"]
        environ.update(body=b'{"a":1}', CONTENT_TYPE=chance.choice(types))
    if chance.random() < 0.1:
        environ[chance.choice(["PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "REQUEST_METHOD"])] = None
    return environ


@pytest.mark.parametrize("seed", range(40))
def test_answers_are_the_same_and_bodies_are_closed_once(seed, caplog):
    chance = random.Random(seed)
    plan = planned(chance)
    apps = [build(plan, count) for count in (0, 1, 3)]
    for _ in range(25):
        environ, seen = asked(chance), []
        for app in apps:
            bodies.clear()
            got = call(app, validate=False, **environ)
            assert [one.closed for one in bodies] == [1] * len(bodies), (plan, environ)
            headers = sorted((name, "" if name == "Date" else value) for name, value in got.header_list)
            seen.append((got.status, headers, got.body, type(got.error)))
        assert seen[0] == seen[1] == seen[2], (plan, environ)
