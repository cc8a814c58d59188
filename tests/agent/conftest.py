"""Agents that are closed after each test, and tools that read /proc."""

from __future__ import annotations

import os
import time

import pytest

from microfn.agent import Agent


@pytest.fixture
def agent():
    agent = Agent(ram="512M")
    yield agent
    assert agent.running == 0
    assert agent.close(5)


@pytest.fixture(autouse=True)
def _descriptors():
    """Assert that no test leaves a file open."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    end = time.monotonic() + 30
    while time.monotonic() < end and len(os.listdir("/proc/self/fd")) > len(before):
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) <= len(before)
