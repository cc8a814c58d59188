"""A program that breaks each rule for functions on demand, so that you can see the result.

Each misbehaviour is bounded and ends by itself. The program needs only the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

MIB = 1024 * 1024
SECONDS = 20.0
HEAD = b"Content-Type: text/plain\n\n"


def say(data: bytes) -> None:
    """Write the response to stdout at once."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def sleep() -> None:
    """Send no response, and never end: 504."""
    time.sleep(SECONDS)


def spin() -> None:
    """Use a whole processor, and ignore SIGTERM: 504."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        pass


def stop() -> None:
    """Stop, as Ctrl-Z does: 504."""
    os.kill(os.getpid(), signal.SIGSTOP)


def late() -> None:
    """Start a response and never end it: the response is cut off."""
    say(HEAD + b"This is the beginning.\n")
    time.sleep(SECONDS)


def flood() -> None:
    """Send an endless response: the response is cut off."""
    say(HEAD)
    for _ in range(64):
        say(b"More. " * 10_000)


def chatter() -> None:
    """Write endlessly to stderr, and respond: 200, and the log is cut off."""
    for _ in range(16):
        sys.stderr.write("Blah. " * 10_000)
    say(HEAD + b"I had much to say.\n")


def exit_() -> None:
    """Give up: 502."""
    sys.exit(3)


def crash() -> None:
    """Crash as programs in C do: 502."""
    os.kill(os.getpid(), signal.SIGSEGV)


def garbage() -> None:
    """Send an invalid response: 502."""
    say(b"\x00\xff what\x01 is this\n\n")


def memory() -> None:
    """Use more memory than a process may have: 502."""
    _taken = [bytearray(MIB) for _ in range(256)]
    time.sleep(SECONDS)


def family() -> None:
    """Use more memory than a function may have, divided among children that use less each: 502."""
    for _ in range(8):
        if os.fork() == 0:
            _taken = os.urandom(16 * MIB)
            time.sleep(SECONDS)
            os._exit(0)
    time.sleep(SECONDS)


def fork() -> None:
    """Start more processes than a function may have: 502."""
    for _ in range(128):
        if os.fork() == 0:
            time.sleep(SECONDS)
            os._exit(0)
    time.sleep(SECONDS)


def orphan() -> None:
    """Respond, and leave a process in a new session behind: 200, and the process is killed."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(SECONDS)
        os._exit(0)
    say(HEAD + b"I am done.\n")


WAYS: dict[str, Callable[[], None]] = {
    way.__name__.rstrip("_"): way
    for way in (sleep, spin, stop, late, flood, chatter, exit_, crash, garbage, memory, family, fork, orphan)
}


def main() -> None:
    """Run the misbehaviour in the path."""
    way = WAYS.get(os.environ.get("FN_PARAM_how", ""))  # noqa: SIM112 - the name of the param
    if way is not None:
        way()
        return
    say(b"Status: 404 Not Found\n" + HEAD)
    for name, way in WAYS.items():
        say(f"{name:8} {way.__doc__}\n".encode())


if __name__ == "__main__":
    main()
