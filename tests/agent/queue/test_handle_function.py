"""Handles that workers execute in their own process."""

import functools
import json
import time

import pytest

from microfn import Response, Router, abort
from microfn.agent import Agent, TimedOut
from microfn.agent.errors import Busy
from microfn.agent.log import current_id
from microfn.agent.queue import execution
from microfn.agent.queue.execution import Again, execute


def told(request, params):
    """Return the values that a handle receives."""
    return {
        "method": request.method,
        "path": request.path,
        "query": request.args.to_dict(),
        "text": request.get_data(as_text=True),
        "type": request.content_type,
        "odd": request.headers["X-Odd"],
        "attempt": request.headers["Fn-Attempt"],
        "params": params,
        "left": request.deadline.left(),
        "ids": [current_id.get(), request.environ["FN_CALL_ID"], request.headers["Fn-Call-Id"]],
    }


@pytest.fixture
def run(agent, make_call):
    """A function that executes a call of a handle once."""

    def run_(handle, *, executions=1, of=agent, **changes):
        name = f"{handle.__module__}:{handle.__qualname__}"
        made = of.queue.functions.get(name) or of.queued(handle)
        call = make_call(function=made.name, **changes)
        return execute(of, of.queue.functions, call, executions=executions, losses=0)

    return run_


def test_handle_finds_the_request_as_it_was(agent, run):
    odd = {"X-Odd": "h\udcff", "Content-Type": "text/x-odd; charset=utf-8", "Content-Length": "999"}
    outcome = run(told, executions=3, path="/a%20b/ü?c=d", headers=odd, params={"n": 7}, body="größe".encode())
    assert (outcome.state, outcome.status, outcome.executions) == ("success", "200 OK", 3)
    found = json.loads(outcome.body)
    assert 50 < found.pop("left") <= 60
    [call_id] = set(found.pop("ids"))
    assert len(call_id) == 32
    assert found == {
        "method": "POST",
        "path": "/a%20b/ü",
        "query": {"c": "d"},
        "text": "größe",
        "type": odd["Content-Type"],
        "odd": "h\xff",
        "attempt": "3",
        "params": {"n": 7},
    }
    assert agent.counts()[f"{__name__}:told"]["completed"] == 1


def made(request, params):
    return Response(b"\xff", 201, {"X-Made": "yes", "Content-Type": "image/x"})


def refusing(request, params):
    abort(409, "Not now.")


def raising(request, params):
    raise ValueError("secret")


def wrong(request, params):
    return object()


def breaking(request, params):
    yield "begun"
    raise OSError("broken")


def late(request, params):
    while not request.deadline.is_over:
        time.sleep(0.01)
    if params:
        raise ValueError("too late")
    return "late"


def timed_out(request, params):
    raise TimedOut("A function in it took too long.")


def busy_inside(request, params):
    raise Busy("A function in it was not executed.")


def endless(request, params):
    while True:
        yield "x" * 4096


def test_response_is_kept_as_it_is(run):
    outcome = run(made)
    headers = {name.lower(): value for name, value in outcome.headers}
    assert (outcome.status, outcome.body) == ("201 CREATED", b"\xff")
    assert (headers["x-made"], headers["content-type"]) == ("yes", "image/x")


def test_error_that_the_handle_chose_is_its_response(run):
    outcome = run(refusing)
    assert (outcome.state, outcome.status) == ("success", "409 Conflict")
    assert b"Not now." in outcome.body


@pytest.mark.parametrize(
    ("handle", "name"),
    [(raising, "ValueError"), (wrong, "TypeError"), (breaking, "OSError"), (busy_inside, "Busy")],
)
def test_exception_is_a_failed_execution(run, agent, caplog, handle, name):
    again = run(handle, retries=1)
    assert isinstance(again, Again)
    assert (again.call.failures, again.call.state, again.call.executions) == (1, "error", 1)
    assert again.call.error.startswith(f"The handle raised {name}")
    assert "Traceback" in caplog.text
    assert agent.counts()[f"{__name__}:{handle.__name__}"]["failed"] == 1
    outcome = run(handle, retries=0)
    assert (outcome.state, outcome.status) == ("error", None)
    assert "secret" not in outcome.error


def test_exception_after_the_time_is_a_timeout(run):
    outcome = run(late, timeout=0.2, params={"n": 1}, retries=0)
    assert (outcome.state, outcome.error) == ("timeout", "The handle raised ValueError after its deadline.")
    assert run(timed_out, retries=0).state == "timeout"


def test_late_response_is_a_response(run):
    outcome = run(late, timeout=0.2)
    assert (outcome.state, outcome.body) == ("success", b"late")


def test_response_over_the_limit_is_an_error(run, monkeypatch):
    monkeypatch.setattr(execution, "LARGEST", 10_000)
    outcome = run(endless)
    assert (outcome.state, outcome.error) == ("error", "The response must have at most 10000 bytes.")


def test_call_without_a_token_is_put_back(sqlite_url, run):
    agent = Agent(tokens=1, queue=sqlite_url)
    inside = []

    def nested(request, params):
        inside.append(run(made, of=agent, timeout=0.2))
        return "done"

    assert run(nested, of=agent).state == "success"
    assert isinstance(inside[0], Again)
    assert (inside[0].call.failures, inside[0].call.executions) == (0, 0)
    assert run(made, of=agent).state == "success"
    assert agent.close(1)
    assert isinstance(run(made, of=agent), Again)


def test_function_in_a_handle_has_its_id_and_its_time(agent, run):
    cold = agent.cold(["sh", "-c", "echo $FN_CALL_ID"], memory=16, timeout=20, name="id")

    def mounted(request, params):
        return cold(request, params)

    outcome = run(mounted)
    assert outcome.body.decode().strip() == dict(outcome.headers)["Fn-Call-Id"]
    assert len(outcome.body.decode().strip()) == 32


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_handle_that_ends_its_thread_has_failed(agent, run, caplog, raised):
    def ending(request, params):
        raise raised

    outcome = run(ending, retries=0)
    assert (outcome.state, outcome.error) == ("error", f"The handle raised {type(raised).__name__}.")
    assert "Traceback" in caplog.text
    assert agent.running == 0


def test_handle_is_queued_by_its_name(agent):
    app = Router()
    queued = agent.queued(raising)
    assert (repr(queued), repr(queued.function)) == (
        f"<Queued {__name__}:raising>",
        f"<HandleFunction {__name__}:raising>",
    )
    app.post("/")(queued)
    response = app.test_client().post("/")
    assert response.status_code == 202
    assert agent.queue.store.status(response.json["id"]).function == f"{__name__}:raising"
    with pytest.raises(ValueError, match="not queued yet"):
        agent.queued(raising)


def test_handle_without_a_lasting_name_is_refused(agent, monkeypatch):
    for handle in lambda request, params: "", functools.partial(made):
        with pytest.raises(ValueError, match=r"^function must have a module and a name for stored calls"):
            agent.queued(handle)
    monkeypatch.setattr(made, "__module__", "__main__")
    with pytest.raises(ValueError, match=r"^function must be in a module that workers can import"):
        agent.queued(made)


async def coroutine(request, params):
    pass


@pytest.mark.parametrize("handle", [lambda: "", coroutine])
def test_what_is_no_handle_is_refused(agent, handle):
    with pytest.raises(TypeError, match="handle"):
        agent.queued(handle)
