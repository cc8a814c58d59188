"""Functions over HTTP: their input, their responses, and the client's view of their failures."""

from __future__ import annotations

import errno
import io
import json
import logging
import re
import shutil
import tempfile
import threading
import time
from urllib.parse import unquote_to_bytes

import pytest
from werkzeug.datastructures import Headers

from microfn import Router
from microfn.agent import Agent, CallIdFilter, Failed, TimedOut
from microfn.agent.functions.output import Output

from ...wsgi import call as call_wsgi
from ...wsgi import environ_of
from .. import handles

SHELL = shutil.which("sh")


@pytest.fixture
def app():
    return Router()


def call(app, method, target, *, body=b"", headers=(), environ=(), validate=True):
    path, _, query = target.partition("?")
    names = {"Content-Type": "CONTENT_TYPE"}
    given = {names.get(name, f"HTTP_{name.upper().replace('-', '_')}"): value for name, value in dict(headers).items()}
    path = unquote_to_bytes(path).decode("latin-1")
    return call_wsgi(app, method, path, body=body, validate=validate, **{"query": query, **given, **dict(environ)})


def opened(app):
    """Return the response of an application before any of its body is read."""
    return app(environ_of(), lambda *args: None)


def sh(agent, script, **options):
    return agent.cold(["sh", "-c", script], **{"memory": 32, "timeout": 5, **options})


def environment(answer):
    return dict(line.split("=", 1) for line in answer.text.splitlines())


def test_a_command_is_given_the_request_as_cgi_has_it(agent, app):
    app.mount("/env", agent.cold(["env"], memory=32, timeout=60))
    got = call(
        app,
        "POST",
        "/env/a%20b?c=d%20e",
        body=b"12345",
        headers={
            "Content-Type": "text/x",
            "X-Some-Name": "grün".encode().decode("latin-1"),
            "Proxy": "http://evil.example",
            "Connection": "close",
            "TE": "trailers",
        },
    )
    env = environment(got)
    assert {name: env[name] for name in env if name.isupper() and not name.startswith("FN_")} == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "/env",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "c=d%20e",
        "CONTENT_LENGTH": "5",
        "CONTENT_TYPE": "text/x",
        "SERVER_NAME": env["SERVER_NAME"],
        "SERVER_PORT": env["SERVER_PORT"],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "MALLOC_ARENA_MAX": "1",
        "HTTP_X_SOME_NAME": "grün",
        "HTTP_HOST": env["HTTP_HOST"],
    }
    assert env["FN_CALL_ID"] == got.headers["fn-call-id"]
    assert env["FN_MEMORY"] == "32"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", env["FN_DEADLINE"])
    assert (got.status, got.headers["content-type"]) == ("200 OK", "text/plain; charset=utf-8")


def test_function_gets_the_named_variables_of_the_server(agent, app, monkeypatch):
    monkeypatch.setenv("SECRET", "hidden")
    app.mount("/env", agent.cold(["env"], memory=32, timeout=60, env={"Path": "kept", "ü": "ä"}))
    env = environment(call(app, "GET", "/env"))
    assert "SECRET" not in env
    assert (env["Path"], env["ü"]) == ("kept", "ä")


def test_nothing_of_a_request_replaces_a_variable_of_the_call(agent, app):
    """A client sets neither the variables that identify the call nor the names in `env=`."""
    named = {"FN_CALL_ID": "x", "FN_PARAM_role": "guest", "REMOTE_USER": "nobody", "CONTENT_LENGTH": "7"}
    app.get("/:FN_CALL_ID/:role")(agent.cold(["env"], memory=32, timeout=60, env=named))
    got = call(app, "GET", "/y/admin", environ={"wsgi__url_scheme": "https", "REMOTE_USER": "root"})
    env = environment(got)
    assert env["FN_CALL_ID"] == got.headers["fn-call-id"]
    assert (env["FN_PARAM_role"], env["REMOTE_USER"], env["HTTPS"]) == ("guest", "nobody", "on")
    assert "CONTENT_LENGTH" not in env


