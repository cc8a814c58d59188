"""Decorators above the one that registers a route: `microfn check` warns of each, and of nothing that is right."""

from __future__ import annotations

import sys

import pytest

from .shop import typed

BEGIN = """
import contextlib
import functools
import typing

import typing_extensions

from microfn import Router

app = Router()
api = app.group("/api")


def guard(handle):
    def guarded(request, params):
        return handle(request, params)

    return guarded


def limit(number):
    def decorate(handle):
        @functools.wraps(handle)
        def limited(request, params):
            return handle(request, params)

        return limited

    return decorate


class Task:
    def __init__(self, function):
        self.function = function

    def __call__(self, *arguments):
        return self.function(*arguments)


def named(handle):
    handle.is_named = True
    return handle


"""
LINE = BEGIN.count("\n") + 1
HANDLE = "def index(request, params): ...\n"


def checked(here, source, app="checked", code=0):
    """Return the output. Lines are counted from the first after `BEGIN`."""
    (here / "checked.py").write_text(BEGIN + source, "utf-8")
    shown = typed("check", app, code=code)
    for number in range(LINE, LINE + source.count("\n") + 1):
        shown = shown.replace(f"checked.py:{number})", f"line {number - LINE + 1})")
    return shown


WRONG = {
    "a guard": (
        f"@guard\n@app.get('/')\n{HANDLE}",
        "Warning: GET / (line 2) does not use @guard (line 1); move @app.get above, since a decorator applies to ",
    ),
    "one with arguments": (f"@limit(5)\n@app.get('/')\n{HANDLE}", "GET / (line 2) does not use @limit (line 1)"),
    "on several lines": (
        f"@limit(\n    5\n)\n@app.get(\n    '/'\n)\n{HANDLE}",
        "GET / (line 4) does not use @limit (line 1); move @app.get above",
    ),
    "a wrapper of functools": (f"@functools.cache\n@app.get('/')\n{HANDLE}", "does not use @functools.cache (line 1)"),
    "a partial": (
        f"@lambda handle: functools.partial(handle)\n@app.get('/')\n{HANDLE}",
        "does not use @lambda handle: functools.partial(handle) (line 1)",
    ),
    "two": (
        f"@guard\n@limit(5)\n@app.get('/')\n{HANDLE}",
        "does not use @guard (line 1) and @limit (line 2); move @app.get above",
    ),
    "twenty": ("@guard\n" * 20 + f"@app.get('/')\n{HANDLE}", "and @guard (line 20); move"),
    "one above and one below": (
        f"@guard\n@app.get('/')\n@limit(5)\n{HANDLE}",
        "GET / (line 2) does not use @guard (line 1); move",
    ),
    "above two routes": (f"@guard\n@app.post('/')\n@app.get('/')\n{HANDLE}", "GET / (line 3) does not use @guard"),
    "several methods": (f"@guard\n@app.route('/', methods=['PUT', 'GET'])\n{HANDLE}", "PUT / (line 2) does not use"),
    "a group": (
        f"@guard\n@api.get('/')\n{HANDLE}",
        "GET /api/ (line 2) does not use @guard (line 1); move @api.",
    ),
    "a lambda in the route": (
        f"@guard\n@app.get('/:id', convert={{'id': lambda text: int(text)}})\n{HANDLE}",
        "GET /:id (line 2) does not use @guard (line 1)",
    ),
    "another function of that name": (
        f"@guard\n@app.get('/')\n{HANDLE}\n\n@app.get('/2')\n{HANDLE}",
        "GET / (line 2) does not use @guard (line 1)",
    ),
    "a class": (
        "class Pages:\n    @guard\n    @app.get('/')\n    def index(request, params): ...\n",
        "GET / (line 3) does not use @guard (line 2)",
    ),
    "a Router that is mounted": (
        f"v1 = Router()\napp.mount('/v1', v1)\n\n\n@guard\n@v1.get('/')\n{HANDLE}",
        "GET / (line 6) does not use @guard (line 5); move @v1.get",
    ),
    "a Router that is included": (
        f"v1 = Router()\n\n\n@guard\n@v1.get('/')\n{HANDLE}\n\napp.include('/v1', v1)\n",
        "GET /v1/ (line 5) does not use @guard (line 4)",
    ),
}


