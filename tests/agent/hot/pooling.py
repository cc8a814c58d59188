"""A language for the pool's events and decisions, and a model that counts everything from scratch."""

from __future__ import annotations

import math

from microfn.agent.hot.pool import FIRST_PAUSE, LONGEST_PAUSE, Evict, Give, Launch, Profile, Refuse

TOTAL = 8
PROFILES = {
    profile.key: profile
    for profile in (
        Profile("big", 5),
        Profile("half", 4),
        Profile("small", 2),
        Profile("tiny", 1, idle_timeout=5.0, start_timeout=2.0),
        Profile("twice", 2, max_calls=2),
        Profile("alone", 2, max_processes=1),
        Profile("cold", 4, is_hot=False),
        Profile("cup", 1, is_hot=False),
        Profile("all", 8),
        Profile("huge", 9),
        Profile("frost", 9, is_hot=False),
    )
}


def send(pool, event):
    """Send an event such as "3.5 ask a small", "4 died 1" or "5 tick", and return the decisions."""
    now, name, *rest = event.split()
    if name == "ask":
        return pool.ask(rest[0], PROFILES[rest[1]], float(now))
    if name in ("launched", "free", "spoiled", "died"):
        return getattr(pool, name)(int(rest[0]), float(now))
    return getattr(pool, name)(*rest, float(now))


def shown(decisions):
    """Format the decisions like a table: "launch 1 a, give a 1, evict 1, refuse a large"."""
    return ", ".join(map(_shown, decisions))


def _shown(decision):
    if isinstance(decision, Launch):
        return f"launch {decision.process} {decision.call}"
    return " ".join([type(decision).__name__.lower(), *map(str, decision)])


