"""Functions that misbehave, under gunicorn: each fails its own caller's request, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from . import proc
from .cold_server import KINDS, Outcome, Server, busy, check, outcome_of
from .process import wait_until

pytestmark = [pytest.mark.server, pytest.mark.faults]
SOON, SLACK = 1.0, 2.0
"""Seconds: the timeout of slow functions, and the time allowed beyond it. Half a second of the latter is no slack."""
AT_ONCE = 6.0
"""Seconds. This is less than half of the time that those functions have."""
MOST_OUTPUT = 64 * 1024 * 1024
THOUSAND, CLIENTS = 1000, 4


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server that all faults share, unless they end it."""
    server = Server(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield server
    finally:
        server.gunicorn.stop()


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("killed", "was ended by signal 9"),
        ("silent", "ended without a response"),
        ("failing", "ended with 3"),
        ("keeping_the_pipe_in_silence", "ended without a response"),
        ("answering_twice", "sent more than it announced"),
        ("talking_nonsense", "sent an invalid header"),
        ("talking_http", "sent an invalid header"),
        ("splitting_headers", "sent a response that cannot be passed on"),
        ("inventing_a_status", "sent an invalid status"),
        ("never_ending_its_head", "head has no end"),
        ("greedy", "ended with 1"),
        ("greedy_alone", "took more memory than it may have"),
        ("greedy_together", "took more memory than it may have"),
        ("forking", "started more processes than it may have"),
        ("making_threads", "started more processes than it may have"),
        ("opening", "ended with 1"),
    ],
)
def test_what_is_no_answer_is_a_502_long_before_the_time_is_up(server: Server, name: str, detail: str) -> None:
    outcome = server.ask(f"/{name}")
    assert (outcome.status, outcome.is_whole) == (502, True)
    assert detail in outcome.body.decode()
    assert server.ends(outcome.call_id) == ["Failed"]
    check(server, outcome, AT_ONCE)


@pytest.mark.parametrize("name", ["idle", "deaf", "spinning", "stopped"])
def test_what_takes_too_long_is_killed_and_then_told_with_504(server: Server, name: str) -> None:
    outcome = server.ask(f"/{name}")
    assert not server.left()
    assert (outcome.status, outcome.is_whole) == (504, True)
    assert outcome.seconds >= SOON
    assert server.ends(outcome.call_id) == ["TimedOut"]
    check(server, outcome, SOON + SLACK)


@pytest.mark.parametrize("name", ["exploding", "fleeing"])
def test_fork_bomb_is_gone_soon_after_its_deadline(server: Server, name: str) -> None:
    """The processes of the bomb leave the session, and the machine is busy."""
    with busy():
        began = time.monotonic()
        outcome = server.ask(f"/{name}")
        wait_until(lambda: not server.running(name), "it goes on", SOON + 1 - (time.monotonic() - began))
    assert outcome.status in (502, 504)
    assert outcome.call_id not in server.strays()
    check(server, outcome, SOON + SLACK)


@pytest.mark.parametrize("name", ["keeping_the_pipe", "answering_first"])
def test_response_is_whole_despite_unread_input_and_open_files(server: Server, name: str) -> None:
    """The function may leave its body unread, and its output open in another process."""
    outcome = server.ask(f"/{name}", b"." * 300_000)
    assert (outcome.status, outcome.body, outcome.is_whole) == (200, b"answered", True)
    check(server, outcome, AT_ONCE)


@pytest.mark.parametrize("name", ["escaping", "escaping_twice", "escaping_unnamed", "escaping_and_waiting"])
def test_process_that_leaves_the_session_is_killed_and_logged(server: Server, name: str) -> None:
    """The caller still gets its response."""
    before = server.strays()
    outcome = server.ask(f"/{name}")
    assert (outcome.status, outcome.body, outcome.is_whole) == (200, b"answered", True)
    wait_until(lambda: not server.left(), "it was not killed")
    whose = "unknown" if "unnamed" in name or "waiting" in name else outcome.call_id
    assert set(server.strays()[len(before) :]) == {whose}
    check(server, outcome, AT_ONCE)


@pytest.mark.parametrize(
    ("name", "begin", "error"),
    [("killed_midway", b"half", "Failed"), ("answering_less", b"few", "Failed"), ("dripping", b".", "TimedOut")],
)
def test_what_breaks_off_is_cut(server: Server, name: str, begin: bytes, error: str) -> None:
    outcome = server.ask(f"/{name}")
    assert (outcome.status, outcome.is_whole) == (200, False)
    assert outcome.body.startswith(begin)
    assert len(outcome.body) <= 15
    assert server.ends(outcome.call_id) == [error]
    check(server, outcome, SOON + SLACK if name == "dripping" else AT_ONCE)