def test_client_removes_no_header_by_naming_it_in_connection(agent, app):
    """Trusted middleware may have set the header."""
    app.mount("/env", agent.cold(["env"], memory=32, timeout=60))
    got = call(app, "GET", "/env", headers={"Connection": "close, X-Role", "X-Role": "guest"}, validate=False)
    assert environment(got)["HTTP_X_ROLE"] == "guest"
    assert "HTTP_CONNECTION" not in environment(got)


def test_params_of_a_route_are_passed_on(agent, app):
    cold = sh(agent, 'echo "$FN_PARAM_id $FN_PARAM_name $FN_PARAMS"')
    app.get("/:id/:name", convert={"id": int})(cold)
    assert call(app, "GET", "/7/gr%C3%BCn").text == '7 grün {"id": 7, "name": "gr\\u00fcn"}\n'


def test_a_body_arrives_as_it_was_sent(agent, app):
    app.mount("/cat", agent.cold(["cat"], memory=32, timeout=60, content_type="application/octet-stream"))
    body = bytes(range(256)) * 8192
    got = call(app, "POST", "/cat", body=body)
    assert got.body == body
    assert got.headers["content-type"] == "application/octet-stream"
    assert call(app, "POST", "/cat", body=b"").body == b""


def test_a_body_that_is_too_long_is_refused_and_names_the_call(agent, app):
    calls = []
    agent.after_call(calls.append)
    app.mount("/cat", agent.cold(["cat"], memory=32, timeout=60, max_content_length=4))
    assert call(app, "POST", "/cat", body=b"1234").text == "1234"
    got = call(app, "POST", "/cat", body=b"12345")
    assert (got.status[:3], len(got.headers["fn-call-id"])) == ("413", 32)
    assert [(one.id, one.state, one.started_at) for one in calls[1:]] == [(got.headers["fn-call-id"], "ended", None)]


@pytest.mark.parametrize(
    ("of_the_route", "most"),
    [({}, 6), ({"max_content_length": 4}, 4), ({"max_content_length": 12}, 8), ({"max_content_length": None}, 8)],
)
def test_smallest_body_limit_of_function_and_route_counts(agent, of_the_route, most):
    """If a route has no limit, the limit of its Router applies."""
    app = Router(max_content_length=6)
    app.post("/cat", **of_the_route)(agent.cold(["cat"], memory=32, timeout=60, max_content_length=8))
    assert call(app, "POST", "/cat", body=b"x" * most).text == "x" * most
    assert call(app, "POST", "/cat", body=b"x" * (most + 1)).code == 413


def test_a_body_that_a_middleware_has_read_arrives_too(agent, app):
    def reading(handle):
        def read(request, params):
            assert request.get_data() == b"signed"
            return handle(request, params)

        return read

    app.post("/cat", use=[reading])(agent.cold(["cat"], memory=32, timeout=60))
    assert call(app, "POST", "/cat", body=b"signed").text == "signed"


def test_what_a_cgi_function_answers_is_the_answer(agent, app):
    head = (
        "Status: 418 I am one\\nX-Name: a\\nx-name: b\\nConnection: close, X-Mine\\nX-Mine: y\\n"
        "Fn-Call-Id: mine\\nContent-Type: text/x\\n"
    )
    app.mount("/cgi", sh(agent, f"printf '{head}\\nbody'", protocol="cgi"))
    got = call(app, "GET", "/cgi")
    assert (got.status, got.text) == ("418 I am one", "body")
    headers = Headers(got.header_list)
    assert headers.getlist("X-Name") == ["a", "b"]
    assert "Connection" not in headers
    assert "X-Mine" not in headers
    assert len(headers.getlist("Fn-Call-Id")) == 1
    assert headers["Fn-Call-Id"] != "mine"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("protocol", ["plain", "cgi"])
def test_head_sends_no_body_and_lets_the_function_end(agent, app, tmp_path, method, protocol):
    """The function ends normally, although its body is not sent."""
    head = "printf 'Content-Type: text/x\\n\\n';" if protocol == "cgi" else ""
    app.mount("/x", sh(agent, f'{head} head -c 3000000 /dev/zero; echo done >"{tmp_path}/done"', protocol=protocol))
    got = call(app, method, "/x")
    assert (got.status, len(got.body)) == ("200 OK", 0 if method == "HEAD" else 3_000_000)
    assert (tmp_path / "done").exists()


