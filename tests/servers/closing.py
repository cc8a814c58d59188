"""gunicorn's configuration for `tests.servers.cold`: each worker closes its agent before it ends."""

from __future__ import annotations

from typing import Any

from .hooks import post_worker_init

__all__ = ["post_worker_init", "worker_exit"]


def worker_exit(server: Any, worker: Any) -> None:
    from .cold import agent

    worker.log.info("Closed: %s", agent.close(5))
