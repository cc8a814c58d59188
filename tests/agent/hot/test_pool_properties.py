"""The pool compared with its model, on random histories. Most events make sense, and some come late or twice."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microfn.agent.hot.pool import Evict, Give, Launch, Pool, Refuse

from .pooling import PROFILES, TOTAL, Model, send, shown

EVENTS = [
    "ask",
    "ask",
    "ask",
    "launched",
    "launched",
    "free",
    "free",
    "free",
    "died",
    "died",
    "spoiled",
    "cancelled",
    "tick",
]
LATER = [0.0, 0.0, 0.0, 0.0625, 0.25, 1.0, 7.0]
KEYS = sorted(PROFILES)
STATES = {"launched": ["launching"], "free": ["busy"], "died": ["ending", "ending", "busy", "idle", "launching"]}


class World:
    """A pool and its model, which receive the same events."""

    def __init__(self, patience):
        self.pool, self.model = Pool(TOTAL, patience=patience), Model(TOTAL, patience)
        self.now, self.calls = 0.0, 0
        self.outcomes = {}
        self.launched = 0

    def step(self, kind, later, choice):
        """Send an event that usually makes sense; `choice` selects its call or process."""
        self.now += later
        if kind == "ask":
            self.calls += 1
            self.outcomes[str(self.calls)] = []
            return self.send(f"ask {self.calls} {KEYS[choice % len(KEYS)]}")
        if kind == "cancelled":
            return self.send(f"cancelled {1 + choice % (self.calls + 1)}")
        if kind in ("tick", "close"):
            return self.send(kind)
        wanted = STATES.get(kind)
        numbers = [one["number"] for one in self.model.processes if not wanted or one["state"] in wanted]
        numbers = numbers if numbers and choice % 7 else range(1, self.model.launches + 2)
        return self.send(f"{kind} {numbers[choice % len(numbers)]}")

    def send(self, event):
        event = f"{self.now} {event}"
        alarm = self.pool.alarm
        expected = send(self.model, event)
        decisions = send(self.pool, event)
        assert shown(decisions) == shown(expected), event
        if event.endswith("tick") and self.now < alarm:
            assert decisions == []
        self.check(event, decisions)
        return decisions

    def check(self, event, decisions):
        """Assert the invariants that hold under any policy."""
        pool, model = self.pool, self.model
        assert (pool.free_memory, pool.waiting) == (model.free_memory, model.waiting)
        assert 0 <= pool.free_memory <= TOTAL
        assert pool.processes == len(model.processes)
        waiting = [waiter[0] for waiter in model.waiters]
        for decision in decisions:
            if isinstance(decision, (Give, Refuse)) or (isinstance(decision, Launch) and not decision.profile.is_hot):
                self.outcomes[decision.call].append(decision)
                assert decision.call not in waiting
        assert all(len(outcomes) <= 1 for outcomes in self.outcomes.values())
        states = {process["number"]: process["state"] for process in model.processes}
        assert all(states[one.process] == "busy" for one in decisions if isinstance(one, Give))
        assert all(states[one.process] == "ending" for one in decisions if isinstance(one, Evict))
        # No call waits if its function has an idle process, and launches don't outnumber calls.
        assert not [call for call, profile, _ in model.waiters if model.of(profile.key, "idle")]
        launches = [one.profile.key for one in decisions if isinstance(one, Launch) and one.profile.is_hot]
        for key in launches:
            assert len(model.of(key, "launching")) <= sum(profile.key == key for _, profile, _ in model.waiters)
        # The oldest call that needs memory gets it if all idle processes together free enough.
        for _, profile, _ in model.waiters[:1]:
            if not (model.has_any(profile.key) or model.is_full(profile) or model.is_pausing(profile.key)):
                assert profile.memory > model.free_memory
                if not model.in_state("ending"):
                    assert profile.memory > model.free_memory + model.in_state("idle")

    def end(self):
        """End all calls normally. Assert that each has an outcome and that all memory is free."""
        for _ in range(10 * self.calls + 100):
            self.now += 1.0
            for process in list(self.model.processes):
                kind = {"launching": "launched", "busy": "free", "idle": "", "ending": "died"}[process["state"]]
                if kind:
                    self.send(f"{kind} {process['number']}")
            self.send("tick")
        assert self.pool.waiting == 0
        self.now += 100.0
        self.send("tick")
        for process in list(self.model.processes):
            assert process["state"] == "ending"
            self.send(f"died {process['number']}")
        assert (self.pool.free_memory, self.pool.processes) == (TOTAL, 0)


steps = st.lists(st.tuples(st.sampled_from(EVENTS), st.sampled_from(LATER), st.integers(0, 41)), max_size=60)


@given(st.sampled_from([0.0, 0.25, 1000.0]), steps)
def test_any_history_agrees_with_the_model(patience, history):
    world = World(patience)
    for step in history:
        world.step(*step)


@given(st.sampled_from([0.0, 0.25]), steps)
def test_each_call_has_one_outcome_and_memory_comes_back(patience, history):
    world, cancelled = World(patience), set()
    for kind, later, choice in history:
        world.step(kind, later, choice)
        if kind == "cancelled":
            cancelled.add(str(1 + choice % (world.calls + 1)))
    world.end()
    assert {call for call, outcomes in world.outcomes.items() if not outcomes} <= cancelled


@given(steps, steps)
def test_closed_pool_launches_and_gives_nothing(before, after):
    world = World(0.25)
    for step in before:
        world.step(*step)
    world.step("close", 0.0, 0)
    for step in after:
        decisions = world.step(*step)
        assert not [one for one in decisions if isinstance(one, (Launch, Give))]
        assert all(one.reason == "closed" for one in decisions if isinstance(one, Refuse))
    assert not [one for one in world.model.processes if one["state"] in ("launching", "idle")]
    assert world.pool.waiting == 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.slow
def test_long_history_agrees_with_the_model(seed):
    chance = random.Random(seed)
    world = World(chance.choice([0.0, 0.25, 1.0]))
    for _ in range(1500):
        world.step(chance.choice(EVENTS), chance.choice(LATER), chance.randrange(1000))
    assert world.model.launches > 50
    assert sum(map(bool, world.outcomes.values())) > 50
