"""Calls in the thread of their request: admitted, named, ended once, or refused."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import tempfile
import threading
import time
import weakref

import pytest

from microfn import Response, Router, abort
from microfn.agent import Agent, Busy, CallIdFilter, Closed
from microfn.agent.call import Call

from ...wsgi import call, environ_of
from ..waiting import wait_until


class Calls(list):
    """A list of an agent's calls that have ended."""

    def __init__(self, agent):
        agent.after_call(self.append)


def hold(agent):
    """Return the turn of a call that has a token."""
    turn = agent._engine.open(Call("GET", "/held", deadline=agent._engine.deadline(60), tokens=1))
    agent._engine.admit(turn)
    return turn


def served(agent, handle, **options):
    app = Router()
    app.get("/", use=[agent.inline(**{"timeout": 5, **options})])(handle)
    return app


def test_call_id_is_in_the_response_the_environ_and_the_handle():
    agent, seen = Agent(), {}
    calls = Calls(agent)

    def handle(request, params):
        seen.update(request.environ)
        return f"{request.deadline.timeout} {0 < request.deadline.left() <= 5} {calls}"

    got = call(served(agent, handle))
    assert got.text == "5.0 True []"
    assert got.headers["fn-call-id"] == seen["microfn.call_id"] == calls[0].id
    one = calls[0]
    assert (one.method, one.path, one.state, one.error) == ("GET", "/", "ended", None)
    assert one.submitted_at <= one.started_at <= one.ended_at
    assert agent.running == 0
    assert one.id in repr(one)
    assert call(served(agent, handle)).headers["fn-call-id"] != one.id


OUTCOMES = {
    "a text": (lambda request, params: "x", 200, type(None)),
    "a stream": (lambda request, params: iter(["a", "b"]), 200, type(None)),
    "no content": (lambda request, params: ("", 204), 204, type(None)),
    "a 404": (lambda request, params: abort(404), 404, Exception),
    "an accident": (lambda request, params: 1 / 0, 500, ZeroDivisionError),
    "nothing": (lambda request, params: None, 500, TypeError),
}


@pytest.mark.parametrize(("handle", "status", "error"), OUTCOMES.values(), ids=OUTCOMES)
def test_call_ends_once_and_returns_its_tokens(handle, status, error, caplog):
    """Each outcome of a call ends it once."""
    agent = Agent(tokens=1)
    calls = Calls(agent)
    for _ in range(3):
        got = call(served(agent, handle))
        assert (got.code, got.headers["fn-call-id"]) == (status, calls[-1].id)
        assert isinstance(calls[-1].error, error)
    assert len(calls) == 3
    assert agent.running == 0


def test_stream_has_its_tokens_until_it_is_sent_or_left():
    agent = Agent(tokens=1)
    calls, states = Calls(agent), []

    def handle(request, params):
        for _ in range(3):
            states.append(agent.running)
            yield "x"

    call(served(agent, handle))
    call(served(agent, handle), chunks=1)
    assert set(states) == {1}
    assert [one.state for one in calls] == ["ended", "ended"]
    assert agent.running == 0


def test_request_without_a_route_is_a_call_of_the_application():
    """If the agent is middleware of the whole application, a 404 or a redirect is a call too."""
    agent = Agent()
    calls = Calls(agent)
    app = Router()
    app.use(agent.inline(timeout=60))
    app.get("/docs/")(lambda request, params: "x")
    for method, path, status in ("GET", "/no", 404), ("POST", "/docs/", 405), ("GET", "/docs", 301):
        got = call(app, method, path)
        assert (got.code, got.headers["fn-call-id"]) == (status, calls[-1].id)
    assert agent.running == 0


