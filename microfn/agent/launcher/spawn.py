"""Start a program in a session of its own."""

from __future__ import annotations

import os
import signal

from .limits import at_most, set_hard
from .protocol import LaunchSpec

__all__ = ["spawn"]

# Python ignores SIGPIPE and SIGXFSZ, and an ignored signal stays ignored in a new program.
_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def spawn(spec: LaunchSpec, files: list[int]) -> int:
    """Start a program with these files as its descriptors 0, 1, 2 …, and return its process id.

    Its limits apply from its first moment. Raises OSError if the program cannot be started.
    """
    os.chdir(spec.cwd)
    with at_most(spec.addresses, max(spec.descriptors, max(files) + 1)):
        pid = os.posix_spawn(
            spec.argv[0],
            spec.argv,
            spec.env,
            file_actions=[(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate(files)],
            setsid=True,
            setsigmask=(),
            setsigdef=_SIGNALS,
        )
    set_hard(pid, spec.addresses, spec.descriptors)
    return pid