def test_answer_is_cut_if_the_group_dies_slowly(server: Server) -> None:
    """The leader's end is reported at once, before the group is gone, even if the machine is busy."""
    with busy():
        outcomes = [server.ask("/killed_in_a_slow_group") for _ in range(2)]
    for outcome in outcomes:
        assert (outcome.status, outcome.body, outcome.is_whole) == (200, b"half", False)
        assert server.ends(outcome.call_id) == ["Failed"]
        check(server, outcome, 3 * AT_ONCE)  # the machine is busy, and the function has 20 s


def test_what_comes_after_an_answer_is_discarded(server: Server) -> None:
    outcome = server.ask("/answering_twice_later")
    assert (outcome.status, outcome.body, outcome.is_whole) == (200, b"first", True)
    check(server, outcome, AT_ONCE)


def test_a_flood_of_output_is_cut_and_kept_nowhere(server: Server) -> None:
    before = server.resident()
    outcome = server.ask("/flooding")
    assert (outcome.status, outcome.is_whole) == (200, False)
    assert MOST_OUTPUT - 65536 <= len(outcome.body) <= MOST_OUTPUT
    assert server.resident() < before + MOST_OUTPUT // 2
    check(server, outcome, AT_ONCE)


def test_a_flood_of_log_is_truncated_and_the_call_answers(server: Server) -> None:
    before = server.resident()
    outcome = server.ask("/flooding_the_log")
    assert (outcome.status, outcome.body, outcome.is_whole) == (200, b"answered", True)
    assert server.logged(outcome.call_id) == ["!" * 1000 + "... and 64536 more characters"]
    assert server.resident() < before + 16 * 1024 * 1024
    check(server, outcome, AT_ONCE)


def test_a_body_that_nobody_reads_holds_up_nobody(server: Server) -> None:
    began = time.monotonic()
    with server.send("/not_reading", bytes(64 * 1024 * 1024)) as wire:
        sent = time.monotonic() - began
        other = server.ask("/half", b"meanwhile")
        outcome = outcome_of(wire, began)
    assert (other.status, other.body[33:]) == (200, b"meanwhile")
    assert (outcome.status, outcome.is_whole) == (504, True)
    check(server, other, SOON)
    check(server, outcome, sent + SOON + SLACK)


def test_slow_client_does_not_keep_memory_of_a_function(server: Server) -> None:
    """The memory is free as soon as the function has ended."""
    with server.send("/filling_the_pipe") as wire:
        wait_until(lambda: server.is_running("filling_the_pipe"), "it did not start")
        wait_until(lambda: not server.is_running("filling_the_pipe"), "it did not end")
        other = server.ask("/whole", b"meanwhile")
        began = time.monotonic()
        outcome = outcome_of(wire, began)
    assert (other.status, other.body[33:]) == (200, b"meanwhile")
    assert (outcome.status, outcome.is_whole) == (200, True)
    assert server.logged(outcome.call_id) == [f"wrote {len(outcome.body)}"]
    check(server, other, AT_ONCE)
    check(server, outcome, AT_ONCE)


def test_a_slow_client_makes_no_function_go_on_beyond_its_time(server: Server) -> None:
    with server.send("/writing_for_ever") as wire:
        wait_until(lambda: server.is_running("writing_for_ever"), "it did not start")
        wait_until(lambda: not server.is_running("writing_for_ever"), "it was not killed", SOON + SLACK)
        other = server.ask("/whole", b"meanwhile")
        began = time.monotonic()
        outcome = outcome_of(wire, began)
    assert (other.status, other.body[33:]) == (200, b"meanwhile")
    assert (outcome.status, outcome.is_whole) == (200, False)
    assert server.ends(outcome.call_id) == ["TimedOut"]
    check(server, other, AT_ONCE)
    check(server, outcome, AT_ONCE)


def test_a_client_that_leaves_midway_ends_its_function(server: Server) -> None:
    wire = server.send("/ticking")
    call_id = wire.head().headers["Fn-Call-Id"]
    wire.until(b".")
    wire.reset()
    wait_until(lambda: not server.is_running("ticking"), "it was not killed", 60)
    wait_until(lambda: len(server.ends(call_id)) == 1, "the call did not end", 60)
    check(server, server.ask("/tell"), AT_ONCE)


def test_client_that_leaves_keeps_memory_only_for_its_call(server: Server) -> None:
    wire = server.send("/idle")
    wait_until(lambda: server.is_running("idle"), "it did not start")
    wire.reset()
    check(server, server.ask("/whole"), SOON + SLACK)