class Model:
    """A model of the rules in the pool's docstring: plain lists hold the state, and each step finds one decision."""

    def __init__(self, total, patience):
        self.total, self.patience = total, patience
        self.processes = []  # dicts, in the order of their launch
        self.waiters = []  # (call, profile, since), in the order of their arrival
        self.pauses = {}  # key: (pause, not before)
        self.now, self.shelved, self.launches, self.is_closed = -math.inf, 0, 0, False

    # Properties that the pool has too

    @property
    def free_memory(self):
        return self.total - sum(process["profile"].memory for process in self.processes)

    @property
    def waiting(self):
        return len(self.waiters)

    # Queries of the state

    def of(self, key, *states):
        return [process for process in self.processes if process["profile"].key == key and process["state"] in states]

    def in_state(self, state):
        return sum(process["profile"].memory for process in self.processes if process["state"] == state)

    def is_pausing(self, key):
        return self.now < self.pauses.get(key, (0, -math.inf))[1]

    def has_any(self, key):
        return bool(self.of(key, "launching", "idle", "busy"))

    def is_full(self, profile):
        everyone = self.of(profile.key, "launching", "idle", "busy", "ending")
        return profile.is_hot and profile.max_processes is not None and len(everyone) >= profile.max_processes

    def starves(self, profile, since):
        if profile.is_hot and (self.has_any(profile.key) or self.is_full(profile) or self.is_pausing(profile.key)):
            return False
        return self.now >= since + self.patience

    # Events

    def ask(self, call, profile, now):
        if any(waiter[0] == call for waiter in self.waiters):
            raise ValueError
        self.now = now
        if self.is_closed:
            return self.settled([Refuse(call, "closed")])
        if profile.memory > self.total:
            return self.settled([Refuse(call, "large")])
        if profile.is_hot and self.is_pausing(profile.key) and not self.has_any(profile.key):
            return self.settled([Refuse(call, "launch")])
        self.waiters.append((call, profile, now))
        return self.settled([])

    def cancelled(self, call, now):
        self.now = now
        self.waiters = [waiter for waiter in self.waiters if waiter[0] != call]
        return self.settled([])

    def launched(self, number, now):
        self.now = now
        for process in self.named(number, "launching"):
            self.pauses.pop(process["profile"].key, None)
            self.shelve(process)
        return self.settled([])

    def free(self, number, now):
        self.now, decisions = now, []
        for process in self.named(number, "busy"):
            profile = process["profile"]
            if self.is_closed or not profile.is_hot or process["calls"] == profile.max_calls:
                decisions.append(self.evict(process))
            else:
                self.shelve(process)
        return self.settled(decisions)

    def spoiled(self, number, now):
        self.now = now
        return self.settled([self.evict(process) for process in self.named(number, "launching", "idle", "busy")])

    def died(self, number, now):
        self.now, decisions = now, []
        for process in self.named(number, "launching"):
            decisions += self.failed(process)
        self.processes = [process for process in self.processes if process["number"] != number]
        return self.settled(decisions)

    def tick(self, now):
        self.now, decisions = now, []
        for process in self.processes:
            age = {"idle": process["profile"].idle_timeout, "launching": process["profile"].start_timeout}
            if now >= process["since"] + age.get(process["state"], math.inf):
                decisions += self.failed(process) if process["state"] == "launching" else []
                decisions.append(self.evict(process))
        return self.settled(decisions)

    def close(self, now):
        self.now, self.is_closed = now, True
        decisions = [Refuse(waiter[0], "closed") for waiter in self.waiters]
        self.waiters = []
        return decisions + [self.evict(one) for one in self.processes if one["state"] in ("idle", "launching")]

    # Decisions

    def named(self, number, *states):
        return [process for process in self.processes if process["number"] == number and process["state"] in states]

    def shelve(self, process):
        self.shelved += 1
        process.update(state="idle", since=self.now, shelved=self.shelved)

    def evict(self, process):
        process["state"] = "ending"
        return Evict(process["number"])

    def failed(self, process):
        key = process["profile"].key
        pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self.pauses.get(key, (0, 0))[0]))
        self.pauses[key] = pause, self.now + pause
        refused = [Refuse(waiter[0], "launch") for waiter in self.waiters if waiter[0] == process["call"]]
        self.waiters = [waiter for waiter in self.waiters if waiter[0] != process["call"]]
        return refused

    def settled(self, decisions):
        for next_decision in self.given, self.launch:
            while decision := next_decision():
                decisions.append(decision)
        return decisions

    def oldest_idle(self):
        idle = [process for process in self.processes if process["state"] == "idle"]
        return min(idle, key=lambda process: process["shelved"])

    def given(self):
        claimed = 0
        for call, profile, since in self.waiters:
            idle = self.of(profile.key, "idle")
            if idle:
                process = max(idle, key=lambda process: process["shelved"])
                process.update(state="busy", calls=process["calls"] + 1)
                self.waiters.remove((call, profile, since))
                return Give(call, process["number"])
            soon = self.free_memory + self.in_state("ending")
            if not self.starves(profile, since) or claimed + profile.memory > soon + self.in_state("idle"):
                continue
            claimed += profile.memory
            if claimed > soon:
                return self.evict(self.oldest_idle())
        return None

    def launch(self):
        claimed, keys = 0, []
        for call, profile, since in self.waiters:
            keys.append(profile.key)
            is_covered = keys.count(profile.key) <= len(self.of(profile.key, "launching"))
            if profile.is_hot and (is_covered or self.is_full(profile) or self.is_pausing(profile.key)):
                continue
            soon = self.free_memory + self.in_state("ending")
            if claimed + profile.memory <= self.free_memory:
                return self.start(call, profile, since)
            if claimed + profile.memory <= soon:
                claimed += profile.memory
            elif claimed + profile.memory <= soon + self.in_state("idle"):
                return self.evict(self.oldest_idle())
            elif self.starves(profile, since):
                return None
        return None

    def start(self, call, profile, since):
        self.launches += 1
        state = "launching" if profile.is_hot else "busy"
        process = {"number": self.launches, "profile": profile, "call": call, "since": self.now, "state": state}
        self.processes.append({**process, "calls": 0})
        if not profile.is_hot:
            self.waiters.remove((call, profile, since))
        return Launch(self.launches, profile, call)
