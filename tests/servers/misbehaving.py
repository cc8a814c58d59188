"""Functions that misbehave: `python misbehaving.py NAME KEY`.

Each process ends within `LONGEST` seconds, even if a test fails to end it. The key is in the command of each process,
so that a test finds those that are left.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time

LONGEST = 20.0


def say(text: str) -> None:
    os.write(1, text.encode("ascii"))


def idle(seconds: float = LONGEST) -> None:
    """Sleep, even if signals come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(end - time.monotonic())


def fork(then: str = "idle") -> None:
    """Fork a child that calls this function and ends."""
    if os.fork() == 0:
        try:
            globals()[then]()
        finally:
            os._exit(0)


def tell() -> None:
    """Behave well: write the call's id, and echo its input."""
    call = os.environ["FN_CALL_ID"]
    os.write(2, b"said by %b\n" % call.encode("ascii"))
    time.sleep(float(os.environ.get("QUERY_STRING") or "0"))
    os.write(1, b"%b " % call.encode("ascii"))
    while data := os.read(0, 65536):
        os.write(1, data)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_midway() -> None:
    say("half")
    time.sleep(0.2)
    killed()


def killed_in_a_slow_group() -> None:
    """Die while the group lives on: a grandchild stays in it until its parent, which left the session, is killed."""
    ready, told = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.closerange(0, 3)
            os.write(told, b".")
            idle()
        os.setsid()
        os.closerange(0, 3)
        os.write(told, b".")
        idle()
    for _ in range(2):
        os.read(ready, 1)
    say("half")
    time.sleep(0.7)
    killed()


def silent() -> None:
    pass


def failing() -> None:
    sys.exit(3)


def deaf() -> None:
    for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGTERM)
    idle()


def spinning() -> None:
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        pass


def stopped() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def dripping() -> None:
    for _ in range(100):
        say(".")
        time.sleep(0.2)


def keeping_the_pipe() -> None:
    fork()
    say("answered")


def keeping_the_pipe_in_silence() -> None:
    fork()


def leave_the_session() -> None:
    os.setsid()
    _stay_away()


def leave_the_session_and_the_parent() -> None:
    os.setsid()
    fork("_stay_away")


def leave_everything() -> None:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-I", "-S", __file__, "idle", sys.argv[2]], {})


def _stay_away() -> None:
    os.closerange(3, 64)
    idle()


def _escaping(how: str) -> None:
    """Respond after the escape. The pipe ends if each child has executed a program or closed its end."""
    away, here = os.pipe()
    fork(how)
    os.close(here)
    os.read(away, 1)
    say("answered")


def escaping() -> None:
    _escaping("leave_the_session")


def escaping_twice() -> None:
    _escaping("leave_the_session_and_the_parent")


def escaping_unnamed() -> None:
    _escaping("leave_everything")


def escaping_and_waiting() -> None:
    _escaping("leave_everything")
    idle(0.5)


def flooding() -> None:
    piece = b"." * 65536
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        os.write(1, piece)


def flooding_the_log() -> None:
    for _ in range(128):
        os.write(2, b"!" * 65536)
    say("answered")


def not_reading() -> None:
    idle()


def answering_first() -> None:
    say("answered")
    os.close(1)
    idle(0.2)


def answering_twice() -> None:
    say("Content-Length: 5\n\nfirstStatus: 200\n\nsecond")


def answering_twice_later() -> None:
    say("Content-Length: 5\n\nfirst")
    time.sleep(0.1)
    say("Status: 200\n\nsecond")


def answering_less() -> None:
    say("Content-Length: 50\n\nfew")


def talking_nonsense() -> None:
    os.write(1, bytes(range(256)) + b"\n\nbody")


def talking_http() -> None:
    say("HTTP/1.1 200 OK\r\n\r\nbody")


def splitting_headers() -> None:
    os.write(1, b"X-Name: a\0b\r\n\r\nbody")


def inventing_a_status() -> None:
    say("Status: 999 Wild\n\nbody")


def never_ending_its_head() -> None:
    for number in range(20):
        say(f"X-{number}: {'h' * 52000}\n")
    say("\nbody")


def greedy() -> None:
    held = bytearray(512 * 1024 * 1024)
    say(str(len(held)))


def greedy_alone() -> None:
    """Fill the memory gradually."""
    held = [bytearray(b".") * (8 * 1024 * 1024) for _ in range(64)]
    idle(LONGEST / len(held))
    say(str(len(held)))


def greedy_together() -> None:
    """Start processes that each stay below their limit."""
    for _ in range(8):
        fork("_hold")
    idle()


def _hold() -> None:
    held = bytearray(os.urandom(4096) * 6 * 1024)
    idle(10)
    del held


def forking() -> None:
    for _ in range(200):
        fork("_stay")
    idle()


def _stay() -> None:
    idle(5)


def making_threads() -> None:
    threading.stack_size(65536)
    for _ in range(200):
        threading.Thread(target=_stay, daemon=True).start()
    idle()


def opening() -> None:
    for _ in range(2000):
        os.dup(0)
    say("answered")


def filling_the_pipe() -> None:
    """Write until the pipe stays full for a while, and end."""
    os.set_blocking(1, False)
    written = 0
    while select.select([], [1], [], 0.3)[1]:
        written += os.write(1, b"." * 4096)
    os.write(2, b"wrote %d" % written)


def writing_for_ever() -> None:
    flooding()


def ticking() -> None:
    for _ in range(100):
        say("." * 100)
        time.sleep(0.05)


def forking_and_waiting() -> None:
    fork()
    fork()
    idle()


def scattering() -> None:
    """Start processes in the session, out of it, and out of it without a parent."""
    fork()
    fork("leave_the_session")
    fork("leave_the_session_and_the_parent")
    idle()


def _live_for(seconds: float) -> None:
    """Die by a signal after some seconds, so that a fork bomb never outlives its test."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def exploding(depth: int = 8) -> None:
    """Fork 256 processes, each in its own session, and keep the processor busy."""
    _live_for(5)
    while depth:
        depth -= 1
        if os.fork() == 0:
            os.setsid()
            os.closerange(0, 3)
            exploding(depth)
    spinning()


def fleeing() -> None:
    """Run four processes that repeatedly fork, leave the session and end, so that each lives only for a moment."""
    _live_for(5)
    end = time.monotonic() + 5
    for _ in range(4):
        if os.fork() == 0:
            os.closerange(0, 3)
            while time.monotonic() < end:
                if os.fork():
                    os._exit(0)
                os.setsid()
            os._exit(0)
    idle()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
