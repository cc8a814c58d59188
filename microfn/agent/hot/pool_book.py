"""The memory of cold functions as a book of tokens, backed by the pool of hot functions. Both share the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Closed
from .keeper import Keeper
from .pool import Profile

if TYPE_CHECKING:
    from ..admission.limiter import LimiterToken

__all__ = ["PoolBook"]

_COLD = "cold"
"""The key of all cold functions in the pool. Hot functions have tuples."""


class PoolBook:
    """A `TokenBook` whose tokens are MiB of a keeper's memory. The limiter holds its lock during each method.

    The keeper can grant tokens at any time. Then it sets the event `granted` of the token.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._bookings: dict[LimiterToken, _Booking] = {}

    @property
    def free(self) -> int:
        """The free MiB."""
        return self._keeper.counts["free"]

    @property
    def waiting(self) -> int:
        """The number of waiting calls of cold functions."""
        return len(self._waiting())

    @property
    def demand(self) -> int:
        """The MiB that the waiting calls request together."""
        return sum(self._waiting().values())

    @property
    def keys(self) -> dict[LimiterToken, int]:
        """The MiB of each call, as `TokenBook.keys` describes."""
        held = {token: token.count for token, booking in list(self._bookings.items()) if booking.number}
        return held | self._waiting()

    def holds(self, key: LimiterToken) -> bool:
        """Return whether the call holds its memory."""
        booking = self._bookings.get(key)
        return booking is not None and booking.number > 0

    def ask(self, key: LimiterToken, count: int) -> list[LimiterToken]:
        """Request memory for a call, which waits unless its key is returned. Raise `Closed` after a close."""
        booking = self._bookings[key] = _Booking(key)
        self._keeper.ask(booking, Profile(_COLD, count, is_hot=False))
        if booking.is_refused:
            del self._bookings[key]
            raise Closed("The server is being stopped.")
        return [key] if booking.number else []

    def cancel(self, key: LimiterToken) -> list[LimiterToken]:
        """Stop waiting. If the call has received its memory meanwhile, it keeps it."""
        booking = self._bookings.get(key)
        if booking is not None and not booking.number:
            self._keeper.cancel(booking)
            if not booking.number:  # the keeper can grant it until `cancel` returns
                del self._bookings[key]
        return []

    def give_back(self, key: LimiterToken) -> list[LimiterToken]:
        """Release the memory of a call."""
        if self.holds(key):
            self._keeper.release(self._bookings.pop(key).number)
        return []

    def _waiting(self) -> dict[LimiterToken, int]:
        return {token: token.count for token, booking in list(self._bookings.items()) if not booking.number}


class _Booking:
    """The memory of one call. `number` is its process in the pool, or 0 while it waits."""

    def __init__(self, token: LimiterToken) -> None:
        self._token = token
        self.number = 0
        self.is_refused = False

    def decide(self, number: int, reason: str) -> None:
        """Receive the decision of the keeper."""
        self.number, self.is_refused = number, bool(reason)
        granted = getattr(self._token, "granted", None)
        if granted is not None:
            granted.set()
