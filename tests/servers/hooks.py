"""gunicorn's configuration: each worker tells when it is ready.

Before that a SIGTERM is lost on it: a worker begins with the master's own handlers, which queue what nobody reads.
"""

from __future__ import annotations

from typing import Any


def post_worker_init(worker: Any) -> None:
    worker.log.info("Ready: worker %s", worker.pid)
