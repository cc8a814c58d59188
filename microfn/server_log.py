"""The access log of gunicorn, without paths that nobody wants to see, and without lines that the application has."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

__all__ = ["IS_LOGGED", "NO_LOG", "quieten", "unlogged_paths"]

NO_LOG = "MICROFN_NO_LOG"
"""The environment variable with paths that no access log shows: percent-encoded, separated by blanks."""
IS_LOGGED = "microfn.logged"
"""True in the environ of a request for which the application writes a line."""


def unlogged_paths() -> frozenset[str]:
    """Return the paths that no access log shows, as WSGI has them.

    >>> os.environ[NO_LOG] = "/healthz /caf%C3%A9"
    >>> sorted(unlogged_paths()) == ["/cafÃ©", "/healthz"]
    True
    >>> del os.environ[NO_LOG]
    """
    return frozenset(_decoded(path) for path in os.environ.get(NO_LOG, "").split())


def quieten() -> None:
    """Filter gunicorn's access log in this process, if `NO_LOG` is set, even to nothing: `microfn serve` does that.

    A `--logger-class` would need microfn in gunicorn's first process, which keeps it when workers are replaced.
    """
    if NO_LOG in os.environ:
        logging.getLogger("gunicorn.access").addFilter(_Wanted(unlogged_paths()))


class _Wanted(logging.Filter):
    """Lets the lines pass that are wanted."""

    def __init__(self, paths: frozenset[str]) -> None:
        super().__init__()
        self.paths = paths

    def filter(self, record: logging.LogRecord) -> bool:
        # gunicorn hands over what a format may name: the request's target is the environ's, a str.
        atoms = record.args if isinstance(record.args, Mapping) else {}
        if atoms.get(f"{{{IS_LOGGED}}}e"):
            return False
        return _decoded(str(atoms.get("{raw_uri}e", "")).partition("?")[0]) not in self.paths


def _decoded(path: str) -> str:
    return unquote_to_bytes(os.fsencode(path)).decode("latin-1")
