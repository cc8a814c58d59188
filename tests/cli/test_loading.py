"""The application of a command: named, or looked for, or refused with a hint."""

from __future__ import annotations

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from microfn import HostSwitch, Router
from microfn.cli.loading import routers_in

from .shop import typed

WRONG = [
    ("nothing:app", 1, "There is no module 'nothing'"),
    ("app:ap", 1, "There is no 'ap' in app; did you mean app:app?"),
    ("app:number", 1, "app:number must be an application, got 7"),
    ("other", 1, "other:application must be a Router, got function"),
    ("app.py", 2, "APP must be a module, got the file 'app.py'; did you mean 'app'?"),
    ("./shop/app.py:app", 2, "did you mean 'shop.app:app'?"),
    ("broken", 1, "broken cannot be imported:\nTraceback"),
    ("lacking", 1, "No module named 'nothing_like_it'"),
    ("syntax", 1, "SyntaxError"),
    ("without", 1, "There is no 'app' or 'application' in without; did you mean without:api?"),
    ("both:aplication", 1, "There is no 'aplication' in both; did you mean both:api?"),
    ("making", 1, "There is no 'app' or 'application' in making; did you mean 'making:create_app()'?"),
    ("making:create_app", 1, "making:create_app must accept environ and start_response, as WSGI applications do, got"),
    ("making:create_app", 1, "got create_app(mode='x', *, debug=False); did you mean 'making:create_app()'?"),
    (
        "making:either",
        1,
        "making:either must be a Router, got function, whose routes are unknown; did you mean 'making:ei",
    ),
    (
        "making:Either",
        1,
        "must be a Router, got type, whose routes are unknown; did you mean 'making:Either()'?",
    ),
    ("making:asgi", 1, "got asgi(scope, receive, send).\n"),
    ("making:Asgi()", 1, "got Asgi(scope, receive, send).\n"),
    ("making:create_app(1, 2)", 1, "The arguments must match create_app(mode='x', *, debug=False), got create_a"),
    ("making:create_app(bug=1)", 1, "got create_app(bug=1).\n"),
    ("making:number()", 1, "making:number must be a factory, got 7"),
    ("making:none()", 1, "making:none() must be an application, got None"),
    ("making:fail()", 1, "making:fail() cannot be called:\nTraceback (most recent call last):\n  File "),
    ("making:fail()", 1, "ZeroDivisionError: division by zero\n"),
    ("making:wrong()", 1, "TypeError: the factory's own\n"),
    ("making:leave()", 1, "making:leave() cannot be called:\n"),
    ("bare", 1, "There is no 'app' or 'application' in bare.\n"),
]


MAKING = """
from microfn import Router


def create_app(mode="x", *, debug=False):
    app = Router()
    app.handle("GET", f"/{mode}/{debug}", lambda request, params: "")
    return app


def either(one=None, two=None): ...


class Either:
    def __init__(self, one=None, two=None): ...


async def asgi(scope, receive, send): ...


class Asgi:
    async def __call__(self, scope, receive, send): ...


def none(): ...


def fail():
    1 / 0


def wrong():
    raise TypeError("the factory's own")


def leave():
    raise SystemExit


number = 7
"""


@pytest.mark.parametrize(("given", "code", "shown"), WRONG)
def test_what_is_no_application_is_told(here, given, code, shown):
    (here / "broken.py").write_text("def fail():\n    1 / 0\n\n\nfail()\n", "utf-8")
    (here / "lacking.py").write_text("import nothing_like_it\n", "utf-8")
    (here / "syntax.py").write_text("def (\n", "utf-8")
    (here / "without.py").write_text("from microfn import Router\napi = Router()\n", "utf-8")
    (here / "both.py").write_text("from without import api\ndef create_app(): ...\n", "utf-8")
    (here / "bare.py").write_text("", "utf-8")
    (here / "making.py").write_text(MAKING, "utf-8")
    output = typed("routes", given, code=code)
    assert shown in output
    assert "importlib" not in output
    assert "microfn/cli" not in output


def test_without_an_application_it_is_looked_for(here):
    (here / "app.py").rename(here / "passenger_wsgi.py")
    assert "/users/:id" in typed("routes")
    (here / "passenger_wsgi.py").unlink()
    assert "There is no app.py, wsgi.py or passenger_wsgi.py in this directory" in typed("routes", code=2)


def test_of_app_and_what_is_put_around_it_the_latter_is_served(here):
    wrapped = (
        "import app\nfrom werkzeug.middleware.proxy_fix import ProxyFix\napp = app.app\napplication = ProxyFix(app)\n"
    )
    (here / "wrapped.py").write_text(wrapped, "utf-8")
    assert typed("check", "wrapped").startswith("wrapped:application: ")
    (here / "apart.py").write_text("import app\napp = app.app\nfrom other import application\n", "utf-8")
    assert typed("check", "apart").startswith("apart:app: ")


def test_a_module_that_ends_the_program_is_told(here):
    (here / "ends.py").write_text("import sys\nsys.exit(0)\n", "utf-8")
    for command in ("check", "ends"), ("routes", "ends"), ("serve", "ends:app"):
        assert "ends cannot be imported:" in typed(*command, code=1)
    assert "APP must be module:name, got ':app'." in typed("routes", ":app", code=2)


FACTORIES = [
    ("making:create_app()", "/x/False"),
    ("making:create_app('a:b')", "/a:b/False"),
    ('making:create_app(mode="y", debug=True)', "/y/True"),
]


@pytest.mark.parametrize(("given", "pattern"), FACTORIES)
def test_factory_is_called_with_constants(here, given, pattern):
    (here / "making.py").write_text(MAKING, "utf-8")
    assert f"GET  {pattern} " in typed("routes", given)


def test_callable_that_tells_no_parameters_is_taken(here, monkeypatch):
    """Some callables of C tell nothing of their parameters."""
    (here / "silent.py").write_text("application = type('C', (), {'__call__': dict.fromkeys})()\n", "utf-8")
    monkeypatch.setattr("microfn.cli.loading.signature", raising)
    assert "silent:application must be a Router, got C" in typed("routes", "silent", code=1)


def raising(function):
    raise ValueError("no signature found")


def test_mounted_routers_are_found_behind_what_is_around_them():
    app, *inside = (Router() for _ in range(5))
    app.mount("/a", inside[0])
    app.mount("/b", ProxyFix(inside[1]))
    app.mount("/c", HostSwitch({"c.example": inside[2], "d.example": ProxyFix(inside[1])}, default=inside[0]))
    app.mount("/d", HostSwitch({"c.example": lambda environ, start_response: []}))
    inside[0].mount("/e", inside[3])
    inside[3].mount("/f", app)
    assert routers_in(app) == [app, inside[0], inside[1], inside[2], inside[3]]
