"""The log of a failed request, with hostile data of its client."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import subprocess
import sys

import pytest

from microfn import Router
from microfn.log import LONGEST, log_exception
from microfn.middleware import access_log

from .handles import raising
from .wsgi import call, environ_of

# Hostile text for a log, and its safe form.
HOSTILE = {
    "a line": ("\nmicrofn: GET / [/] raised Forged", "microfn: GET / [/] raised Forged"),
    "a carriage return": ("\rforged", "forged"),
    "a traceback's line": ('\n  File "forged.py", line 1', 'File "forged.py", line 1'),
    "a vertical tab": ("\x0bforged", "forged"),
    "a form feed": ("\x0cforged", "forged"),
    "a separator": ("\x1cforged", "forged"),
    "next line, of C1": ("\x85forged", "forged"),
    "a line separator": ("\u2028forged", "forged"),
    "a paragraph separator": ("\u2029forged", "forged"),
    "colours": ("\x1b[31mforged", r"\x1b[31mforged"),
    "a title of the window": ("\x1b]0;forged\x07", r"\x1b]0;forged\x07"),
    "a control sequence, of C1": ("\x9b2Jforged", r"\x9b2Jforged"),
    "a bell and a backspace": ("\x07\x08", r"\x07\x08"),
    "a NUL": ("a\0b", r"a\x00b"),
    "a DEL": ("a\x7fb", r"a\x7fb"),
    "text from right to left": ("\u202egnp.exe", r"\u202egnp.exe"),
    "half a surrogate pair": ("a\ud800b", r"a\ud800b"),
    "a format of logging": ("%s %d %(name)s {0}", "%s %d %(name)s {0}"),
}
hostile = pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
STEERS = re.compile("[^ -~\xa1-\xac\xae-\uffff\n]|[\u2028\u2029\u202a-\u202e\ud800-\udfff]")


@pytest.fixture
def printed():
    """The output of an ordinary handler with a format, for the logger `microfn`."""
    logger, stream = logging.getLogger("microfn"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("LOG %(levelname)s %(message)s"))
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


@contextlib.contextmanager
def unconfigured():
    """The logger `microfn` if logging is not configured. pytest adds handlers during a test."""
    logger = logging.getLogger("microfn")
    kept, logger.handlers, logger.propagate = logger.handlers, [], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = kept, True


def failing(error):
    def fail(request, params):
        raise error

    app = Router()
    for pattern in "/", "/x/*rest":
        for method in "GET", "POST":
            app.handle(method, pattern, fail)
    return app


def whys(text):
    """Every way for a text to come into a traceback."""
    alone = ValueError(f"bad {text}")
    cause = ValueError("bad")
    cause.__cause__ = KeyError(text)
    context = ValueError("bad")
    context.__context__ = OSError(2, text)
    named = type("Odd", (Exception,), {})(text)
    syntax = SyntaxError("bad", ("x.py", 1, 2, f"x = {text}"))
    return [alone, cause, context, named, syntax]


def assert_one_entry(shown, first):
    """Assert one line that begins like a line of the log, followed by indented lines."""
    lines = shown.rstrip("\n").split("\n")
    assert lines[0].startswith(first)
    assert all(line.startswith("    ") for line in lines[1:])
    assert len(shown.rstrip("\n").splitlines()) == len(lines)
    assert not STEERS.search(shown)


@hostile
def test_the_text_of_an_exception_makes_no_line_of_a_logs(text, shown, printed):
    for error in whys(text):
        printed.seek(0)
        printed.truncate()
        assert call(failing(error)).code == 500
        assert_one_entry(printed.getvalue(), "LOG ERROR GET / [/] raised ")
    assert shown in printed.getvalue() or not text.isprintable()


@hostile
def test_nor_of_the_servers_error_stream(text, shown):
    for error in whys(text):
        with unconfigured():
            errors = call(failing(error)).errors
        assert_one_entry(errors, "microfn: GET / [/] raised ")
        assert errors.isascii()


@hostile
def test_what_is_shown_of_an_exception_can_be_read(text, shown, printed):
    call(failing(RuntimeError(text)))
    assert shown in printed.getvalue()


@hostile
def test_the_method_and_the_path_stay_on_their_line(text, shown, printed):
    tunnelled = text.encode("utf-8", "surrogatepass").decode("latin-1")
    app = failing(ValueError("bad"))
    app.error(400)(lambda request, error: 1 / 0)
    app.error(404)(lambda request, error: 1 / 0)
    app.error(405)(lambda request, error: 1 / 0)
    for environ in environ_of(path=f"/x/{tunnelled}"), environ_of(path=tunnelled), environ_of(method=text):
        printed.seek(0)
        printed.truncate()
        app(environ, lambda status, headers, exc_info=None: None)
        assert_one_entry(printed.getvalue(), "LOG ERROR ")
        assert printed.getvalue().split("\n")[0].isascii()


@hostile
def test_no_header_is_logged_at_all(text, shown, printed):
    names = "HOST USER_AGENT REFERER COOKIE X_FORWARDED_FOR X_REQUEST_ID AUTHORIZATION ORIGIN".split()
    sent = {f"HTTP_{name}": f"forged{text}" for name in names}
    call(failing(ValueError("bad")), validate=False, query=f"forged{text}", REMOTE_USER=f"forged{text}", **sent)
    assert_one_entry(printed.getvalue(), "LOG ERROR GET / [/] raised ValueError")
    assert "forged" not in printed.getvalue()


@hostile
def test_an_access_is_one_line_of_ascii(text, shown):
    lines = []
    app = failing(ValueError("bad"))
    app.use(access_log(lines.append))
    for environ in (
        environ_of(path="/x/" + text.encode("utf-8", "surrogatepass").decode("latin-1")),
        environ_of(method=text, HTTP_HOST=text, HTTP_USER_AGENT=text, HTTP_X_REQUEST_ID=text, query=text),
    ):
        app(environ, lambda status, headers, exc_info=None: None).close()
    assert len(lines) == 2
    for line in lines:
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["status"] >= 400


@pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, 1_000_000])
@pytest.mark.parametrize("text", ["x", "\x1b", "\U000e0001"])
def test_what_is_long_is_cut(text, size, printed):
    """Log collectors split lines, at 16 KiB for example. The second half would begin with text of a client."""
    call(failing(ValueError(text * size)), path="/x/" + text.encode().decode("latin-1") * size)
    first, *lines = printed.getvalue().split("\n")
    assert len(first) <= LONGEST + 100
    assert max(map(len, lines)) < 11 * LONGEST
    left_out = len("ValueError: ") + size - LONGEST
    assert lines[-2].endswith(f"... and {left_out} more characters")


def test_of_many_lines_the_first_and_the_last_are_shown(printed):
    first, last = ValueError("\n" * 3000), KeyError("the last")
    last.__cause__ = first
    call(failing(last))
    lines = printed.getvalue().splitlines()
    assert len(lines) == 1 + 1001
    assert re.fullmatch(" {4}... and [0-9]+ more lines ...", lines[501])
    assert lines[1] == "    ValueError: "
    assert lines[-1] == "    KeyError: 'the last'"


def test_an_access_is_cut_too():
    lines = []
    app = Router()
    app.use(access_log(lines.append))
    app(environ_of("M" * 5000, "/" + "x" * 5000), lambda status, headers: None).close()
    assert json.loads(lines[0])["path"] == "/" + "x" * (LONGEST - 1)
    assert json.loads(lines[0])["method"] == "M" * LONGEST


def test_path_of_a_mounted_route_is_whole(caplog):
    app = Router()
    app.mount("/käse", failing(ValueError("a")))
    call(app, path="/k\xc3\xa4se/x/7")
    assert caplog.messages == [r"GET /k\xc3\xa4se/x/7 [/käse/x/*rest] raised ValueError"]


def test_a_handler_has_the_exception_itself(caplog):
    error = ValueError("a\nb")
    call(failing(error))
    assert caplog.records[0].exc_info == (ValueError, error, error.__traceback__)
    assert caplog.messages == ["GET / [/] raised ValueError"]


def test_what_an_application_logs_there_is_escaped_too(printed):
    logger = logging.getLogger("microfn")
    try:
        raise ValueError("a\nforged")
    except ValueError:
        logger.exception("mine")
    logger.error("no exception", exc_info=True)  # noqa: LOG014 - that is it
    assert_one_entry(printed.getvalue().partition("LOG ERROR no exception")[0], "LOG ERROR mine")


def test_a_configuration_that_came_later_silences_no_error(monkeypatch):
    """By default, `logging.config.dictConfig` disables existing loggers."""
    logger = logging.getLogger("microfn")
    monkeypatch.setattr(logger, "disabled", True)
    assert_one_entry(call(failing(ValueError("a"))).errors, "microfn: GET / [/] raised ValueError")


class Unreadable(Exception):
    """Not even its text can be had."""

    def __str__(self):
        raise KeyError("forged\nforged")


class Baseless(Exception):
    """An exception whose base makes formatting fail."""

    @property
    def __cause__(self):
        raise ZeroDivisionError("forged\nforged")


def test_an_exception_of_any_kind_is_logged(printed):
    call(failing(Unreadable()))
    assert "Unreadable: <exception str() failed>" in printed.getvalue()
    call(failing(Baseless()))
    assert "    Baseless, without a traceback: formatting it raised ZeroDivisionError\n" in printed.getvalue()
    assert "forged" not in printed.getvalue()


class Broken(io.StringIO):
    def write(self, text):
        raise UnicodeEncodeError("ascii", "é", 0, 1, "not this stream's")


@pytest.mark.parametrize("stream", [None, Broken(), object()])
def test_without_a_servers_error_stream_that_works_it_is_stderr(stream, capsys):
    with unconfigured():
        body = failing(ValueError("a\nforged"))(environ_of(wsgi__errors=stream), lambda status, headers: None)
    assert b'"status":500' in b"".join(body)
    assert_one_entry(capsys.readouterr().err, "GET / [/] raised ValueError")


def test_where_nothing_can_be_written_the_client_has_its_answer(monkeypatch):
    closed = io.StringIO()
    closed.close()
    with unconfigured(), monkeypatch.context() as patch:
        patch.setattr("sys.stderr", closed)
        body = failing(ValueError("a"))(environ_of(wsgi__errors=closed), lambda status, headers: None)
    assert b'"status":500' in b"".join(body)


@pytest.fixture
def unheard(monkeypatch):
    """The logger `microfn` if logging is not configured."""
    monkeypatch.setattr(logging.getLogger("microfn"), "hasHandlers", lambda: False)


def test_without_logging_errors_reach_the_servers_stream(unheard):
    app = Router()
    app.get("/x")(raising(RuntimeError("why")))
    reply = call(app, path="/x")
    assert reply.errors.startswith("microfn: GET /x [/x] raised RuntimeError\n    Traceback (most recent call last):\n")
    assert reply.errors.endswith("RuntimeError: why\n")


@pytest.mark.parametrize("encoding", ["ascii", None])
def test_request_has_a_response_if_the_log_cannot_be_written(unheard, encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding or "utf-8")
    if encoding is None:
        stream.close()
    app = Router()
    app.get("/x")(raising(RuntimeError("é \ud800")))
    body = app(environ_of(path="/x", wsgi__errors=stream), lambda status, headers: None)
    assert b'"status":500' in b"".join(body)
    assert encoding is None or b"\\xe9 \\ud800" in raw.getvalue()


def test_text_of_an_exception_does_not_look_like_a_log_line(unheard):
    app = Router()
    app.get("/x")(raising(RuntimeError("first\nmicrofn: forged\x1b[2J\r\u2028microfn: forged")))
    lines = call(app, path="/x").errors.split("\n")
    assert [line for line in lines if line.startswith("microfn")] == lines[:1]
    assert "    microfn: forged\\x1b[2J" in lines


def test_a_host_without_an_error_stream_is_answered_all_the_same(unheard):
    app = Router()
    app.get("/x")(raising(RuntimeError("why")))
    environ = environ_of(path="/x", wsgi__errors=None)
    assert b'"status":500' in b"".join(app(environ, lambda status, headers: None))


def test_what_the_client_chose_stays_on_its_line_of_the_log(unheard):
    stream = io.StringIO()
    log_exception(
        RuntimeError("x"),
        {"REQUEST_METHOD": "GET\n", "PATH_INFO": "/a\nmicrofn: forged\x1b[2J\xff" + "x" * 5000, "wsgi.errors": stream},
    )
    first, second = stream.getvalue().split("\n")[:2]
    assert first.startswith(r"microfn: GET\n /a\nmicrofn: forged\x1b[2J\xff")
    assert len(first) < 1100
    assert second == "    RuntimeError: x"


@pytest.fixture
def last(monkeypatch):
    """The output of `logging.lastResort`, by a handler of the test."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setLevel(logging.WARNING)
    monkeypatch.setattr(logging, "lastResort", handler)
    return stream