def test_call_that_cannot_begin_in_time_has_a_retry_after():
    agent = Agent(tokens=1)
    calls = Calls(agent)
    app = served(agent, lambda request, params: "x", timeout=0.2)
    turn = hold(agent)
    began = time.monotonic()
    got = call(app, HTTP_ACCEPT="application/json")
    assert time.monotonic() - began >= 0.1
    assert (got.code, got.headers["content-type"]) == (503, "application/problem+json")
    assert got.headers["retry-after"] == "1"
    assert got.headers["fn-call-id"] == calls[0].id
    assert (calls[0].started_at, calls[0].state) == (None, "ended")
    assert isinstance(calls[0].error, Busy)
    turn.close()
    assert call(app).code == 200


def test_an_error_handler_sees_the_refusal():
    agent, app = Agent(start_header="X-Request-Start"), Router()
    app.get("/", use=[agent.inline(timeout=1)])(lambda request, params: "x")
    app.error(503)(lambda request, error: (f"later: {error.retry_after}", 503))
    got = call(app, HTTP_X_REQUEST_START=f"t={time.time() - 7}")
    assert (got.code, got.text) == (503, "later: 7")


STARTS = {"": 200, "t={:.3f}": 503, "{:.0f}": 503, "nonsense": 200}


@pytest.mark.parametrize(("text", "status"), STARTS.items())
@pytest.mark.parametrize("is_trusted", [True, False])
def test_start_from_a_proxy_counts_only_if_it_is_trusted(text, status, is_trusted):
    agent = Agent(start_header="X-Request-Start" if is_trusted else None)
    app = served(agent, lambda request, params: f"{request.deadline.left():.0f}", timeout=4)
    got = call(app, HTTP_X_REQUEST_START=text.format(time.time() - 3))
    assert got.code == (status if is_trusted else 200)
    got = call(app, HTTP_X_REQUEST_START=f"t={time.time() - 1.9}")
    assert got.text == ("2" if is_trusted else "4")


def test_a_start_in_the_future_gives_no_more_time():
    agent = Agent(start_header="x-request-start")
    got = call(
        served(agent, lambda request, params: f"{request.deadline.left():.0f}"),
        HTTP_X_REQUEST_START=f"t={time.time() + 900}",
    )
    assert got.text == "5"


def test_agent_within_itself_makes_one_call():
    """The call has the tokens and the deadline of the route."""
    agent = Agent(tokens=4)
    calls, app = Calls(agent), Router()
    app.use(agent.inline(timeout=10))

    def handle(request, params):
        return f"{request.deadline.timeout} {agent.running} {agent._engine.limiters[0].free}"

    app.get("/narrow", use=[agent.inline(timeout=2, tokens=3)])(handle)
    app.get("/wide", use=[agent.inline(timeout=60, tokens=4)])(handle)
    assert call(app, "GET", "/narrow").text == "2.0 1 1"
    assert call(app, "GET", "/wide").text == "10.0 1 0"
    assert [one.tokens for one in calls] == [3, 4]
    assert agent._engine.limiters[0].free == 4


def test_an_inner_refusal_ends_the_call_and_names_it():
    agent = Agent(tokens=2)
    calls, app = Calls(agent), Router()
    app.use(agent.inline(timeout=10))
    app.get("/", use=[agent.inline(timeout=0.1, tokens=2)])(lambda request, params: "x")
    held = hold(agent)
    got = call(app)
    assert (got.code, got.headers["fn-call-id"], len(calls)) == (503, calls[0].id, 1)
    held.close()
    assert (call(app).code, agent._engine.limiters[0].free) == (200, 2)


def test_two_agents_count_each_for_itself():
    outer, inner, app = Agent(tokens=1), Agent(tokens=1), Router()
    app.use(outer.inline(timeout=10))
    app.get("/", use=[inner.inline(timeout=1)])(lambda request, params: f"{outer.running} {inner.running}")
    got = call(app)
    assert got.text == "1 1"
    assert (outer.running, inner.running) == (0, 0)


def test_nested_agents_take_their_tokens_once_and_share_an_id():
    one, other, app, seen = Agent(tokens=1), Agent(tokens=1), Router(), {}
    app.use(one.inline(timeout=10))

    def handle(request, params):
        seen.update(request.environ)
        return f"{one.running} {other.running} {request.deadline.timeout}"

    app.get("/", use=[other.inline(timeout=60), one.inline(timeout=2)])(handle)
    for _ in range(2):
        began = time.monotonic()
        got = call(app)
        assert (got.text, got.headers["fn-call-id"]) == ("1 1 2.0", seen["microfn.call_id"])
        assert time.monotonic() - began < 10
    assert (one.running, other.running) == (0, 0)


