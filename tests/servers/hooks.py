"""gunicorn's configuration: each worker reports when it is ready.

If a SIGTERM comes earlier, it is lost: a new worker still has the master's handlers, whose queue is never read there.
"""

from __future__ import annotations

from typing import Any


def post_worker_init(worker: Any) -> None:
    worker.log.info("Ready: worker %s", worker.pid)