def test_a_204_has_no_body(agent, app):
    app.mount("/x", sh(agent, "printf 'Status: 204 No Content\\n\\nbody'", protocol="cgi"))
    got = call(app, "GET", "/x")
    assert (got.status, got.body) == ("204 No Content", b"")


@pytest.mark.parametrize(("status", "method"), [("200 OK", "HEAD"), ("304 Not Modified", "GET")])
@pytest.mark.parametrize("length", [0, 5, 10_000_000])
def test_length_of_a_missing_body_is_kept(agent, app, status, method, length):
    """The length belongs to the response to another request, such as a GET."""
    head = f"Status: {status}\\nContent-Length: {length}\\n\\n"
    app.mount("/x", sh(agent, f"printf '{head}'", protocol="cgi"))
    got = call(app, method, "/x", validate=False)
    assert (got.status, got.body, Headers(got.header_list)["Content-Length"]) == (status, b"", str(length))
    made = agent.submit(agent.get_call(method))
    assert (made.status, made.writer.getvalue()) == (status, b"")


def test_a_204_has_no_length(agent, app):
    app.mount("/x", sh(agent, "printf 'Status: 204 No Content\\nContent-Length: 0\\n\\n'", protocol="cgi"))
    assert "Content-Length" not in Headers(call(app, "GET", "/x").header_list)


@pytest.mark.parametrize("byte", ["\\205", "\\013", "\\014", "\\034", "\\036", "\\r"])
def test_no_byte_within_a_header_begins_another(agent, app, byte):
    app.mount("/x", sh(agent, f"printf 'X-Name: a{byte}Set-Cookie: b=c\\n\\n'", protocol="cgi"))
    got = call(app, "GET", "/x", validate=False)
    assert "Set-Cookie" not in Headers(got.header_list)
    assert got.status == ("200 OK" if byte == "\\205" else "502 Bad Gateway")


def test_a_header_may_hold_utf_8(agent, app):
    app.mount("/x", sh(agent, "printf 'Content-Type: text/x\\nX-Name: \\303\\205se\\n\\n'", protocol="cgi"))
    got = call(app, "GET", "/x")
    assert Headers(got.header_list)["X-Name"] == "Åse".encode().decode("latin-1")


FAILURES = {
    "it ends with an error": ("plain", "exit 3", 502, "ended with 3"),
    "it is killed": ("plain", "kill -9 $$", 502, "ended by signal 9"),
    "it says nothing": ("cgi", "exit 0", 502, "ended without a response"),
    "a head without an end": ("cgi", "printf 'X: y'", 502, "ended without a response"),
    "garbage": ("cgi", "printf 'garbage\\n\\nx'", 502, "an invalid header"),
    "an empty head": ("cgi", "printf '\\n\\nx'", 502, "an invalid header"),
    "a head that is too long": ("cgi", "head -c 1000000 /dev/zero", 502, "head has no end"),
    "a long header": ("cgi", "printf 'X: '; head -c 1000000 /dev/zero | tr '\\0' x; printf '\\n\\nx'", 502, "no end"),
    "an invalid status": ("cgi", "printf 'Status: 99\\n\\n'", 502, "an invalid status"),
    "an interim status": ("cgi", "printf 'Status: 100 Continue\\n\\n'", 502, "an invalid status"),
    "two statuses": ("cgi", "printf 'Status: 200\\nStatus: 404\\n\\n'", 502, "an invalid status"),
    "an invalid name": ("cgi", "printf 'X Y: z\\n\\n'", 502, "a response that cannot be passed on"),
    "a control character": ("cgi", "printf 'X: a\\001b\\n\\n'", 502, "a response that cannot be passed on"),
    "an empty name": ("cgi", "printf ': z\\n\\n'", 502, "a response that cannot be passed on"),
    "an invalid length": ("cgi", "printf 'Content-Length: x\\n\\n'", 502, "an invalid length"),
    "two lengths": ("cgi", "printf 'Content-Length: 1\\nContent-Length: 2\\n\\nx'", 502, "an invalid length"),
    "more than it announced": ("cgi", "printf 'Content-Length: 1\\n\\nxy'", 502, "more than it announced"),
    "HTTP instead of CGI": ("cgi", "printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'", 502, "an invalid header"),
    "it takes too long": ("plain", "sleep 9", 504, "took too long"),
    "it goes on when it should end": ("plain", "trap '' TERM INT; while :; do :; done", 504, "took too long"),
    "it stops": ("plain", "kill -STOP $$", 504, "took too long"),
}


