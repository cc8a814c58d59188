"""`microfn calls`: list, show, retry and purge."""

import json
import sys
from dataclasses import replace

import pytest

from microfn.agent.queue.record import FINAL, Outcome, StoreError
from microfn.agent.queue.store import Store

from .queued_app import QUEUED, failing
from .shop import typed

UNKNOWN = "0" * 32


@pytest.fixture
def agents(here):
    """A module with an agent in the current directory."""
    (here / "agents.py").write_text(QUEUED.format(directory=here), "utf-8")
    assert typed("calls", "agents:agent") == ""
    yield sys.modules["agents"]
    sys.modules["agents"].agent.queue.store.close()


@pytest.fixture
def put(agents):
    """A factory of calls in a given state."""

    def put_(state="queued", error=None):
        store = agents.agent.queue.store
        call_id = agents.app.test_client().post("/cat", data=b"asked").json["id"]
        if state != "queued":
            outcome = Outcome(state, 2, 1.0, 2.0, error, log=b"line")
            engine, _ = store.open()
            with engine.begin() as connection:
                connection.exec_driver_sql(
                    "UPDATE workflow_status SET status = 'SUCCESS', completed_at = 2000 WHERE workflow_uuid = ?",
                    (call_id,),
                )
                connection.exec_driver_sql(
                    "INSERT INTO workflow_output (workflow_uuid, output) VALUES (?, ?)",
                    (call_id, json.dumps(outcome.to_json())),
                )
        return call_id

    return put_


def test_calls_are_listed_the_newest_first(put):
    first, second = put("dead", "The worker was lost during 1 execution."), put()
    lines = typed("calls", "agents:agent").splitlines()
    assert [line.split()[:3] for line in lines] == [[second, "queued", "0"], [first, "dead", "2"]]
    assert lines[1].endswith("  cat  The worker was lost during 1 execution.")
    assert typed("calls", "agents:agent", "list", "--most", "1").split()[0] == second
    assert typed("calls", "agents:agent", "--state", "dead").split()[0] == first
    assert [told["state"] for told in json.loads(typed("calls", "agents:agent", "--json"))] == ["queued", "dead"]


def test_one_call_is_shown(put):
    call_id = put("error", "It failed.")
    shown = typed("calls", "agents:agent", "show", call_id)
    assert f"id           {call_id}\n" in shown
    assert "error        It failed.\n" in shown
    assert "log          line\n" in shown
    told = json.loads(typed("calls", "agents:agent", "show", call_id, "--json"))
    assert (told["state"], told["attempts"], told["function"]) == ("error", 2, "cat")


@pytest.mark.parametrize("state", sorted({*FINAL} - {"success"}))
def test_ended_call_is_queued_again(put, agents, state):
    call_id = put(state, "Why.")
    told = json.loads(typed("calls", "agents:agent", "retry", call_id, "--json"))
    assert (told["id"], told["state"], told["attempts"], told["error"]) == (call_id, "queued", 2, None)
    assert told["started_at"] is None
    call = agents.agent.queue.store.stored(call_id)
    assert (call.failures, call.losses, call.executions, call.body) == (0, 0, 2, b"asked")
    assert round(call.expires_at - call.enqueued_at) == 50


@pytest.mark.parametrize("state", ["success", "queued"])
def test_other_calls_are_not_queued_again(put, state):
    assert f"to retry a call, got {state}." in failing("calls", "agents:agent", "retry", put(state))


@pytest.mark.parametrize("action", ["show", "retry"])
@pytest.mark.usefixtures("agents")
def test_unknown_call_is_told(action):
    assert f"No call has the ID '{UNKNOWN}'." in failing("calls", "agents:agent", action, UNKNOWN)


def test_ended_calls_are_purged(put):
    put("success")
    put("dead")
    put()
    assert typed("calls", "agents:agent", "purge") == "Deleted calls: 2.\n"
    put("success")
    assert typed("calls", "agents:agent", "purge", "--older", "99999d") == "Deleted calls: 0.\n"
    assert json.loads(typed("calls", "agents:agent", "purge", "--older", "0s", "--json")) == {"purged": 1}
    assert len(typed("calls", "agents:agent").splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show"], "show must be used with the ID of a call."),
        (["list", UNKNOWN], "list must be used without the ID of a call."),
        (["list", "--older", "1d"], "--older must be used with purge, got list."),
        (["purge", "--older", "week"], "--older must be a number with the unit s, m, h or d, such as 7d, got 'week'."),
        (["burn"], "'burn' is not one of"),
        (["list", "--state", "again"], "'again' is not one of"),
        (["list", "--most", "0"], "--most"),
    ],
)
@pytest.mark.usefixtures("agents")
def test_wrong_arguments_are_told(arguments, message):
    assert message in failing("calls", "agents:agent", *arguments)


@pytest.mark.usefixtures("agents")
def test_store_that_fails_is_told(monkeypatch):
    def fail(*_, **__):
        raise StoreError("the store cannot be read: gone")

    monkeypatch.setattr(Store, "entries", fail)
    assert "Error: the store cannot be read: gone" in failing("calls", "agents:agent")


def test_record_and_outcome_are_told_apart(put, agents):
    store = agents.agent.queue.store
    call = store.stored(put("error"))
    store.put(replace(call, link=1, failures=1, error="Once."))
    assert "Once." in typed("calls", "agents:agent", "show", call.id)