def test_calls_at_once_have_nothing_of_each_other(server: Server) -> None:
    bodies = [f"{number} ".encode() * 20_000 for number in range(4)]
    outcomes = server.ask_all("/tell?0.3", bodies)
    for body, outcome in zip(bodies, outcomes, strict=True):
        assert outcome.body == outcome.call_id.encode() + b" " + body
        assert server.logged(outcome.call_id) == [f"said by {outcome.call_id}"]
    assert len({outcome.call_id for outcome in outcomes}) == 4
    for outcome in outcomes:
        check(server, outcome, AT_ONCE)


def test_call_larger_than_all_memory_is_refused_at_once(server: Server) -> None:
    outcome = server.ask("/impossible")
    assert (outcome.status, outcome.is_whole) == (400, True)
    assert server.ends(outcome.call_id) == ["TooLarge"]
    check(server, outcome, SOON)


def test_call_that_waits_half_of_its_time_has_a_retry_after(server: Server) -> None:
    began = time.monotonic()
    with server.send("/holding?2", b"held") as held:
        wait_until(lambda: server.is_running("tell"), "it did not start")
        for refused in server.ask_all("/brief", [b"", b""]):
            assert (refused.status, refused.is_whole) == (503, True)
            assert int(refused.retry_after or "0") >= 1
            assert server.ends(refused.call_id) == ["Busy"]
            assert not server.has_started(refused.call_id)
        outcome = outcome_of(held, began)
    assert (outcome.status, outcome.body[33:]) == (200, b"held")
    check(server, outcome, AT_ONCE)


def test_a_waiter_whose_client_has_left_makes_place_for_others(server: Server) -> None:
    with ThreadPoolExecutor() as pool:
        held = pool.submit(server.ask, "/holding?2")
        wait_until(lambda: server.is_running("tell"), "it did not start")
        before = server.gunicorn.recorded()
        server.send("/brief").leave()
        after = server.ask("/holding")
    assert (after.status, held.result().status) == (200, 200)
    recorded = server.gunicorn.recorded()[len(before) :]
    assert sum(line.startswith("ended ") and line.endswith(" Busy") for line in recorded) == 1
    check(server, after, AT_ONCE)


@pytest.mark.parametrize("server", ["gthread"], indirect=True)
def test_waiting_calls_start_in_the_order_of_their_arrival(server: Server) -> None:
    with ThreadPoolExecutor() as pool:
        answers: list[Future[Outcome]] = []
        for number in range(5):
            target = "/holding" if answers else "/holding?1.5"
            answers.append(pool.submit(server.ask, target, str(number).encode()))
            wait_until(lambda: server.count_running() == len(answers), "it does not wait")
        outcomes = [answer.result() for answer in answers]
    ids = [outcome.call_id for outcome in outcomes]
    assert [outcome.body[33:] for outcome in outcomes] == [b"0", b"1", b"2", b"3", b"4"]
    assert [line for line in server.gunicorn.recorded() if line.partition("started ")[2] in ids] == [
        f"started {call_id}" for call_id in ids
    ]
    check(server, outcomes[-1], AT_ONCE)


def break_rights(program: Path) -> None:
    program.chmod(0o644)


def break_interpreter(program: Path) -> None:
    program.write_text("#!/missing/interpreter\n", "utf-8")


@pytest.mark.parametrize("break_it", [break_rights, break_interpreter])
def test_function_that_cannot_start_fails_its_own_callers(server: Server, break_it: Callable[[Path], None]) -> None:
    """If the function is repaired, its calls succeed again."""
    wait_until(lambda: server.ask("/program").status == 200, "it did not start")
    break_it(server.program)
    try:
        for _ in range(6):
            outcome = server.ask("/program")
            assert (outcome.status, outcome.is_whole) == (502, True)
            assert "cannot be started" in outcome.body.decode()
            check(server, outcome, AT_ONCE)
    finally:
        server.write_program()
    wait_until(lambda: server.ask("/program").status == 200, "it was not tried again", 20)
    check(server, server.ask("/tell"), AT_ONCE)


def test_function_that_always_fails_costs_others_nothing(server: Server) -> None:
    for _ in range(20):
        assert server.ask("/failing").status == 502
    check(server, server.ask("/failing"), AT_ONCE)


def test_killed_launcher_costs_its_calls_only_a_response(server: Server) -> None:
    began = time.monotonic()
    with server.send("/forking_and_waiting") as wire:
        wait_until(lambda: len(server.running("forking_and_waiting")) == 3, "it did not start")
        os.kill(server.launcher_of("forking_and_waiting"), signal.SIGKILL)
        outcome = outcome_of(wire, began)
    assert (outcome.status, outcome.is_whole) == (502, True)
    assert "was lost" in outcome.body.decode()
    server.warm_up()
    check(server, outcome, AT_ONCE)


