"""The memory of cold functions as tokens of the pool, so that hot and cold functions share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Closed
from .keeper import Keeper
from .pool import Profile

if TYPE_CHECKING:
    from ..admission.limiter import LimiterToken

__all__ = ["PoolBook"]

_COLD = "cold"
"""The key of all cold functions in the pool. Those of hot ones are tuples."""


class PoolBook:
    """The `TokenBook` of a `Limiter` whose tokens are MiB of a keeper's memory. A token has a lock around each method.

    The keeper grants tokens at any time, and sets `granted` of each then.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._bookings: dict[LimiterToken, _Booking] = {}

    @property
    def free(self) -> int:
        """The MiB that no process has."""
        return self._keeper.counts["free"]

    @property
    def waiting(self) -> int:
        """The number of calls that wait, of cold functions."""
        return len(self._waiting())

    @property
    def demand(self) -> int:
        """The MiB that these calls ask for together."""
        return sum(self._waiting().values())

    @property
    def keys(self) -> dict[LimiterToken, int]:
        """The MiB of each call, as `TokenBook.keys` says."""
        held = {token: token.count for token, booking in list(self._bookings.items()) if booking.number}
        return held | self._waiting()

    def holds(self, key: LimiterToken) -> bool:
        """Return whether this call has its memory."""
        booking = self._bookings.get(key)
        return booking is not None and booking.number > 0

    def ask(self, key: LimiterToken, count: int) -> list[LimiterToken]:
        """Let a call ask for memory; it waits unless its own key is returned. Raises `Closed` after a close."""
        booking = self._bookings[key] = _Booking(key)
        self._keeper.ask(booking, Profile(_COLD, count, is_hot=False))
        if booking.is_refused:
            del self._bookings[key]
            raise Closed("The server is being stopped.")
        return [key] if booking.number else []

    def cancel(self, key: LimiterToken) -> list[LimiterToken]:
        """Let a call wait no longer. A call that was granted its memory meanwhile keeps it."""
        booking = self._bookings.get(key)
        if booking is not None and not booking.number:
            self._keeper.cancel(booking)
            if not booking.number:  # it may have been granted until a moment ago
                del self._bookings[key]
        return []

    def give_back(self, key: LimiterToken) -> list[LimiterToken]:
        """Take the memory of a call back."""
        if self.holds(key):
            self._keeper.release(self._bookings.pop(key).number)
        return []

    def _waiting(self) -> dict[LimiterToken, int]:
        return {token: token.count for token, booking in list(self._bookings.items()) if not booking.number}


class _Booking:
    """A call's memory: `number` is its process in the pool, 0 while it waits."""

    def __init__(self, token: LimiterToken) -> None:
        self._token = token
        self.number = 0
        self.is_refused = False

    def decide(self, number: int, reason: str) -> None:
        """Take the decision of the keeper."""
        self.number, self.is_refused = number, bool(reason)
        granted = getattr(self._token, "granted", None)
        if granted is not None:
            granted.set()
