"""Findings of `microfn check` about middleware: factories without a call, WSGI middleware, separate Metrics."""

from __future__ import annotations

import pytest

from microfn import Router
from microfn.cli.middleware_checks import place_of

from .shop import typed

BEGIN = """
import functools

from prometheus_client import CollectorRegistry
from werkzeug.middleware.proxy_fix import ProxyFix

from microfn import Router
from microfn.middleware import *

app = Router()


def handle(request, params): ...


def metrics():
    return Metrics(registry=CollectorRegistry())


one, two = metrics(), metrics()

"""
LINE = BEGIN.count("\n") + 1


def checked(here, source, code=0):
    """Return the output. Lines are counted from the first after `BEGIN`."""
    (here / "checked.py").write_text(f"{BEGIN}{source}\n", "utf-8")
    shown = typed("check", "checked", code=code)
    for number in range(source.count("\n") + 1):
        shown = shown.replace(f"checked.py:{LINE + number})", f"line {number + 1})")
        shown = shown.replace(f'checked.py", line {LINE + number},', f'", line {number + 1},')
    return shown


FACTORIES = {
    "cors": "Error: microfn.middleware.cors.cors cannot be a middleware: its result cannot be a handle: ",
    "access_log": "Error: microfn.middleware.access_log.access_log cannot be a middleware: its result cannot ",
    "request_id": "InvalidHandle: microfn.middleware.request_id.request_id cannot be a middleware: it must be ",
    "security_headers": "InvalidHandle: microfn.middleware.security_headers.security_headers cannot be a middleware",
    "Metrics": "InvalidHandle: microfn.middleware.metrics.Metrics cannot be a middleware: it must be callable as ",
}
PLACES = {
    "the application": "app.get('/')(handle)\napp.use({0})",
    "among others": "app.use(request_id())\napp.use(request_id(), {0}, security_headers())\napp.get('/')(handle)",
    "a group": "app.get('/')(handle)\napp.group('/a', use=[{0}]).get('/')(handle)",
    "a group without routes": "app.get('/')(handle)\napp.group('/a').use({0})",
    "a route": "app.get('/1')(handle)\napp.get('/2', use=[{0}])(handle)",
    "an included Router": "v1 = Router()\nv1.use({0})\nv1.get('/')(handle)\napp.include('/v1', v1)",
    "a mounted Router": "v1 = Router()\nv1.use({0})\nv1.get('/')(handle)\napp.mount('/v1', ProxyFix(v1))",
}


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES)
def test_factory_that_nobody_called_is_told(here, source, name):
    shown = checked(here, source.format(name), code=1)
    assert FACTORIES[name] in shown
    assert f"did you mean to call it, {name}(...)?" in shown
    assert "line 2)\n" in shown or '", line 2, in <module>' in shown
    assert "line 1" not in shown.replace("line 1:", "")


@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES)
def test_middleware_that_is_right_is_not_told(here, source):
    for middleware in "cors('*')", "access_log()", "request_id()", "security_headers()", "one", "one.__call__":
        assert "No problems found." in checked(here, source.format(middleware))


@pytest.mark.parametrize("source", PLACES.values(), ids=PLACES)
def test_wsgi_middleware_is_told(here, source):
    shown = checked(here, source.format("ProxyFix"), code=1)
    assert (
        "Warning: werkzeug.middleware.proxy_fix.ProxyFix (line 2) is WSGI middleware, which app.use does not accept; "
        in shown
    )
    assert "wrap the application, application = ProxyFix(app).\n" in shown


def test_middleware_of_nobody_has_no_place():
    assert place_of([Router()], print) == ""


CLASS = """
class Counted:
    def __init__(self, handle): self.handle = handle

    def __call__(self, request, params): return self.handle(request, params)


app.use(Counted)
app.get("/")(handle)
"""


def test_classes_of_middleware_are_right(here, monkeypatch):
    assert "No problems found." in checked(here, CLASS)
    monkeypatch.setattr("microfn.cli.middleware_checks.inspect.signature", unknown)
    assert "No problems found." in checked(here, CLASS)


def unknown(function):
    raise ValueError("no signature found")


BROKEN = {
    "that raises": ("@app.use\ndef middleware(handle):\n    return {}['setting']", "KeyError: 'setting'\n"),
    "that returns nothing": (
        "def middleware(handle): ...\napp.use(middleware)",
        "did you forget to return the handle? (line 2)",
    ),
}