@pytest.mark.parametrize(("protocol", "script", "status", "message"), FAILURES.values(), ids=FAILURES)
def test_a_function_that_fails_is_told_to_its_caller_alone(agent, app, protocol, script, status, message):
    calls = []
    agent.after_call(calls.append)
    app.mount("/x", sh(agent, script, protocol=protocol, timeout=0.5 if status == 504 else 10))
    app.mount("/cat", agent.cold(["cat"], memory=512, timeout=60))
    began = time.monotonic()
    got = call(app, "GET", "/x")
    assert time.monotonic() - began < 30
    assert (got.status[:3], got.json["status"]) == (str(status), status)
    assert message in got.json["detail"]
    assert [one.id for one in calls] == [got.headers["fn-call-id"]]
    assert (calls[0].state, calls[0].error.status) == ("ended", status)
    assert call(app, "POST", "/cat", body=b"all the memory").text == "all the memory"


BREAKS = {
    "it ends with an error": ("printf x; sleep 0.2; exit 3", Failed, "ended with 3"),
    "it writes too much": ("head -c 500 /dev/zero; sleep 0.1; head -c 600 /dev/zero", Failed, "too long"),
    "it takes too long": ("printf x; sleep 9", TimedOut, "took too long"),
    "it takes too long piece by piece": ("while :; do printf x; sleep 0.05; done", TimedOut, "took too long"),
}


@pytest.mark.parametrize(("script", "error", "message"), BREAKS.values(), ids=BREAKS)
@pytest.mark.slow
def test_response_breaks_off_if_the_function_fails_late(agent, app, script, error, message):
    """If the status line has been sent, the connection is cut."""
    calls = []
    agent.after_call(calls.append)
    app.mount("/x", sh(agent, script, timeout=1 if error is TimedOut else 60, output=1000))
    began = time.monotonic()
    got = call(app, "GET", "/x")
    assert time.monotonic() - began < 40
    assert (got.status, type(got.error)) == ("200 OK", error)
    assert message in str(got.error)
    assert [one.error for one in calls] == [got.error]


def test_more_than_it_said_that_comes_later_breaks_off(agent, app):
    script = "printf 'Content-Length: 3\\nContent-Type: text/x\\n\\nxyz'; sleep 0.2; echo more"
    app.mount("/x", sh(agent, script, protocol="cgi"))
    got = call(app, "GET", "/x")
    assert (got.body, str(got.error)) == (b"xyz", "The function sent more than it announced.")


def test_less_than_it_said_breaks_off(agent, app):
    app.mount("/x", sh(agent, "printf 'Content-Length: 3\\nContent-Type: text/x\\n\\nxy'", protocol="cgi"))
    got = call(app, "GET", "/x")
    assert (got.body, str(got.error)) == (b"xy", "The function sent less than it announced.")


def test_an_answer_comes_as_it_is_written(agent, app, tmp_path):
    go = tmp_path / "go"
    cold = sh(agent, f'echo one; while [ ! -e "{go}" ]; do sleep 0.01; done; echo two')
    body = opened(cold)
    assert next(body) == b"one\n"
    go.touch()
    assert b"".join(body) == b"two\n"
    body.close()


def test_an_answer_is_whole_before_its_process_has_ended(agent, app, tmp_path):
    go = tmp_path / "go"
    cold = sh(agent, f'echo one; exec >&-; while [ ! -e "{go}" ]; do sleep 0.01; done; echo end >&2')
    body = opened(cold)
    assert list(body) == [b"one\n"]
    assert agent.running == 1
    go.touch()
    body.close()
    assert agent.running == 0