def test_call_id_is_there_for_hooks_and_refused_calls():
    agent, ids = Agent(start_header="X-Request-Start"), []

    @agent.before_call
    @agent.after_call
    def note(one):
        record = logging.makeLogRecord({})
        CallIdFilter().filter(record)
        ids.append((record.call_id, one.id))

    app = served(agent, lambda request, params: iter(["a"]))
    call(app)
    call(app, HTTP_X_REQUEST_START=f"t={time.time() - 60}")
    assert len(ids) == 3
    assert all(logged == own for logged, own in ids)
    record = logging.makeLogRecord({})
    CallIdFilter().filter(record)
    assert record.call_id == "-"


def test_a_server_that_interrupts_a_hook_leaves_no_call_behind():
    agent = Agent(tokens=1)

    @agent.after_call
    def interrupted(one):
        raise SystemExit

    with pytest.raises(SystemExit):
        call(served(agent, lambda request, params: "x"))
    assert agent.running == 0
    assert agent.close(timeout=1)


def test_hooks_run_before_each_call_starts_and_after_it_ends():
    agent, seen = Agent(tokens=1), []

    @agent.before_call
    def before(one):
        seen.append((one.state, one.started_at is None))

    @agent.after_call
    def after(one):
        seen.append((one.state, one.started_at is None))

    call(served(agent, lambda request, params: "x"))
    assert seen == [("waiting", True), ("ended", False)]


def test_error_of_a_hook_ends_the_call_or_is_logged(caplog):
    """An error before the call ends it, and an error after the call is logged."""
    agent = Agent(tokens=1)
    calls = Calls(agent)
    app = served(agent, lambda request, params: "x")

    @agent.after_call
    def after(one):
        raise OSError("after")

    assert call(app).code == 200
    assert "raised after call" in caplog.text

    @agent.before_call
    def before(one):
        raise KeyError("before")

    assert call(app).code == 500
    assert isinstance(calls[1].error, KeyError)
    assert (agent.running, agent._engine.limiters[0].free) == (0, 1)


def test_what_a_hook_raises_makes_no_line_of_the_log(caplog):
    agent = Agent(tokens=1)
    app = served(agent, lambda request, params: "x")

    @agent.after_call
    def after(one):
        raise ValueError(f"no client\nERROR forged\x1b by {one.method}")

    assert call(app).code == 200
    assert "    ValueError: no client" in caplog.text.splitlines()
    assert "    ERROR forged\\x1b by GET" in caplog.text.splitlines()


def test_a_server_that_interrupts_a_handle_ends_the_call():
    agent = Agent(tokens=1)
    calls = Calls(agent)

    def handle(request, params):
        raise SystemExit

    app = served(agent, handle)
    with pytest.raises(SystemExit):
        call(app)
    assert isinstance(calls[0].error, SystemExit)
    assert (agent.running, agent._engine.limiters[0].free) == (0, 1)


def test_close_refuses_new_calls_and_waits_for_those_that_run():
    agent = Agent()
    calls, release = Calls(agent), threading.Event()

    def handle(request, params):
        release.wait(60)
        return "done"

    app = served(agent, handle)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(call(app).text))
    thread.start()
    wait_until(lambda: agent.running)
    assert agent.close(timeout=0.01) is False
    got = call(app)
    assert (got.code, got.headers["retry-after"]) == (503, "1")
    assert isinstance(calls[0].error, Closed)
    threading.Timer(0.05, release.set).start()
    assert agent.close() is True
    thread.join(60)
    assert answers == ["done"]


