"""Slots of workers. A slot is a number with a lock, which one process of all hosts holds until it ends."""

from __future__ import annotations

import fcntl
import os
import re
from typing import Any, Protocol

from .record import StoreError
from .url import path_of

__all__ = ["Slots", "name_of", "number_of", "slots_of", "take_first"]

_CLASS = 0x6D6663
"""The first key of microfn's advisory locks in PostgreSQL."""
_MOST = 10_000
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Slots(Protocol):
    """The slots of one store."""

    def take(self, number: int) -> bool:
        """Take a slot, and return True if it was free."""

    def give_back(self, number: int) -> None:
        """Release a slot that this process holds."""

    def check(self) -> None:
        """Raise `StoreError` if this process may have lost its slots."""

    def close(self) -> None:
        """Release all slots."""


def slots_of(url: str) -> Slots:
    """Return the slots of a store. Raise `StoreError` if it is unreachable."""
    path = path_of(url)
    return _Files(path) if path is not None else _Advisory(url)


def name_of(number: int) -> str:
    """Return the DBOS executor id of the worker in a slot.

    >>> name_of(3)
    'slot-3'
    """
    return f"slot-{number}"


def number_of(name: str) -> int | None:
    """Return the number of a slot, or None if the name is not that of a slot."""
    found = re.fullmatch("slot-([1-9][0-9]{0,3})", name)
    return int(found[1]) if found else None


def take_first(slots: Slots) -> int:
    """Take the first free slot, and return its number. Raise `StoreError` if all are taken."""
    number = next((number for number in range(1, _MOST) if slots.take(number)), None)
    if number is None:
        raise StoreError(f"all {_MOST} slots are taken")
    return number


class _Files:
    """Locked files beside the SQLite file (flock)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._held: dict[int, int] = {}

    def take(self, number: int) -> bool:
        if number in self._held:
            return False
        try:
            file = os.open(
                f"{self._path}.{name_of(number)}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
        except OSError as error:
            raise StoreError(f"the lock of a slot cannot be opened: {error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._held[number] = file
        return True

    def give_back(self, number: int) -> None:
        os.close(self._held.pop(number))

    def check(self) -> None:
        """Do nothing, since a file lock lasts as long as its process."""

    def close(self) -> None:
        for number in list(self._held):
            self.give_back(number)


class _Advisory:
    """Advisory locks of PostgreSQL, in one session. The server releases them when the connection ends."""

    def __init__(self, url: str) -> None:
        import psycopg  # noqa: PLC0415 - SQLite needs none

        self._error = psycopg.Error
        self._held: set[int] = set()
        # A host that loses power closes no connection. The server then closes it after 5 + 3 * 2 seconds.
        alive = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
        alive += " -c idle_session_timeout=0"
        try:
            self._connection: Any = psycopg.connect(
                re.sub("^postgres(ql)?://", "postgresql://", url),
                autocommit=True,
                connect_timeout=5,
                tcp_user_timeout=10_000,
                options=alive,
                application_name="microfn slots",
            )
        except psycopg.Error as error:
            raise StoreError(f"the store cannot be opened: {str(error).strip()}") from error

    def take(self, number: int) -> bool:
        # PostgreSQL lets a session take its own lock twice.
        if number in self._held or not self._ask("SELECT pg_try_advisory_lock(%s, %s)", number):
            return False
        self._held.add(number)
        return True

    def give_back(self, number: int) -> None:
        self._held.discard(number)
        self._ask("SELECT pg_advisory_unlock(%s, %s)", number)

    def check(self) -> None:
        self._ask("SELECT true")

    def close(self) -> None:
        self._held.clear()
        self._connection.close()

    def _ask(self, query: str, number: int | None = None) -> bool:
        try:
            row = self._connection.execute(query, None if number is None else (_CLASS, number)).fetchone()
        except self._error as error:
            raise StoreError(f"the lock of a slot is lost: {str(error).strip()}") from error
        return bool(row[0])
