"""One execution of a queued call: the outcome of each error, and functions that run."""

import json
import types

import pytest

from microfn.agent.errors import Busy, Closed, Failed, Refused, Stopped, TimedOut, TooLarge
from microfn.agent.queue import execution
from microfn.agent.queue.execution import Again, backoff, execute
from microfn.agent.queue.record import Outcome

from .. import hot_handles


class Stub:
    """An agent that raises an error or responds."""

    def __init__(self, error=None, body=b"answer"):
        self.error, self.body = error, body
        self.asked = []

    def get_call(self, method, path, **options):
        self.asked.append((method, path, options))
        return types.SimpleNamespace(
            id="", writer=options["writer"], log=b"line", status="200 OK", headers=[("A", "b")]
        )

    def submit(self, call):
        self.asked.append(call.id)
        if self.error is not None:
            raise self.error
        for start in range(0, len(self.body), 4):
            call.writer.write(self.body[start : start + 4])


FUNCTIONS = {"cat": types.SimpleNamespace(function="cold cat")}


def run(agent, call, *, executions=1, losses=0, now=None):
    clock = (lambda: call.enqueued_at + 1) if now is None else (lambda: now)
    return execute(agent, FUNCTIONS, call, executions=executions, losses=losses, clock=clock)


def test_answer_is_the_outcome_whatever_its_status(make_call):
    agent, call = Stub(), make_call(headers={"X": "y"}, params={"n": 1}, timeout=2.5)
    outcome = run(agent, call, executions=3)
    at = call.enqueued_at + 1
    assert outcome == Outcome(
        *("success", 3, at, at, None), status="200 OK", headers=(("A", "b"),), body=b"answer", log=b"line"
    )
    method, path, options = agent.asked[0]
    del options["writer"]
    assert (method, path, agent.asked[1]) == ("POST", "/", call.id)
    assert options == {
        "function": "cold cat",
        "body": b"asked",
        "headers": {"X": "y", "Fn-Attempt": "3"},
        "params": {"n": 1},
        "timeout": 2.5,
    }


@pytest.mark.parametrize(
    ("error", "state"), [(Failed("no"), "error"), (TimedOut("no"), "timeout"), (OSError(), "error")]
)
def test_failure_is_tried_again_until_retries_are_used(make_call, error, state):
    call = make_call(retries=2)
    for failures in 1, 2:
        again = run(Stub(error), call, executions=failures)
        assert isinstance(again, Again)
        assert again.call.failures == again.call.link == again.call.executions == failures
        assert again.call.state == state
        assert 0.8 * 2 ** (failures - 1) <= again.delay <= 1.2 * 2 ** (failures - 1)
        call = again.call
    outcome = run(Stub(error), call, executions=3)
    assert (outcome.state, outcome.executions, outcome.log) == (state, 3, b"line")
    assert outcome.error == ("The call could not be executed: OSError." if type(error) is OSError else "no")
    assert outcome.started_at == call.started_at


@pytest.mark.parametrize("error", [TooLarge("too large"), Refused("refused")])
def test_call_that_is_refused_is_not_tried_again(make_call, error):
    outcome = run(Stub(error), make_call())
    assert (outcome.state, outcome.error, outcome.executions) == ("error", error.detail, 1)


@pytest.mark.parametrize(
    ("error", "delay"), [(Busy("full", 7), 7), (Closed("closed", 0), 1), (Busy("full", 9999), 300)]
)
def test_busy_puts_a_call_back_without_an_execution(make_call, error, delay):
    call = make_call(retries=0)
    again = run(Stub(error), call, executions=4, losses=0)
    assert (again.delay, again.call.executions, again.call.failures, again.call.state) == (delay, 3, 0, "queued")


@pytest.mark.parametrize("retries", [0, 2])
def test_call_is_dead_when_its_worker_was_lost_too_often(make_call, retries):
    agent, call = Stub(), make_call(retries=retries)
    assert run(agent, call, executions=retries + 1, losses=retries).state == "success"
    outcome = run(agent, call, executions=retries + 2, losses=retries + 1)
    times = "1 execution." if retries == 0 else "3 executions."
    assert (outcome.state, outcome.executions) == ("dead", retries + 1)
    assert outcome.error == f"The worker was lost during {times}"
    assert outcome.status is None


