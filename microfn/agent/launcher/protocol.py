"""The messages between a server's process and its launcher, on `SOCK_SEQPACKET` sockets.

A request is one `LaunchSpec` with files: one end of the *control* socket of the function, its stdin, stdout and
stderr, and the files to hold until the function is gone. The launcher replies on the control socket:

    started 4711        the function runs, and leads the session and the group 4711
    failed 2            it could not be started; the number is an errno
    exited -9 time      its leader has ended, here by signal 9, and others of its group are being killed; "time",
                        "memory" and "processes" name the limit for which it was killed, "-" stands for none
    ended -9 time       likewise, and nothing of its group is left; it is the last reply

The server ends a function by closing its side of the control socket. The system closes it too if the server dies.
"""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

__all__ = ["IN_A_FILE", "LONGEST_MESSAGE", "MOST_FILES", "LaunchSpec", "Request", "receive", "reply"]

MOST_FILES = 253
"""Files that one message can carry (`SCM_MAX_FD`)."""
LONGEST_MESSAGE = 8192
"""Bytes of an encoded spec that is sent as the message itself."""
IN_A_FILE = b"\0"
"""The message if the spec is longer: the file after the control socket has the spec."""
_NUMBERS = struct.Struct("i")


class LaunchSpec(NamedTuple):
    """The program to run, and its limits. `end` is a time of `time.monotonic()`, which is one clock for all processes.

    `memory` is how many bytes its processes may have resident together, `addresses` how many bytes of addresses each of
    them may have, None for no limit.
    """

    call_id: str
    end: float
    memory: int
    addresses: int | None
    processes: int
    descriptors: int
    cwd: bytes
    argv: list[bytes]
    env: dict[bytes, bytes]

    def encode(self) -> bytes:
        """Return NUL-separated fields. No argument or variable of a process holds a NUL."""
        addresses = "" if self.addresses is None else self.addresses
        numbers = (repr(self.end), self.memory, addresses, self.processes, self.descriptors, len(self.argv))
        return b"\0".join(
            [
                self.call_id.encode("ascii"),
                *(str(number).encode("ascii") for number in numbers),
                self.cwd,
                *self.argv,
                *(name + b"=" + value for name, value in self.env.items()),
            ]
        )

    @classmethod
    def decode(cls, data: bytes) -> LaunchSpec:
        """Return the spec that `encode` made bytes of."""
        call_id, end, memory, addresses, processes, descriptors, count, cwd, *rest = data.split(b"\0")
        limits = int(memory), int(addresses) if addresses else None, int(processes), int(descriptors)
        env = dict(line.split(b"=", 1) for line in rest[int(count) :])
        return cls(call_id.decode("ascii"), float(end), *limits, cwd, rest[: int(count)], env)


class Request(NamedTuple):
    """A request to start a function: the spec, the control socket, its standard files, and the files to hold."""

    spec: LaunchSpec
    control: socket.socket
    files: list[int]
    held: list[int]


def receive(source: socket.socket) -> Request | None:
    """Return the next request, or None if it had more files than this process may open. Raise EOFError at the end.

    The files of such a request are closed, so the server sees the end of the control socket.
    """
    size = socket.CMSG_SPACE(MOST_FILES * _NUMBERS.size)
    data, ancillary, flags, _ = source.recvmsg(LONGEST_MESSAGE, size, socket.MSG_CMSG_CLOEXEC)
    if not data:
        raise EOFError("all clients of the launcher have exited")
    files = [number for _, _, raw in ancillary for (number,) in _NUMBERS.iter_unpack(raw)]
    if flags & socket.MSG_CTRUNC:
        for file in files:
            os.close(file)
        return None
    control, *rest = files
    if data == IN_A_FILE:
        written = rest.pop(0)
        data = os.pread(written, os.fstat(written).st_size, 0)
        os.close(written)
    known = socket.AF_UNIX, socket.SOCK_SEQPACKET, 0  # PERF: without them Python asks the system for each.
    return Request(LaunchSpec.decode(data), socket.socket(*known, fileno=control), rest[:3], rest[3:])


def reply(control: socket.socket, text: str) -> None:
    """Send a reply if the server is still there."""
    with suppress(OSError):
        control.send(text.encode("ascii"), socket.MSG_DONTWAIT)
