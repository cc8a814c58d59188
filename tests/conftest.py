"""Settings and a fixture of all tests."""

from __future__ import annotations

import weakref

import pytest
from hypothesis import HealthCheck, settings

from microfn import fork

# A busy machine may take long for an example, and for making one.
settings.register_profile("microfn", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("microfn")


@pytest.fixture
def after_fork_in_child(monkeypatch):
    """Return the hook of a forked child, limited to the objects of the test: other objects have running threads."""
    monkeypatch.setattr(fork, "_targets", weakref.WeakSet())
    return fork._after_fork_in_child