def test_an_error_reaches_the_logger_if_nobody_listens(monkeypatch, last):
    """Clients of Sentry and others hook into the logger, and have no handler. The error is shown once."""
    seen, logger = [], logging.getLogger("microfn")
    monkeypatch.setattr(
        logger, "callHandlers", lambda record: (seen.append(record), type(logger).callHandlers(logger, record))
    )
    error = ValueError("a")
    for number in range(2):
        with unconfigured():
            errors = call(failing(error)).errors
        assert_one_entry(errors, "microfn: GET / [/] raised ValueError")
        assert [record.exc_info[1] for record in seen] == [error] * (number + 1)
        assert seen[number].getMessage() == "GET / [/] raised ValueError"
        assert seen[number].levelno == logging.ERROR
    assert last.getvalue() == ""


def test_the_last_resort_shows_all_other_records(last):
    with unconfigured():
        call(failing(ValueError("a")))
        logging.getLogger("microfn").error("mine")
        call(failing(ValueError("a")), wsgi__errors=Broken())
        call(failing(ValueError("a")))
    assert last.getvalue().count("mine\n") == 1
    assert last.getvalue().count("raised ValueError") == 1


def test_without_a_last_resort_the_error_is_shown(monkeypatch):
    monkeypatch.setattr(logging, "lastResort", None)
    with unconfigured():
        assert_one_entry(call(failing(ValueError("a"))).errors, "microfn: GET / [/] raised ValueError")