@pytest.mark.parametrize(("source", "shown"), WRONG.values(), ids=WRONG)
def test_decorator_above_a_route_is_warned_of(here, source, shown):
    output = checked(here, source, code=1)
    assert shown in output
    assert output.count("does not use") == output.count("Warning:") >= 1
    assert "No problems found." not in output


RIGHT = {
    "below": f"@app.get('/')\n@guard\n{HANDLE}",
    "below two routes": f"@app.post('/')\n@app.get('/')\n@guard\n{HANDLE}",
    "one that returns the function": f"@named\n@app.get('/')\n{HANDLE}",
    "routes and error handlers": f"@app.error(404)\n@app.post('/')\n@named\n@app.get('/')\n{HANDLE}",
    "a final function": f"@typing.final\n@app.get('/')\n{HANDLE}",
    "a deprecated function": f"@typing_extensions.deprecated('Use /v2.')\n@app.get('/')\n{HANDLE}",
    "a static method": "class Pages:\n    @staticmethod\n    @app.get('/')\n    def index(request, params): ...\n",
    "no decorator": f"{HANDLE}\napp.get('/')(index)\nindex = guard(index)\n",
    "a decorated function": f"@guard\n{HANDLE}\napp.get('/')(index)\n",
    "another name": f"@app.get('/')\n{HANDLE}\nother = guard(index)\napp.get('/2')(other)\n",
    "a name that is taken again": f"@named\n@app.get('/')\n{HANDLE}\n\n@named\n@app.get('/2')\n{HANDLE}\nindex = 7\n",
    "a name that is deleted": f"@named\n@app.get('/')\n{HANDLE}\ndel index\n",
    "a decorator of one's own": (
        "def page(path):\n    def register(handle):\n        return app.get(path)(guard(handle))\n    return register\n"
        f"\n\n@named\n@page('/')\n{HANDLE}"
    ),
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_right_programs_are_not_warned_of(here, source):
    output = checked(here, source)
    assert "does not use" not in output
    assert "No problems found." in output


MAYBE = {
    "an object that may be more": (f"@Task\n@app.get('/')\n{HANDLE}", "Note: GET / (line 2) does not use @Task"),
    "a wrapper that has a route": (
        f"@app.post('/')\n@guard\n@app.get('/')\n{HANDLE}",
        "Note: GET / (line 3) does not use @guard (line 2); move @app.get above",
    ),
}


@pytest.mark.parametrize(("source", "shown"), MAYBE.values(), ids=MAYBE)
def test_what_may_be_meant_is_a_note(here, source, shown):
    output = checked(here, source)
    assert shown in output
    assert "warning" not in output


FACTORY = """
def create(*patterns):
    app = Router()
    for pattern in patterns:

        @limit(5)
        @app.get(pattern)
        def index(request, params): ...

    @app.get("/right")
    def index(request, params): ...

    return app
"""


@pytest.mark.parametrize("again", ["", "app = create('/b')\n"])
def test_factory_is_looked_into(here, again):
    """Its names are gone when it has returned."""
    output = checked(here, FACTORY + again, "checked:create('/a')", code=1)
    assert "Warning: GET /a (line 7) does not use @limit (line 6); move @app.get above" in output
    assert "right" not in output


def test_without_its_source_nothing_is_said(here):
    (here / "checked.py").write_text(
        f"{BEGIN}exec(compile({f'@guard{chr(10)}@app.get(chr(47)){chr(10)}{HANDLE}'!r}, 'gone.py', 'exec'))\n", "utf-8"
    )
    assert "No problems found." in typed("check", "checked")
    (here / "gone.py").write_text("def (", "utf-8")
    for name in list(sys.modules):
        if name == "checked":
            del sys.modules[name]
    assert "No problems found." in typed("check", "checked")
