"""A module with a handle, which another process cannot import."""

from __future__ import annotations

import os

if "FN_MEMORY" in os.environ:
    raise ImportError("it has no license here")


def handle(request, params):
    return "never"