def test_expired_call_is_not_executed(make_call):
    agent, call = Stub(), make_call()
    outcome = run(agent, call, now=call.expires_at)
    assert (outcome.state, outcome.executions, outcome.started_at, agent.asked) == ("expired", 0, None, [])


def test_expired_retry_ends_with_the_last_failure(make_call):
    call = make_call(link=1, failures=1, state="timeout", error="It took too long.", started_at=5.0)
    outcome = run(Stub(), call, now=call.expires_at + 1, executions=2)
    assert (outcome.state, outcome.error, outcome.executions) == ("timeout", "It took too long.", 1)


@pytest.mark.parametrize("step", [-86_400.0, -1.0, 30.0])
def test_clock_that_was_set_changes_only_times(make_call, step):
    call = make_call()
    outcome = run(Stub(), call, now=call.enqueued_at + step)
    assert (outcome.state, outcome.started_at, outcome.ended_at) == ("success", *[call.enqueued_at + step] * 2)


def test_unknown_function_is_a_failure_that_is_retried(make_call):
    call = make_call(function="gone", retries=1)
    again = run(Stub(), call)
    assert again.call.error == "The agent has no queued function 'gone'."
    outcome = run(Stub(), again.call, executions=2)
    assert (outcome.state, outcome.log) == ("error", b"")


def test_response_over_the_limit_is_an_error_with_a_reason(make_call, monkeypatch):
    monkeypatch.setattr(execution, "LARGEST", 6)
    assert run(Stub(), make_call()).body == b"answer"
    outcome = run(Stub(body=b"answers"), make_call())
    assert (outcome.state, outcome.error) == ("error", "The response must have at most 6 bytes.")


def test_function_killed_with_its_worker_is_put_back(make_call):
    call = make_call(retries=0)
    again = run(Stub(Stopped("killed")), call)
    assert (again.call.failures, again.call.executions) == (0, 1)


def test_pauses_grow_to_five_minutes():
    assert 240 <= backoff(20) <= 360
    assert 240 <= backoff(10**6) <= 360


def test_function_answers_as_it_would_by_http(agent, make_call):
    script = 'printf "%s %s %s %s " "$FN_CALL_ID" "$HTTP_FN_ATTEMPT" "$QUERY_STRING" "$FN_PARAM_n"; cat; echo log >&2'
    queued = agent.queued(agent.cold(["sh", "-c", script], memory=16, timeout=20, name="echo"))
    call = make_call(function="echo", path="/a?b=c", params={"n": 7}, headers={"X": "y"})
    outcome = execute(agent, {queued.name: queued}, call, executions=2, losses=0)
    assert outcome.body == f"{call.id} 2 b=c 7 asked".encode()
    assert (outcome.state, outcome.status, outcome.log) == ("success", "200 OK", b"log\n")
    assert dict(outcome.headers)["Content-Type"].startswith("text/plain")


def test_hot_function_is_told_its_id_and_its_attempt(agent, make_call):
    queued = agent.queued(agent.hot(hot_handles.tell, memory=64, timeout=30))
    for attempt in 1, 3:
        call = make_call(function=queued.name, path="/a?b=ü", params={"n": 7}, headers={"fn-attempt": "9"})
        outcome = execute(agent, {queued.name: queued}, call, executions=attempt, losses=0)
        told = json.loads(outcome.body)
        assert (outcome.state, told["id"], told["attempt"]) == ("success", call.id, str(attempt))
        assert (told["params"], told["body"], told["url"]) == ({"n": 7}, "asked", "http://localhost/a?b=ü")


@pytest.mark.slow
def test_hot_function_that_dies_is_executed_in_a_new_process(agent, make_call):
    queued = agent.queued(agent.hot(hot_handles.die_twice, memory=64, timeout=30))
    call, errors = make_call(function=queued.name), set()
    for attempt in 1, 2:
        again = execute(agent, {queued.name: queued}, call, executions=attempt, losses=0)
        assert isinstance(again, Again)
        call = again.call
        errors.add(call.error)
    outcome = execute(agent, {queued.name: queued}, call, executions=3, losses=0)
    assert (outcome.state, outcome.body) == ("success", b"alive")
    assert errors == {"The function was ended by signal 9."}
