"""The agent that a command names."""

import pytest

from microfn.agent.queue import agent_queue

from .queued_app import QUEUED, failing


@pytest.fixture(autouse=True)
def _agents(here):
    (here / "agents.py").write_text(QUEUED.format(directory=here), "utf-8")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("agents", "The agent must be given as MODULE:NAME, got 'agents'."),
        ("agents:make()", "The agent must be given as MODULE:NAME, got 'agents:make()'."),
        ("agents:other", "agents:other must be an Agent, got None; did you mean agents:agent?"),
        ("agents:app", "agents:app must be an Agent, got <"),
        ("other:application", "other:application must be an Agent, got <function"),
        ("missing:agent", "here is no module 'missing'"),
        ("agents:plain", "agents:plain: queued calls need a store, which the agent does not have; pass Agent(queue=…)"),
    ],
)
@pytest.mark.parametrize("command", ["work", "calls"])
def test_name_that_is_no_agent_is_told(command, name, message):
    assert message in failing(command, name)


def test_missing_extra_is_told(monkeypatch, here):
    (here / "agents.py").write_text(
        f'from microfn.agent import Agent\nagent = Agent(queue="sqlite:///{here}/calls.db")\n', "utf-8"
    )
    monkeypatch.setattr(agent_queue, "find_spec", lambda name: None)
    assert "pip install 'microfn[queue]'" in failing("calls", "agents:agent")
