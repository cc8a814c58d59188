"""gunicorn's access log, without unwanted paths, and without lines that the application writes itself."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

__all__ = ["IS_LOGGED", "NO_LOG", "quieten", "unlogged_paths"]

NO_LOG = "MICROFN_NO_LOG"
"""The environment variable with paths to omit from access logs: percent-encoded, separated by spaces."""
IS_LOGGED = "microfn.logged"
"""True in the environ of a request if the application writes its line."""


def unlogged_paths() -> frozenset[str]:
    """Return the paths to omit from access logs, as WSGI strings.

    >>> os.environ[NO_LOG] = "/healthz /caf%C3%A9"
    >>> sorted(unlogged_paths()) == ["/cafÃ©", "/healthz"]
    True
    >>> del os.environ[NO_LOG]
    """
    return frozenset(_decoded(path) for path in os.environ.get(NO_LOG, "").split())


def quieten() -> None:
    """Filter gunicorn's access log in this process if `NO_LOG` is set, even if it is empty. `microfn serve` sets it.

    A `--logger-class` would import microfn into gunicorn's main process, which keeps it even if workers are replaced.
    """
    if NO_LOG in os.environ:
        logging.getLogger("gunicorn.access").addFilter(_Wanted(unlogged_paths()))


class _Wanted(logging.Filter):
    """Accepts the lines to log."""

    def __init__(self, paths: frozenset[str]) -> None:
        super().__init__()
        self.paths = paths

    def filter(self, record: logging.LogRecord) -> bool:
        # gunicorn passes the values for the format. The target of the request is that of the environ, a str.
        atoms = record.args if isinstance(record.args, Mapping) else {}
        if atoms.get(f"{{{IS_LOGGED}}}e"):
            return False
        return _decoded(str(atoms.get("{raw_uri}e", "")).partition("?")[0]) not in self.paths


def _decoded(path: str) -> str:
    return unquote_to_bytes(os.fsencode(path)).decode("latin-1")