def test_the_error_stream_stays_empty_if_somebody_listens(printed):
    assert call(failing(ValueError("a"))).errors == ""
    assert_one_entry(printed.getvalue(), "LOG ERROR GET / [/] raised ValueError")


def test_a_handler_that_fails_leaves_the_next_error_alone(monkeypatch, last):
    def fail(record):
        raise OSError

    logger = logging.getLogger("microfn")
    with unconfigured(), monkeypatch.context() as patch:
        patch.setattr(logger, "callHandlers", fail)
        assert call(failing(ValueError("a"))).code == 500
    with unconfigured():
        logger.error("mine")
    assert last.getvalue() == "mine\n"


STDERR = """
import logging, sys
from microfn import Router

app = Router()
app.get("/")(lambda request, params: 1 / 0)
app.get("/stream")(lambda request, params: (str(1 // (1 - n)) for n in range(3)))
{setup}
for path in "/", "/stream":
    environ = {{"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.errors": sys.stderr}}
    body = app(environ, lambda status, headers: None)
    try:
        list(body)
    except ZeroDivisionError:
        pass
"""


@pytest.mark.parametrize(
    "setup",
    [
        "",
        "logging.basicConfig()",
        "logging.getLogger('microfn').addHandler(logging.StreamHandler())",
        "logging.getLogger('microfn').disabled = True",
        "logging.lastResort = None",
    ],
)
def test_no_error_stands_on_stderr_twice(setup):
    run = subprocess.run([sys.executable, "-c", STDERR.format(setup=setup)], capture_output=True, text=True, check=True)
    assert [run.stderr.count(f"GET {path} [{path}] raised ZeroDivisionError") for path in ("/", "/stream")] == [1, 1]
    assert run.stderr.count("Traceback") == 2
