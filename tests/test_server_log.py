"""gunicorn's access log without unwanted lines: omitted paths, and lines that the application writes."""

from __future__ import annotations

import io
import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.instrument.statsd import Statsd

from microfn import Router
from microfn.middleware import access_log
from microfn.server_log import quieten, unlogged_paths

from .wsgi import environ_of


@pytest.fixture(autouse=True)
def server_logger():
    """The logger of gunicorn's access log, as it was before."""
    logger = logging.getLogger("gunicorn.access")
    kept, logger.filters = logger.filters, []
    handlers, logger.handlers = logger.handlers, []
    yield logger
    logger.filters, logger.handlers = kept, handlers


PATHS = {
    "": [],
    "  ": [],
    "/healthz": ["/healthz"],
    " /a\t/b\n/b ": ["/a", "/b"],
    "/a%20b": ["/a b"],
    "/k%C3%A4se": ["/kÃ¤se"],
    "/käse": ["/kÃ¤se"],
    "/%FF": ["/ÿ"],
    "/\udcff": ["/ÿ"],
    "/%zz": ["/%zz"],
}


@pytest.mark.parametrize(("text", "paths"), PATHS.items())
def test_paths_are_those_of_the_environment(text, paths, monkeypatch):
    monkeypatch.setenv("MICROFN_NO_LOG", text)
    assert sorted(unlogged_paths()) == paths


def test_without_the_variable_nothing_is_filtered(server_logger, monkeypatch):
    monkeypatch.delenv("MICROFN_NO_LOG", raising=False)
    quieten()
    assert server_logger.filters == []
    assert unlogged_paths() == frozenset()


@pytest.fixture(params=[Logger, Statsd])
def lines(request, monkeypatch, server_logger):
    """Return gunicorn's log of requests, from a target and further keys of the environ."""
    monkeypatch.setenv("MICROFN_NO_LOG", "/healthz /k%C3%A4se")
    quieten()
    config = Config()
    config.set("accesslog", "-")
    config.set("access_log_format", "%(r)s")
    config.set("statsd_host", "127.0.0.1:9")
    log, stream = request.param(config), io.StringIO()
    server_logger.handlers = [logging.StreamHandler(stream)]

    def logged(target, **environ):
        stream.seek(0)
        stream.truncate()
        given = {"REQUEST_METHOD": "GET", "RAW_URI": target, "SERVER_PROTOCOL": "HTTP/1.1", **environ}
        response = SimpleNamespace(status="200 OK", sent=1, headers=[])
        log.access(response, SimpleNamespace(headers=[]), given, timedelta(0))
        return stream.getvalue()

    yield logged
    if request.param is Statsd:
        log.sock.close()


SHOWN = ["/", "/healthz/", "/healthz/x", "//healthz", "/HEALTHZ", "/health", "/k%C3%A4s", "*", "", '/"', "/%", "/ä"]
UNSHOWN = ["/healthz", "/healthz?a=1", "/healthz?", "/%68ealthz", "/k%C3%A4se", "/k%c3%a4se", "/%6B%C3%A4se"]


@pytest.mark.parametrize("target", SHOWN)
def test_other_paths_are_logged(target, lines):
    assert lines(target).startswith("GET /" if target.startswith("/") else f"GET {target} ")


@pytest.mark.parametrize("target", UNSHOWN)
def test_exact_paths_are_left_out(target, lines):
    assert lines(target) == ""


def test_what_the_application_logs_is_left_out(lines):
    assert lines("/", **{"microfn.logged": True}) == ""
    assert lines("/", **{"microfn.logged": False}) == "GET / HTTP/1.1\n"
    assert lines("/", **{"HTTP_MICROFN.LOGGED": "1", "HTTP_MICROFN_LOGGED": "1"}) == "GET / HTTP/1.1\n"


def test_lines_of_another_kind_are_left_alone(server_logger, monkeypatch):
    monkeypatch.setenv("MICROFN_NO_LOG", "/healthz")
    quieten()
    for arguments in (), ("/healthz",), ("a", 1), ({"r": "x"},):
        record = logging.LogRecord("gunicorn.access", logging.INFO, "", 0, "text", arguments, None)
        assert server_logger.filter(record)


def served(application, environ):
    body = application(environ, lambda status, headers, exc_info=None: None)
    b"".join(body)
    getattr(body, "close", list)()


@pytest.fixture
def asked(monkeypatch):
    """Ask an application with an access log of its own; the lines that it writes, and its environ."""
    monkeypatch.setenv("MICROFN_NO_LOG", "/healthz /shop/healthz")
    written = []
    inner, outer, app = Router(), Router(), Router()
    for router in inner, app:
        router.use(access_log(written.append))
        router.get("/*path")(lambda request, params: "")
    outer.use(lambda handle: handle)
    outer.mount("/app", inner)
    outer.mount("/shop", inner, bare=True)
    applications = {"": app, "outer": outer}

    def ask(path, application="", **keys):
        written.clear()
        environ = environ_of(path=path, **keys)
        served(applications[application], environ)
        return len(written), environ.get("microfn.logged", False)

    return ask


def test_application_says_what_it_logs(asked):
    assert asked("/") == (1, True)
    assert asked("/nothing") == (1, True)
    assert asked("/app/x", "outer") == (1, True)
    assert asked("/shop/x", "outer") == (1, True)
    assert asked("/nothing", "outer") == (0, False)


def test_application_leaves_out_the_same_paths(asked):
    assert asked("/healthz") == (0, False)
    assert asked("/healthz", QUERY_STRING="a=1") == (0, False)
    assert asked("/healthz/") == (1, True)
    assert asked("/healthz", SCRIPT_NAME="/shop") == (0, False)
    assert asked("/healthz", SCRIPT_NAME="/other") == (1, True)
    assert asked("/shop/healthz", "outer") == (0, False)
    assert asked("/app/healthz", "outer") == (1, True)


def test_server_logs_what_the_application_would_not_show(caplog):
    """Its logger may be set up to show errors only; then the server's line is the only one."""
    app = Router()
    app.use(access_log())
    for level, is_logged in (logging.INFO, True), (logging.WARNING, False):
        environ = environ_of()
        with caplog.at_level(level, "microfn.access"):
            served(app, environ)
        assert environ.get("microfn.logged", False) is is_logged