def test_who_leaves_ends_the_call(agent, app):
    calls = []
    agent.after_call(calls.append)
    body = opened(sh(agent, "echo one; sleep 60"))
    assert next(body) == b"one\n"
    began = time.monotonic()
    body.close()
    body.close()
    assert time.monotonic() - began < 20
    assert [one.error for one in calls] == [None]


def test_a_server_that_cannot_begin_the_answer_ends_the_call(agent):
    def start_response(*args):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        sh(agent, "echo one; sleep 60")(environ_of(), start_response)
    assert agent.running == 0


def test_an_interrupt_while_a_call_is_ended_lets_it_end(agent, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    close = Output.close
    for name in "close", "finish":
        body = opened(sh(agent, "echo one; exec >&-; sleep 60"))
        assert list(body) == [b"one\n"]
        with monkeypatch.context() as patch:
            patch.setattr(Output, "finish", close)
            patch.setattr(Output, name, interrupted)
            with pytest.raises(KeyboardInterrupt):
                body.close()
        assert agent.running == 0
        close(body._execution._execution._output)


def test_an_interrupt_while_a_function_runs_ends_it(agent, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    cold = sh(agent, "sleep 60")
    monkeypatch.setattr("microfn.agent.cold_driver.read_response", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened(cold)
    assert agent.running == 0


def test_log_of_a_function_belongs_to_its_call(agent, app, caplog):
    """The log has the id of the call, and the function's text cannot imitate a line of the log."""
    caplog.set_level(logging.INFO, "microfn.agent")
    calls = []
    agent.after_call(calls.append)
    app.mount("/x", sh(agent, "printf 'one\\n2026 ERROR forged\\033[2J\\377' >&2; echo answer"))
    got = call(app, "GET", "/x")
    assert calls[0].log == b"one\n2026 ERROR forged\x1b[2J\xff"
    assert caplog.messages == [
        f"call {got.headers['fn-call-id']} wrote to stderr:\n    one\n    2026 ERROR forged\\x1b[2J\\xff"
    ]


def test_a_function_that_fails_is_logged_with_what_it_said(agent, app, caplog):
    app.mount("/x", sh(agent, "echo for this reason >&2; exit 3"))
    app.mount("/y", agent.cold(["cat"], memory=513, timeout=60))
    caplog.clear()
    got = call(app, "GET", "/x")
    assert call(app, "GET", "/y").status[:3] == "400"  # this is not the function's fault
    name, function = got.headers["fn-call-id"], f"<Function {SHELL} -c echo for this reason >&2; exit 3>"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"call {name} wrote to stderr:\n    for this reason"),
        ("WARNING", f"call {name} of {function}: The function ended with 3."),
    ]


def test_a_log_has_its_end_and_the_function_goes_on(agent, app):
    calls = []
    agent.after_call(calls.append)
    app.mount("/x", sh(agent, "head -c 3000000 /dev/zero >&2; echo answer", log=1000))
    assert call(app, "GET", "/x").text == "answer\n"
    assert calls[0].log == b"\0" * 1000


def test_function_that_cannot_start_is_tried_again_later(agent, app, tmp_path):
    """The next call fails at once, and a call after a pause starts the function again."""
    script = tmp_path / "script"
    script.write_text("#!/not/there\n", "utf-8")
    script.chmod(0o700)
    app.mount("/x", agent.cold([str(script)], memory=32, timeout=60))
    app.mount("/cat", agent.cold(["cat"], memory=32, timeout=60))
    assert [call(app, "GET", "/x").json["detail"] for _ in range(3)] == ["The function cannot be started."] * 3
    script.write_text("#!/bin/sh\necho mended\n", "utf-8")
    assert call(app, "GET", "/x").status[:3] == "502"
    assert call(app, "POST", "/cat", body=b"others").text == "others"
    time.sleep(0.15)
    assert call(app, "GET", "/x").text == "mended\n"
    assert call(app, "GET", "/x").text == "mended\n"


REFUSED = {
    "a NUL": ({"query": "a\0b"}, "contains a NUL"),
    "a value that is too long": ({"HTTP_X": "x" * 140_000}, "more bytes than a process can have"),
    "many values": ({f"HTTP_X{number}": "x" * 60_000 for number in range(9)}, "more headers than"),
    "a name with =": ({"HTTP_A=B": "x"}, "is an invalid name for an environment variable"),
}


@pytest.mark.parametrize(("environ", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_process_can_be_given_is_a_bad_request(agent, app, environ, message):
    app.mount("/x", agent.cold(["cat"], memory=32, timeout=60))
    got = call(app, "GET", "/x", environ=environ)
    assert got.status[:3] == "400"
    assert message in got.json["detail"]
    assert "fn-call-id" in got.headers


def test_more_memory_than_there_is_is_refused_at_once(agent, app):
    calls = []
    agent.after_call(calls.append)
    app.mount("/x", agent.cold(["cat"], memory=513, timeout=60))
    got = call(app, "GET", "/x")
    assert got.status[:3] == "400"
    assert got.json["detail"] == "The call needs 513 MiB of memory, but the agent has 512 MiB."
    assert (calls[0].state, calls[0].started_at) == ("ended", None)


def test_a_call_that_began_too_long_ago_is_not_executed(app, tmp_path):
    agent = Agent(ram="64M", start_header="X-Request-Start")
    app.mount("/x", sh(agent, f'echo x >"{tmp_path}/ran"; echo ran', timeout=4))
    assert call(app, "GET", "/x", headers={"X-Request-Start": f"t={time.time():.3f}"}).text == "ran\n"
    (tmp_path / "ran").unlink()
    got = call(app, "GET", "/x", headers={"X-Request-Start": f"t={time.time() - 3.5:.3f}"})
    assert (got.status[:3], got.headers["retry-after"]) == ("503", "2")
    assert not (tmp_path / "ran").exists()
    agent.close()


def test_hook_that_raises_is_500_and_starts_no_function(agent, app, tmp_path, caplog):
    app.mount("/x", sh(agent, f'echo x >"{tmp_path}/ran"'))

    @agent.before_call
    def refuse(one):
        raise LookupError("for this reason")

    got = call(app, "GET", "/x")
    assert got.status[:3] == "500"
    assert "for this reason" not in got.text
    assert "LookupError: for this reason" in caplog.text
    assert "fn-call-id" in got.headers
    assert not (tmp_path / "ran").exists()


def test_a_closed_agent_refuses_calls(app):
    agent = Agent(ram="64M")
    app.mount("/x", agent.cold(["cat"], memory=32, timeout=60))
    agent.close()
    assert call(app, "GET", "/x").status[:3] == "503"


@pytest.mark.slow
def test_inline_call_around_a_function_is_the_same_call(agent, app):
    calls = []
    agent.after_call(calls.append)
    app.use(agent.inline(timeout=5))
    app.get("/env")(agent.cold(["env"], memory=32, timeout=60))
    app.get("/slow")(sh(agent, "sleep 90", timeout=90))
    got = call(app, "GET", "/env")
    assert {one.id for one in calls} == {got.headers["fn-call-id"]} == {environment(got)["FN_CALL_ID"]}
    assert [name for name, _ in got.header_list].count("Fn-Call-Id") == 1
    assert [(one.name, one.status, one.tokens) for one in calls] == [("env", "200 OK", 1)]
    began = time.monotonic()
    assert call(app, "GET", "/slow").status[:3] == "504"
    assert time.monotonic() - began < 40
    assert [type(one.error) for one in calls] == [type(None), TimedOut]


def test_a_handle_runs_in_a_process_of_its_own(agent, app):
    calls = []
    agent.after_call(calls.append)
    app.post("/users/:id", convert={"id": int})(agent.cold(handles.echo, memory=64, timeout=60))
    got = call(app, "POST", "/users/7?q=x", body="grün".encode(), headers={"X-Name": "a"})
    answer = got.json
    assert 0 < answer.pop("left") < 60
    assert answer == {
        "method": "POST",
        "path": "/users/7",
        "query": "x",
        "params": {"id": 7},
        "body": "grün",
        "id": got.headers["fn-call-id"],
        "host": answer["host"],
        "x": "a",
    }
    assert sorted(calls[0].log.splitlines()) == [b"printed", b"said"]


@pytest.mark.parametrize("path", ["/", "", "//", "/a//b/../c", "/%E4", "/a%2Fb/"])
def test_a_handle_is_called_with_whatever_path(agent, app, path):
    app.mount("/fn", agent.cold(handles.echo, memory=64, timeout=60, cwd="/"))
    got = call(app, "PURGE", f"/fn{path}", validate=False)
    assert (got.status[:3], got.json["method"], got.json["params"]) == ("200", "PURGE", {})


HANDLES = {
    "not found": (handles.not_here, "404", "It is not here."),
    "an error": (handles.broken, "500", "Internal Server Error"),
    "a stream": (handles.stream, "200", "0\n1\n2\n"),
    "one within a class": (handles.Functions.inner, "200", "inner"),
}


def test_handle_that_raises_is_logged_with_its_name_and_error(agent, app, caplog):
    app.get("/x")(agent.cold(handles.broken, memory=64, timeout=60))
    call(app, "GET", "/x")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "GET /x [tests.agent.handles:broken] raised ZeroDivisionError" in record.getMessage()


@pytest.mark.slow
def test_what_a_handle_printed_before_it_was_killed_is_logged(agent, app):
    calls = []
    agent.after_call(calls.append)
    app.get("/x")(agent.cold(handles.hang, memory=64, timeout=2))
    assert call(app, "GET", "/x").status[:3] == "504"
    assert calls[0].log == b"printed\n"


def test_a_port_that_is_a_number_is_passed_on_as_text(agent, app):
    app.mount("/env", agent.cold(["env"], memory=32, timeout=60))
    got = call(app, "GET", "/env", environ={"REMOTE_PORT": 4711}, validate=False)
    assert environment(got)["REMOTE_PORT"] == "4711"


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("echo without a first line", "Exec format error; has it a first line that begins with #!?"),
        ("#!/bin/sh\r", "No such file or directory; are the program, the interpreter in its first line, and"),
    ],
)
def test_why_it_could_not_be_started_is_logged(agent, app, tmp_path, caplog, first, reason):
    script = tmp_path / "script"
    script.write_text(f"{first}\n", "utf-8", newline="")
    script.chmod(0o700)
    app.mount("/x", agent.cold([str(script)], memory=32, timeout=60))
    assert call(app, "GET", "/x").json["detail"] == "The function cannot be started."
    assert reason in caplog.text


def test_what_was_no_answer_is_logged_and_not_told(agent, app, caplog):
    app.mount("/x", sh(agent, "printf 'secret\\033\\n\\n'", protocol="cgi"))
    assert "secret" not in call(app, "GET", "/x").text
    assert "(secret\\x1b: with protocol=" in caplog.text


@pytest.mark.parametrize(("handle", "status", "text"), HANDLES.values(), ids=HANDLES)
def test_what_a_handle_answers_is_the_answer(agent, app, handle, status, text):
    app.get("/x")(agent.cold(handle, memory=64, timeout=60))
    got = call(app, "GET", "/x")
    assert got.status[:3] == status
    assert text in got.text


def test_a_handle_that_breaks_off_has_not_answered(agent, app):
    app.get("/x")(agent.cold(handles.break_off, memory=64, timeout=60))
    got = call(app, "GET", "/x", validate=False)
    assert isinstance(got.error, Failed) or got.status[:3] == "502"  # after its head had been sent, or before


@pytest.mark.slow
def test_handle_that_exits_in_a_stream_has_not_answered(agent, app):
    """The call fails, although the exit code is 0 and the output ends."""
    app.get("/x")(agent.cold(handles.leave_midway, memory=64, timeout=60))
    for _ in range(3):
        got = call(app, "GET", "/x", validate=False)
        assert (got.status[:3], str(got.error)) == ("200", "The function ended before its response was complete.")


@pytest.mark.parametrize("handle", [handles.stream, handles.answer_and_stay])
@pytest.mark.slow
def test_handle_that_streams_to_its_end_has_answered(agent, app, handle):
    app.get("/x")(agent.cold(handle, memory=64, timeout=60))
    began = time.monotonic()
    got = call(app, "GET", "/x")
    assert (got.status[:3], got.error, got.text) == ("200", None, "0\n1\n2\n")
    assert time.monotonic() - began < 40


def test_a_handle_that_leaves_has_not_answered(agent, app):
    app.get("/x")(agent.cold(handles.leave, memory=64, timeout=60))
    assert call(app, "GET", "/x").status[:3] == "502"


@pytest.mark.parametrize("env", [{}, {"PYTHONSAFEPATH": "1"}])
def test_a_handle_imports_nothing_from_where_it_runs(agent, app, tmp_path, env):
    for name in "json", "microfn", "wsgiref", "werkzeug":
        (tmp_path / f"{name}.py").write_text("raise SystemExit('taken from where it runs')\n", "utf-8")
    app.get("/x")(agent.cold(handles.Functions.inner, memory=64, timeout=60, cwd=tmp_path, env=env))
    assert call(app, "GET", "/x").text == "inner"


def test_a_function_may_answer_for_an_error(agent, app):
    app.error(404)(sh(agent, "echo none of $FN_PARAMS here"))
    got = call(app, "GET", "/nothing")
    assert got.text == "none of here\n"


def test_two_agents_around_a_function_are_two(app):
    outer, inner = Agent(ram="64M"), Agent(ram="64M")
    app.get("/x", use=[outer.inline(timeout=60)])(sh(inner, "echo x"))
    got = call(app, "GET", "/x")
    assert got.text == "x\n"
    outer.close()
    inner.close()


def test_records_of_hooks_have_the_id_of_the_call(agent, app, caplog):
    caplog.handler.addFilter(CallIdFilter())
    app.mount("/x", sh(agent, "echo x"))
    agent.after_call(lambda one: logging.getLogger("hooks").warning("ended %s", json.dumps(one.path)))
    got = call(app, "GET", "/x/y")
    assert [record.call_id for record in caplog.records if record.name == "hooks"] == [got.headers["fn-call-id"]]


class Unread:
    """A body that fails if it is read."""

    def read(self, *args):
        pytest.fail("the body was read")

    readline = readlines = __iter__ = read


@pytest.mark.parametrize("why", ["closed", "too large", "late", "a failed start"])
def test_body_of_a_call_that_is_refused_is_not_read(why):
    agent = Agent(ram="64M", start_header="X-Request-Start")
    cold = agent.cold(["cat"], memory=128 if why == "too large" else 64, timeout=60)
    status = {"closed": "503", "late": "503", "too large": "400", "a failed start": "502"}[why]
    if why == "closed":
        agent.close()
    if why == "a failed start":
        cold.function.started(False)
    environ = environ_of("POST", body=b"x", HTTP_X_REQUEST_START=f"{time.time() - (60 if why == 'late' else 0)}")
    got = []
    b"".join(cold({**environ, "wsgi.input": Unread()}, lambda *args: got.append(args)))
    assert got[0][0].startswith(status)
    agent.close()


def test_close_waits_for_a_call_whose_body_is_being_read(agent):
    answers, begun, go = [], threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def read(self, *args):
            begun.set()
            go.wait(60)
            return super().read(*args)

    cold = agent.cold(["cat"], memory=32, timeout=60)
    environ = environ_of("POST", body=b"slow") | {"wsgi.input": Slow(b"slow")}
    thread = threading.Thread(target=lambda: answers.append(b"".join(cold(environ, lambda *args: None))))
    thread.start()
    assert begun.wait(60)
    assert not agent.close(0)
    go.set()
    thread.join(60)
    assert b"being stopped" in answers[0]  # the time of `close` was over


def test_body_for_which_no_disk_has_room_is_a_503(agent, app, monkeypatch, caplog):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    app.mount("/cat", agent.cold(["cat"], memory=32, timeout=60))
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    got = call(app, "POST", "/cat", body=b"x")
    assert (got.status[:3], got.headers["retry-after"]) == ("503", "1")
    assert "No space left" in caplog.text
