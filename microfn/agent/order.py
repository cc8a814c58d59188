"""The launcher's view of a call: the program, its environment and its limits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import NoReturn

from .call import Call
from .errors import Refused
from .functions.cgi_request import metavariables
from .functions.program import Program
from .functions.texts import LONGEST_TEXT
from .launcher.protocol import LaunchSpec
from .memory import MIB

__all__ = ["check_size", "launch_spec"]

MOST_TEXT = 256 * 1024
"""Bytes of arguments and environment together: half of the room that a process with a small stack has."""


def check_size(program: Program) -> None:
    """Raise ValueError for a program that leaves too little room for the variables of its calls."""
    size = _size(map(os.fsencode, program.argv)) + _size(_lines(_named(program)))
    if size > MOST_TEXT // 2:
        raise ValueError(f"argv and env have {size} bytes, and may have {MOST_TEXT // 2}")


def launch_spec(call: Call, program: Program) -> LaunchSpec:
    """Return the spec of a call. Raises `Refused` if a variable cannot be passed to a process."""
    end = datetime.now(timezone.utc) + timedelta(seconds=call.deadline.left())
    own = {
        b"FN_CALL_ID": call.id.encode("ascii"),
        b"FN_DEADLINE": end.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode("ascii"),
        b"FN_MEMORY": b"%d" % call.limits.memory,
        b"MALLOC_ARENA_MAX": b"1",
    }
    # The program's own variables win: a client must not replace them.
    env = {**own, **metavariables(call.request), **_named(program)}
    env |= {name: own[name] for name in (b"FN_CALL_ID", b"FN_DEADLINE")}
    env.pop(b"CONTENT_LENGTH", None)
    if call.body is not None:
        env[b"CONTENT_LENGTH"] = b"%d" % os.fstat(call.body.fileno()).st_size
    lines = list(_lines(env))
    text = b"\0".join(lines)
    # PERF: all are looked at together, and one by one only to name the wrong one.
    if (
        b"" in env
        or b"=" in b"".join(env)
        or text.count(b"\0") >= len(lines)
        or max(map(len, lines)) + 1 > LONGEST_TEXT
    ):
        _refuse(env)
    argv = [os.fsencode(text) for text in program.argv]
    if _size(argv) + len(text) + 1 > MOST_TEXT:
        raise Refused("The request has more headers than a process can have.")
    return LaunchSpec(
        call_id=call.id,
        end=call.deadline.end,
        memory=call.limits.memory * MIB,
        addresses=None if call.limits.addresses is None else call.limits.addresses * MIB,
        processes=call.limits.processes,
        descriptors=call.limits.descriptors,
        cwd=os.fsencode(program.cwd),
        argv=argv,
        env=env,
    )


def _refuse(env: Mapping[bytes, bytes]) -> NoReturn:
    """Raise `Refused` for the first variable that cannot be passed to a process; there is one."""
    for name, value in env.items():
        if not name or b"=" in name:
            raise Refused(f"{_shown(name)} is an invalid name for an environment variable.")
        if b"\0" in name or b"\0" in value:
            raise Refused(f"{_shown(name)} contains a NUL, which no environment variable can have.")
    longest = max(env, key=lambda name: len(name) + len(env[name]))
    raise Refused(f"{_shown(longest)} has more bytes than a process can have.")


def _shown(name: bytes) -> str:
    return ascii(name.decode("latin-1"))


def _size(texts: Iterable[bytes]) -> int:
    return sum(len(text) + 1 for text in texts)


def _lines(env: Mapping[bytes, bytes]) -> Iterator[bytes]:
    return (name + b"=" + value for name, value in env.items())


def _named(program: Program) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in program.env.items()}
