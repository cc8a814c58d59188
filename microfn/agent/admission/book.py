"""The book of tokens: their owners and the calls that wait for them. A pure state machine: no clock, no lock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["Book", "TokenBook"]

Key = TypeVar("Key", bound=Hashable)


class TokenBook(Protocol[Key]):
    """The interface of `Book`, and of books that share their tokens."""

    @property
    def free(self) -> int:
        """The number of free tokens."""

    @property
    def waiting(self) -> int:
        """The number of waiting calls."""

    @property
    def demand(self) -> int:
        """The number of tokens that the waiting calls request together."""

    @property
    def keys(self) -> dict[Key, int]:
        """The tokens of each call: first the calls that hold tokens, then the waiting ones, the oldest first."""

    def holds(self, key: Key) -> bool:
        """Return whether the call holds its tokens."""

    def ask(self, key: Key, count: int) -> list[Key]:
        """Request tokens for a call, which waits unless its key is returned."""

    def cancel(self, key: Key) -> list[Key]:
        """Stop waiting."""

    def give_back(self, key: Key) -> list[Key]:
        """Release all tokens of a call."""


class Book(Generic[Key]):
    """So many tokens, which are granted in the order in which they were asked for.

    A key names a call from its `ask` until its `cancel` or `give_back`. Each of these events returns the keys that it
    grants, in order. No call overtakes another one, or a large call would never have a turn beside small ones.
    `cancel` and `give_back` may come late, twice, or for an unknown key, and grant nothing then. The caller holds a
    lock, if there are threads.

    >>> book = Book(2)
    >>> book.ask("first", 2), book.ask("second", 1), book.ask("third", 1)
    (['first'], [], [])
    >>> book.give_back("first")
    ['second', 'third']
    >>> book.free, book.waiting
    (0, 0)

    Raises ValueError if `total` is less than 1.
    """

    def __init__(self, total: int) -> None:
        if total < 1:
            raise ValueError(f"total must be 1 or more, got {total}")
        self.total = total
        self._free = total
        self._demand = 0
        self._held: dict[Key, int] = {}
        # Not a dict: to find the first of one whose first keys were removed takes as long as if they were there.
        self._queue: OrderedDict[Key, int] = OrderedDict()

    @property
    def free(self) -> int:
        """The number of tokens that no call has."""
        return self._free

    @property
    def waiting(self) -> int:
        """The number of calls that wait."""
        return len(self._queue)

    @property
    def demand(self) -> int:
        """The number of tokens that the waiting calls ask for together."""
        return self._demand

    @property
    def keys(self) -> dict[Key, int]:
        """The tokens of each call: first the calls that hold tokens, then the waiting ones, the oldest first."""
        return {**self._held, **self._queue}

    def holds(self, key: Key) -> bool:
        """Return whether this call has its tokens."""
        return key in self._held

    def ask(self, key: Key, count: int) -> list[Key]:
        """Let a call ask for so many tokens; it waits unless its own key is returned.

        Raises ValueError if there are never so many tokens, or if the key is in use.
        """
        if not 1 <= count <= self.total:
            raise ValueError(f"count must be from 1 to {self.total}, got {count}")
        if key in self._held or key in self._queue:
            raise ValueError(f"key must be new, got {key!r:.200} again")
        self._queue[key] = count
        self._demand += count
        return self._grant()

    def cancel(self, key: Key) -> list[Key]:
        """Let a call wait no longer. A call that was granted its tokens meanwhile keeps them."""
        self._demand -= self._queue.pop(key, 0)
        return self._grant()

    def give_back(self, key: Key) -> list[Key]:
        """Take all tokens of a call back. A call that waits goes on waiting."""
        self._free += self._held.pop(key, 0)
        return self._grant()

    def _grant(self) -> list[Key]:
        granted = []
        while self._queue:
            key, count = next(iter(self._queue.items()))
            if count > self._free:
                break
            del self._queue[key]
            self._demand -= count
            self._held[key] = count
            self._free -= count
            granted.append(key)
        return granted
