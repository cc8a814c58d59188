"""The client of a call: whether it has left, while nothing is written to it."""

from __future__ import annotations

import array
import fcntl
import select
import termios

__all__ = ["ClientWatch"]

_LEFT = select.POLLRDHUP | select.POLLHUP | select.POLLERR | select.POLLNVAL


class ClientWatch:
    """The connection of a client in a poll object. A client that sends nothing more counts as one that has left.

    `file` is the descriptor of the server's socket. The request has been read.
    """

    def __init__(self, file: int, poll: select.poll) -> None:
        self.file = file
        self._poll = poll
        # gevent's poll knows POLLIN alone; the end of a stream can be read, too.
        poll.register(file, select.POLLIN | select.POLLRDHUP)

    def has_left(self, event: int) -> bool:
        """Return whether this event of the connection is its end; other data is the next request."""
        if event & _LEFT or not _bytes_to_read(self.file):
            return True
        self.stop()
        if type(self._poll).__module__ == "select":
            self._poll.register(self.file, select.POLLRDHUP)
        return False

    def stop(self) -> None:
        """Watch no longer. Stopping twice stops once."""
        try:
            self._poll.unregister(self.file)
        except KeyError:
            return


def _bytes_to_read(file: int) -> int:
    size = array.array("i", [0])
    fcntl.ioctl(file, termios.FIONREAD, size)
    return size[0]
