"""Limits are set as far as the permissions of this process allow."""

from __future__ import annotations

import resource

from microfn.agent.launcher.limits import set_soft


def test_a_limit_that_cannot_be_raised_stays(monkeypatch):
    told = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (1, 7))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: told.append(limits))
    for most in 5, 7, 8, resource.RLIM_INFINITY:
        set_soft(resource.RLIMIT_AS, most)
    assert told == [(5, 7), (7, 7), (7, 7), (7, 7)]
