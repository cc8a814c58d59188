"""Slots, which have one holder each, on SQLite and on PostgreSQL."""

import os
import signal
import subprocess
import sys
import time

import pytest

from microfn.agent.queue.record import StoreError
from microfn.agent.queue.slots import name_of, number_of, slots_of, take_first

HOLD = """
import sys, time
from microfn.agent.queue.slots import slots_of
slots = slots_of(sys.argv[1])
print(slots.take(1), flush=True)
time.sleep(600)
"""


@pytest.fixture
def open_slots():
    """A factory of slots. They are closed after the test."""
    made = []

    def open_(url):
        made.append(slots_of(url))
        return made[-1]

    yield open_
    for slots in made:
        slots.close()


def test_slot_has_one_holder(url, open_slots):
    first, second = open_slots(url), open_slots(url)
    assert first.take(1)
    assert not first.take(1)
    assert not second.take(1)
    assert second.take(2)
    first.give_back(1)
    assert second.take(1)
    assert not first.take(1)
    first.check()


def test_first_free_slot_is_taken(url, open_slots, monkeypatch):
    slots = open_slots(url)
    assert [take_first(slots), take_first(slots), take_first(open_slots(url))] == [1, 2, 3]
    slots.give_back(1)
    assert take_first(slots) == 1
    monkeypatch.setattr("microfn.agent.queue.slots._MOST", 4)
    with pytest.raises(StoreError, match="all 4 slots are taken"):
        take_first(open_slots(url))


def test_slot_of_a_killed_process_is_free(url, open_slots):
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "True\n"
        slots = open_slots(url)
        assert not slots.take(1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()
    end = time.monotonic() + 60
    while not slots.take(1):
        assert time.monotonic() < end


def test_names_and_numbers_of_slots():
    assert name_of(12) == "slot-12"
    assert number_of("slot-12") == 12
    for name in "slot-0", "slot-01", "slot-", "slot-x", "local", "", "slot-999999", "slot-1\n":
        assert number_of(name) is None


def test_files_of_slots_are_their_owners_alone(sqlite_url, open_slots, tmp_path):
    open_slots(sqlite_url).take(3)
    assert os.stat(tmp_path / "calls.db.slot-3").st_mode & 0o777 == 0o600


def test_file_that_cannot_be_locked_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="lock of a slot cannot be opened"):
        slots_of(f"sqlite:///{tmp_path}/missing/calls.db").take(1)
    os.symlink("/dev/null", tmp_path / "calls.db.slot-1")
    with pytest.raises(StoreError, match="lock of a slot cannot be opened"):
        slots_of(f"sqlite:///{tmp_path}/calls.db").take(1)


def test_database_that_is_gone_has_no_slots():
    with pytest.raises(StoreError, match="cannot be opened"):
        slots_of("postgresql://nobody@127.0.0.1:1/calls")


@pytest.mark.slow
def test_lost_connection_is_noticed(postgres, postgres_url, open_slots):
    slots = open_slots(postgres_url)
    slots.take(1)
    slots.check()
    postgres.kill()
    postgres.start()
    with pytest.raises(StoreError, match="lost"):
        slots.check()
    assert open_slots(postgres_url).take(1)
