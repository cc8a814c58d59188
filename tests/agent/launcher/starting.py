"""A launcher in a thread of this process, and the server's side of its functions."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid

from microfn.agent.launcher.protocol import IN_A_FILE, LONGEST_MESSAGE, LaunchSpec

__all__ = ["MIB", "Launched", "Talk", "is_there"]

MIB = 1024 * 1024


class Launched:
    def __init__(self, launcher, way, thread, told, alive):
        self.launcher, self.way, self.thread, self.told = launcher, way, thread, told
        self.alive = [alive]
        self.talks = []

    def start(self, script, *, seconds=60.0, held=(), **limits):
        self.talks.append(Talk(self.way, script, seconds=seconds, held=held, **limits))
        return self.talks[-1]


class Talk:
    """The messages about one function."""

    def __init__(self, way, script, *, seconds, held, **limits):
        spec = LaunchSpec(
            **{
                "call_id": uuid.uuid4().hex,
                "end": time.monotonic() + seconds,
                "memory": 512 * MIB,
                "addresses": None,
                "processes": 64,
                "descriptors": 64,
                "cwd": b"/",
                "argv": [b"/bin/sh", b"-c", script.encode()],
                "env": {},
                **limits,
            }
        )
        spec = spec._replace(env={b"FN_CALL_ID": spec.call_id.encode(), **spec.env})
        self.id = spec.call_id
        self.talk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.out, out = os.pipe()
        nothing = os.open("/dev/null", os.O_RDWR)
        message, written = spec.encode(), []
        if len(message) > LONGEST_MESSAGE:
            written = [os.memfd_create("spec")]
            os.write(written[0], message)
            message = IN_A_FILE
        socket.send_fds(way, [message], [theirs.fileno(), *written, nothing, out, nothing, *held])
        theirs.close()
        for file in *written, nothing, out:
            os.close(file)

    def hear(self):
        self.talk.settimeout(60)
        return self.talk.recv(100).decode()

    def end(self):
        """Return the last reply. If the leader ended earlier, one reply comes before it."""
        heard = self.hear()
        if heard.startswith("exited "):
            ended = self.hear()
            assert ended == heard.replace("exited", "ended")
            return ended
        return heard

    def read(self):
        with open(self.out, encoding="utf-8", closefd=False) as file:
            return file.read()

    def close(self):
        self.talk.close()
        out, self.out = self.out, None
        if out is not None:
            os.close(out)


def is_there(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return ") Z " not in file.read()
    return False
