"""The handles of `benchmarks.hot`, in a module that other processes can import."""

from __future__ import annotations

import time
from typing import Any

SHORT, LONG = 0.010, 2.5
"""Seconds."""


def answer(request: Any = None, params: Any = None) -> str:
    return "hello"


def short(request: Any = None, params: Any = None) -> str:
    time.sleep(SHORT)
    return "short"


def long(request: Any = None, params: Any = None) -> str:
    time.sleep(LONG)
    return "long"
