"""The how-to for dramatiq and Celery, with the Redis of this machine."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from ...documents import ROOT, blocks
from .redis_server import serving

LIMIT = 60
PAGE = ROOT / "docs/howto/queued.md"
WORKERS = {
    "actors": ["dramatiq", "actors", "--processes", "1", "--threads", "4"],
    "tasks": ["celery", "--app", "tasks", "worker", "--concurrency", "4"],
}
SEND = """
import sys
from {module} import write_later
for number in range({count}):
    getattr(write_later, {method!r})(sys.argv[1], f"{{sys.argv[2]}}/{{number}}")
"""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def redis():
    with serving() as url:
        if url is None:
            pytest.skip("Redis is not installed")
        yield url


@pytest.fixture
def place(tmp_path):
    """A directory with the modules that the page shows."""
    for language, text in blocks(PAGE):
        name = text.partition("\n")[0].removeprefix("# ")
        if language == "python" and name in ("counting.py", "actors.py", "tasks.py"):
            (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "text").write_text("six words that make a report", "utf-8")
    (tmp_path / "counts").mkdir()
    return tmp_path


@pytest.fixture
def work(place, redis):
    """A factory of workers."""
    made = []

    def work_(module):
        process = subprocess.Popen(
            [sys.executable, "-m", *WORKERS[module]],
            cwd=place,
            env=os.environ | {"REDIS_URL": redis},
            start_new_session=True,
        )
        made.append(process)
        return process

    yield work_
    for process in made:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LIMIT)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT)


@pytest.fixture
def send(place, redis):
    """A function that enqueues calls, as a server would."""

    def send_(module, count):
        program = SEND.format(module=module, count=count, method="send" if module == "actors" else "delay")
        subprocess.run(
            [sys.executable, "-c", program, str(place / "text"), str(place / "counts")],
            check=True,
            cwd=place,
            env=os.environ | {"REDIS_URL": redis},
            timeout=LIMIT,
        )

    return send_


def counts(place):
    return sorted(path.read_text().strip() for path in (place / "counts").iterdir())


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.parametrize("module", list(WORKERS))
def test_task_submits_a_call(work, send, place, module):
    send(module, 20)
    work(module)
    until(lambda: counts(place) == ["6"] * 20)


def test_actor_of_a_killed_worker_is_executed_again(work, send, place):
    change(place / "counting.py", '["wc", "-w"]', '["sh", "-c", "sleep 4.0625; wc -w"]')
    send("actors", 4)
    process = work("actors")
    until(lambda: b"sleep\x004.0625" in commands())
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(LIMIT)
    assert counts(place) == []
    work("actors")
    until(lambda: counts(place) == ["6"] * 4)


def change(path, old, new):
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), "utf-8")


def commands():
    """The commands of all processes."""
    found = []
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdigit():
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    found.append(file.read())
    return b"\n".join(found)