def test_a_forked_child_has_no_calls_of_its_parent_and_is_open():
    agent = Agent(tokens=1)
    app = served(agent, lambda request, params: f"{agent.running}")
    turn = hold(agent)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            turn.close()
            os._exit(0 if call(app).text == "1" and agent.close(1) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert (agent.running, agent._engine.limiters[0].free) == (1, 0)
    turn.close()
    turn.close()
    assert (agent.running, agent._engine.limiters[0].free) == (0, 1)


def test_agents_with_one_directory_share_tokens_of_the_host(tmp_path):
    one, other = (Agent(host_tokens=1, directory=str(tmp_path)) for _ in range(2))
    turn = hold(one)
    app = served(other, lambda request, params: Response("x"), timeout=0.1)
    assert call(app).code == 503
    turn.close()
    assert call(app).code == 200


def test_an_agent_that_nobody_has_is_gone():
    agent = weakref.ref(Agent(tokens=1))
    assert agent() is None


WRONG = {
    "tokens of an agent": lambda: Agent(tokens=0),
    "tokens of a host": lambda: Agent(host_tokens=-1, directory="."),
    "a host without a directory": lambda: Agent(host_tokens=1),
    "no wait at all": lambda: Agent(longest_wait=0),
    "more tokens than there are": lambda: Agent(tokens=2).inline(timeout=1, tokens=3),
    "no tokens": lambda: Agent().inline(timeout=1, tokens=0),
    "no time": lambda: Agent().inline(timeout=0),
    "a time without an end": lambda: Agent().inline(timeout=float("inf")),
    "a text for a time": lambda: Agent().inline(timeout="2"),
    "a text for tokens": lambda: Agent(tokens="2"),
    "an invalid header": lambda: Agent(start_header="X Start"),
    "a directory without tokens of a host": lambda: Agent(directory="."),
    "a directory that is no path": lambda: Agent(host_tokens=1, directory=5),
    "a hook that cannot be called": lambda: Agent().before_call(3),
    "another that cannot be": lambda: Agent().after_call("x"),
    "a header that is a number": lambda: Agent(start_header=5),
    "a header that is no text": lambda: Agent(start_header=7),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_when_it_is_made(make):
    with pytest.raises((ValueError, TypeError)):
        make()


def test_hooks_count_for_the_time_in_which_a_call_may_start():
    agent = Agent()
    agent.before_call(lambda one: time.sleep(0.12))
    assert call(served(agent, lambda request, params: "x", timeout=0.2)).code == 503


def test_outer_agent_with_less_time_sets_the_deadline():
    outer, inner, app = Agent(), Agent(), Router()
    app.use(outer.inline(timeout=2))
    app.get("/", use=[inner.inline(timeout=60)])(lambda request, params: f"{request.deadline.timeout}")
    app.get("/twice", use=[inner.inline(timeout=60), outer.inline(timeout=50)])(
        lambda request, params: f"{request.deadline.timeout}"
    )
    assert call(app).text == "2.0"
    assert call(app, "GET", "/twice").text == "2.0"


class Greeting:
    def __call__(self, request, params):
        return "hello"


def greet(request, params):
    return "hello"


def test_inline_calls_are_counted_by_handle_and_never_by_path():
    agent, app = Agent(ram="64M"), Router()
    app.use(agent.inline(timeout=60))
    app.get("/greet/:name")(greet)
    app.get("/object")(Greeting())
    app.get("/cold")(agent.cold(["true"], memory=32, timeout=60, name="own"))
    for path in "/greet/a", "/greet/b", "/object", "/cold", "/nothing/c":
        call(app, "GET", path)
    completed = {name: states["completed"] for name, states in agent.counts().items()}
    assert completed == {f"{__name__}:greet": 2, f"{__name__}:Greeting": 1, "own": 1, "-": 1}
    agent.close()


class SlowBody(io.BytesIO):
    """A body without data until `go` is set, like that of a slow client."""

    def __init__(self, data, go):
        super().__init__(data)
        self.has_begun, self._go = threading.Event(), go

    def read(self, size=-1):
        self.has_begun.set()
        assert self._go.wait(60)
        return super().read(size)


def test_client_that_sends_its_body_slowly_holds_no_tokens():
    agent, app, go = Agent(tokens=1), Router(), threading.Event()
    app.post("/", use=[agent.inline(timeout=1)])(lambda request, params: request.get_data())
    slow, got = SlowBody(b"slow", go), []

    def with_slow_body(environ, start_response):
        return app({**environ, "wsgi.input": slow}, start_response)

    thread = threading.Thread(target=lambda: got.append(call(with_slow_body, "POST", body=b"slow").body))
    thread.start()
    assert slow.has_begun.wait(60)
    assert call(app, "POST", body=b"quick").text == "quick"
    time.sleep(0.6)  # more than half of the timeout: this time belongs to the client
    go.set()
    thread.join(60)
    assert got == [b"slow"]


BODIES = {
    "data": lambda request, params: request.get_data(),
    "stream": lambda request, params: request.stream.read(),
    "form": lambda request, params: request.form["a"],
}


@pytest.mark.parametrize("size", [1, 200_000])
@pytest.mark.parametrize("handle", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_handle_reads_the_body_that_was_received_before(handle, size, is_chunked):
    agent, app = Agent(tokens=1), Router()
    app.post("/", use=[agent.inline(timeout=60)])(handle)
    data = b"a=" + b"x" * size
    extra = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
    if is_chunked:
        extra |= {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked", "wsgi__input_terminated": True}
    got = call(app, "POST", body=data, validate=not is_chunked, **extra)
    assert got.body in (data, data[2:])


def test_empty_chunked_body_is_empty():
    agent, app = Agent(tokens=1), Router()
    app.post("/", use=[agent.inline(timeout=60)])(lambda request, params: repr(request.get_data()))
    extra = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi__input_terminated": True}
    assert call(app, "POST", validate=False, **extra).text == "b''"


def test_mounted_application_reads_a_body_received_before():
    def mounted(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]

    agent, app = Agent(tokens=1), Router()
    app.use(agent.inline(timeout=60))
    app.mount("/x", mounted)
    assert call(app, "POST", "/x/y", body=b"hello").text == "hello"


@pytest.mark.parametrize("reads", [False, True])
def test_body_over_the_limit_fails_when_the_handle_reads_it(reads):
    agent, app = Agent(tokens=1), Router(max_content_length=3)
    app.post("/", use=[agent.inline(timeout=60)])(lambda request, params: str(reads and request.get_data()))
    got = call(app, "POST", body=b"1234")
    assert got.code == (413 if reads else 200)
    assert "fn-call-id" in got.headers


def test_body_that_middleware_has_read_is_left_alone():
    def reading(handle):
        def read(request, params):
            request.get_data()
            return handle(request, params)

        return read

    agent, app = Agent(tokens=1), Router()
    app.post("/", use=[reading, agent.inline(timeout=60)])(lambda request, params: request.get_data())
    assert call(app, "POST", body=b"1234").text == "1234"


def test_no_room_for_a_body_is_a_503(monkeypatch):
    agent, app = Agent(tokens=1), Router()
    calls = Calls(agent)
    app.post("/", use=[agent.inline(timeout=60)])(lambda request, params: request.get_data())

    def full(size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", full)
    assert call(app, "POST", body=b"1234").code == 503
    assert (calls[0].state, agent.running) == ("ended", 0)


@pytest.mark.parametrize("is_shared", [False, True])
def test_stream_read_slowly_has_its_tokens_to_its_deadline(is_shared, tmp_path):
    options = {"host_tokens": 1, "directory": str(tmp_path)} if is_shared else {"tokens": 1}
    agent = Agent(**options)
    other = Agent(**options) if is_shared else agent
    slow = served(agent, lambda request, params: iter(["a", "b"]), timeout=0.5)
    body = slow(environ_of(), lambda *args: None)
    began = time.monotonic()
    assert call(served(other, lambda request, params: "x", timeout=60)).text == "x"
    assert 0.3 < time.monotonic() - began < 20
    assert agent.running == 1
    body.close()
    assert agent.running == 0
