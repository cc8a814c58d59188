"""A cold function: memory, then its start, then one process for the call, as `microfn.agent.driver` requires."""

from __future__ import annotations

import time

import pytest

from microfn.agent import Busy, Failed
from microfn.agent.admission.memory_limiter import MemoryLimiter
from microfn.agent.call import Call
from microfn.agent.cold_driver import ColdDriver
from microfn.agent.deadline import Deadline
from microfn.agent.driver import Head
from microfn.agent.functions.function import Function
from microfn.agent.functions.program import check_program
from microfn.agent.limits import Limits


@pytest.fixture
def driver():
    driver = ColdDriver(MemoryLimiter(64))
    yield driver
    driver.close()


def call_of(script, *, memory=64, seconds=20.0, **options):
    function = Function("sh", check_program(["sh", "-c", script]), Limits(memory=memory), timeout=seconds, **options)
    call = Call("GET", "/", deadline=Deadline(time.monotonic(), seconds))
    call.function, call.limits = function, function.limits
    return call


def test_execution_has_head_body_log_and_end(driver):
    call = call_of("printf 'Status: 201\\nX: y\\n\\nbody'; echo log >&2", protocol="cgi")
    execution = driver.run(call)
    assert call.started_at is not None
    assert execution.read_head() == Head("201 Created", [("X", "y")])
    assert [execution.read(), execution.read()] == [b"body", b""]
    execution.finish()
    assert execution.has_ended
    execution.close()
    execution.close()
    assert execution.log == b"log\n"


def test_call_waits_for_memory_but_not_beyond_half_of_its_time(driver):
    execution = driver.run(call_of("sleep 60"))
    waiting = call_of("true", seconds=0.4)
    with pytest.raises(Busy, match="no memory free"):
        driver.run(waiting)
    assert waiting.started_at is None
    execution.close()
    driver.run(call_of("true")).close()


def test_failed_start_releases_the_memory(driver):
    late = call_of("true", seconds=0.02)
    time.sleep(0.02)
    with pytest.raises(Busy):
        driver.run(late)
    broken = call_of("true")
    broken.function.started(False)
    with pytest.raises(Failed, match="cannot be started"):
        driver.run(broken)
    driver.run(call_of("true")).close()


def test_call_without_a_function_is_refused(driver):
    with pytest.raises(TypeError, match="has no function"):
        driver.run(Call("GET", "/", deadline=Deadline(time.monotonic(), 5)))
