"""A process in which `benchmarks.compare` times one version of microfn.

Commands and answers are lines of JSON. The answer to `{"prepare": "hello"}` is the suitable number of requests of a
turn, or an error. `{"begin": 5000}` sets this number, and `{"turn": true}` returns µs.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from .contestants import build
from .everyday import EVERYDAY
from .measure import Request, Timer, check
from .rows import OTHER, SMALL, VARIANTS, variants

Case = tuple[str, tuple[Request, ...], tuple[Request, ...]]
"""The builder of an application, the requests that are timed, and those that are only checked."""


def cases() -> dict[str, Case]:
    """Return all rows of microfn's, by name."""
    found: dict[str, Case] = {row.name: (row.builders["microfn"], row.requests, ()) for row in SMALL}
    for name in VARIANTS:
        found |= {f"{row.name}, {name}": (variants(row)[name], row.requests, ()) for row in SMALL}
    found |= {row.name: (row.builders["microfn"], row.requests, row.checks) for row in EVERYDAY}
    for name, (contestant, builder, requests) in OTHER.items():
        if contestant == "microfn":
            found[f"other: {name}"] = (builder, requests, ())
    return found


class Session:
    """Answers commands. If a row fails, the answer is an error, and the next command can follow."""

    def __init__(self, seconds: float) -> None:
        self._cases = cases()
        self._seconds = seconds
        self._timer: Timer | None = None

    def answer(self, command: dict[str, Any]) -> Any:
        if "prepare" in command:
            return self._prepare(command["prepare"])
        assert self._timer is not None
        if "begin" in command:
            self._timer.repeat(command["begin"])
            gc.collect()
            gc.freeze()
            return None
        return self._timer.turn()

    def _prepare(self, name: str) -> int:
        gc.unfreeze()
        builder, requests, checks = self._cases[name]
        app = build("microfn", builder)
        check(name, app, checks)
        self._timer = Timer.prepare(name, app, requests, time.thread_time)
        return self._timer.count(self._seconds)


def use_only(package: Path) -> None:
    """Import microfn from a directory. Raises SystemExit if another one is found.

    The finder of an editable install is removed: it would find modules of the checkout that an older version lacks.
    """
    sys.meta_path[:] = [one for one in sys.meta_path if not getattr(one, "__module__", "").startswith("__editable__")]
    import microfn

    place = Path(microfn.__file__).parent
    if place.resolve() != package.resolve():
        raise SystemExit(f"microfn must be imported from {package}, got {place}")


def main(package: str, seconds: float) -> None:
    """Answer the lines of stdin until its end; other output goes to stderr."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    try:
        use_only(Path(package))
    except Exception as error:
        out.write(json.dumps({"fatal": f"{type(error).__name__}: {error}"}) + "\n")
        out.flush()
        raise SystemExit(1) from None
    session = Session(seconds)
    for line in sys.stdin:
        try:
            reply: Any = {"value": session.answer(json.loads(line))}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(reply) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