@pytest.mark.parametrize(("source", "shown"), BROKEN.values(), ids=BROKEN)
def test_middleware_that_makes_no_handle_is_told(here, source, shown):
    output = checked(here, f"{source}\n\n\napp.get('/')(handle)", code=1)
    assert shown in output
    assert "microfn/" not in output


SEPARATE = {
    "one is used, another exposed": (
        "app.use(one)\napp.get('/metrics')(two.expose)",
        "used at checked.py:LINE and exposed by GET /metrics (line 2). Each counts separately, so some figures ",
    ),
    "two are used, one exposed": (
        "app.use(one)\napp.group('/a').use(two)\napp.get('/metrics')(one.expose)",
        "The application has 2 Metrics, used at checked.py:",
    ),
    "two are used, another exposed": (
        "app.use(one)\napp.group('/a', use=[two])\napp.get('/metrics')(metrics().expose)",
        "The application has 3 Metrics, used at",
    ),
    "a mounted Router has its own": (
        "api = Router()\napi.use(two)\napp.mount('/api', api)\napp.use(one)\napp.get('/metrics')(one.expose)",
        "and exposed by GET /metrics (line 5)",
    ),
    "an included Router has its own": (
        "api = Router()\napi.use(two)\napp.include('/api', api)\napp.use(one)\napp.get('/metrics')(one.expose)",
        "and exposed by GET /metrics (line 5)",
    ),
    "requests pass two": ("app.use(one)\napp.get('/', use=[two])(handle)", "and exposed by no route. "),
    "within other middleware": (
        "app.use(lambda handle: one(handle))\napp.get('/metrics')(functools.partial(two.expose))",
        "and exposed by GET /metrics (line 2)",
    ),
    "none is used": (
        "app.get('/1')(one.expose)\napp.get('/2')(lambda r, p: two.expose(r, p))\napp.use(one)",
        "by GET /1",
    ),
}


@pytest.mark.parametrize(("source", "shown"), SEPARATE.values(), ids=SEPARATE)
def test_separate_metrics_are_told(here, source, shown):
    output = checked(here, source, code=1)
    assert shown.replace("LINE", str(LINE)) in output
    assert output.count("Warning: ") == 1


SHARED = {
    "one": "app.use(one)\napp.get('/metrics')(one.expose)",
    "one in two Routers": "api = Router()\napi.use(one)\napp.mount('/api', api, bare=True)\napp.use(one)\n"
    "app.get('/metrics')(one.expose)\napi.get('/')(handle)",
    "one that a server of its own exposes": "app.use(one)\napp.get('/')(handle)",
    "others that nothing refers to": "app.use(one)\napp.get('/metrics')(lambda r, p: one.expose(r, p))",
}


@pytest.mark.parametrize("source", SHARED.values(), ids=SHARED)
def test_one_metrics_is_right(here, source):
    assert "Metrics" not in checked(here, source)


NOTED = {
    "both are exposed": "app.group('/a').use(one)\napp.group('/b').use(two)\n"
    "app.get('/1')(one.expose)\napp.get('/2')(two.expose)",
    "neither is exposed": "app.group('/a').use(one)\napp.group('/b').use(two)\napp.get('/')(handle)",
}


@pytest.mark.parametrize("source", NOTED.values(), ids=NOTED)
def test_separate_metrics_that_may_be_meant_are_a_note(here, source):
    output = checked(here, source)
    assert "Note: The application has 2 Metrics, used at checked.py:" in output
    assert output.endswith(". Each counts separately.\nNo problems found.\n")


def test_metrics_of_several_processes_are_one(here, monkeypatch, tmp_path):
    """All of them write to one directory, and each shows the figures of all."""
    source = "app.use(one)\napp.get('/metrics')(two.expose)"
    assert "The application has 2 Metrics" in checked(here, source, code=1)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert "Metrics" not in checked(here, source)


def test_second_metrics_of_a_registry_have_a_hint(here):
    shown = checked(here, "Metrics(registry=one._registry)", code=1)
    assert '", line 1, in <module>' in shown
    assert "ValueError: registry must be without Metrics, got the registry of other Metrics; use those" in shown