def test_killed_launcher_ends_functions_that_left_the_session(server: Server) -> None:
    began = time.monotonic()
    with server.send("/scattering") as wire:
        wait_until(lambda: len(server.running("scattering")) == 4, "it did not start")
        os.kill(server.launcher_of("scattering"), signal.SIGKILL)
        wait_until(lambda: not server.running("scattering"), "functions go on", 1)
        outcome = outcome_of(wire, began)
    assert (outcome.status, outcome.is_whole) == (502, True)
    server.warm_up()
    check(server, outcome, AT_ONCE)


def test_killed_launcher_without_calls_costs_nothing(server: Server) -> None:
    for _ in range(3):
        for launcher in server.launchers():
            os.kill(launcher, signal.SIGKILL)
        wait_until(lambda: not server.launchers(), "a launcher does not end")
        outcomes = server.ask_all("/true", [b""] * 8)
        assert [outcome.status for outcome in outcomes] == [200] * 8
        server.warm_up()
        check(server, outcomes[0], AT_ONCE)


def test_a_thousand_calls_leave_nothing_behind(server: Server) -> None:
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = [outcome.status for outcome in pool.map(server.ask, ["/true"] * THOUSAND)]
    assert statuses == [200] * THOUSAND
    check(server, server.ask("/tell"), AT_ONCE)


@pytest.fixture(params=KINDS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Yield a function that starts a server, for tests that end it or a part of it."""
    started: list[Server] = []

    def start(*options: str, **named: str) -> Server:
        started.append(Server(request.param, tmp_path, *options, **named))
        return started[0]

    yield start
    for server in started:
        server.gunicorn.ensure_ended()


@pytest.mark.parametrize("with_launcher", [False, True], ids=["", "and the launcher"])
@pytest.mark.parametrize("is_whole", [False, True], ids=["a worker", "all of gunicorn"])
def test_all_functions_end_with_a_server_that_is_killed(
    start: Callable[..., Server], is_whole: bool, with_launcher: bool
) -> None:
    server = start()
    with server.send("/scattering"):
        wait_until(lambda: len(server.running("scattering")) == 4, "it did not start")
        launcher = server.launcher_of("scattering")
        guard = server.parent_of(launcher)
        worker = server.parent_of(guard)
        killed = [server.gunicorn.pid, *server.gunicorn.workers()] if is_whole else [worker]
        killed += [launcher] if with_launcher else []
        ended = server.launchers() if is_whole else [guard, launcher]
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):  # a launcher can end before, since its server is gone
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not proc.marked(server.key), "functions go on", 1)
        wait_until(lambda: not proc.living(ended), "a launcher goes on", 2)
    if not is_whole:
        wait_until(
            lambda: len(set(server.gunicorn.workers()) - {worker}) == server.count, "no worker took its place", 20
        )
        assert server.ask("/whole").status == 200
        server.gunicorn.stop([worker])


@pytest.mark.parametrize(
    ("app", "options"),
    [
        ("cold", []),
        ("called", ["--preload"]),
        ("cold", ["--config", "python:tests.servers.closing"]),
    ],
)
def test_stopped_server_ends_its_calls_and_leaves_nothing(
    start: Callable[..., Server], app: str, options: list[str]
) -> None:
    server = start(*options, app=app)
    with ThreadPoolExecutor() as pool:
        answers = [pool.submit(server.ask, "/tell?0.5", b"last"), pool.submit(server.ask, "/idle")]
        wait_until(lambda: server.is_running("tell") and server.is_running("idle"), "they did not start")
        served = [server.gunicorn.pid, *server.gunicorn.workers()]
        launchers = [found.pid for found in proc.processes() if found.parent in served and found.pid not in served]
        server.gunicorn.terminate()
        last, late = (answer.result() for answer in answers)
    assert (last.status, last.body[33:], last.is_whole) == (200, b"last", True)
    assert (late.status, late.is_whole) == (504, True)
    server.gunicorn.stop()
    assert not proc.marked(server.key)
    assert not proc.living(launchers)
    closed = re.findall("Closed: (.*)", server.gunicorn.errors())
    assert closed == (["True"] * server.count if "--config" in options else [])


@pytest.mark.parametrize(("app", "options"), [("cold", []), ("called", ["--preload"])])
def test_replaced_workers_end_their_calls_and_launchers(
    start: Callable[..., Server], app: str, options: list[str]
) -> None:
    server = start(*options, app=app)
    launchers = server.launchers()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.ask, "/tell?0.5", b"of an old one")
        wait_until(lambda: server.is_running("tell"), "it did not start")
        server.gunicorn.reload()
        outcome = answer.result()
    assert (outcome.status, outcome.body[33:], outcome.is_whole) == (200, b"of an old one", True)
    wait_until(lambda: not proc.living(launchers), "a launcher goes on", 2)
    server.warm_up()
    check(server, outcome, AT_ONCE)
    server.gunicorn.stop()
