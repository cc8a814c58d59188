"""The limits of a call that a process answers."""

from __future__ import annotations

from typing import NamedTuple

from ..arguments import check_number
from .memory import MIB, check_memory

__all__ = ["Limits", "check_limits"]

LEAST_DESCRIPTORS = 4
"""Its input, output and log, and one to load its libraries."""
LEAST_OF_HANDLE = {"memory": 20, "descriptors": 6}
"""MiB that a Python with microfn has resident, and files that it opens together while it starts."""
LEAST_ADDRESSES = 3
"""MiB in which `true` can be loaded, with its libraries."""


class Limits(NamedTuple):
    """How much of each resource the processes of one call may have.

    `memory` is taken from the agent's memory, and limits the resident memory of the call's processes, `addresses` the
    address space of each of them (None for no limit), both in MiB. `output` and `log` are bytes of stdout and stderr,
    `processes` counts threads too, `descriptors` are those of each process.
    """

    memory: int = 0
    addresses: int | None = None
    output: int = 64 * MIB
    log: int = 64 * 1024
    processes: int = 64
    descriptors: int = 256


def check_limits(
    *,
    memory: object,
    addresses: object,
    output: object,
    log: object,
    processes: object,
    descriptors: object,
    is_handle: bool = False,
) -> Limits:
    """Return the limits of a function. Raises TypeError and ValueError if no program can run in them, or no handle."""
    limits = Limits(
        memory=check_memory(memory),
        addresses=None if addresses is None else _check_addresses(addresses),
        output=check_number("output", output),
        log=check_number("log", log),
        processes=check_number("processes", processes),
        descriptors=_check_least("descriptors", check_number("descriptors", descriptors), LEAST_DESCRIPTORS),
    )
    if is_handle:
        for name, least in LEAST_OF_HANDLE.items():
            _check_least(name, getattr(limits, name), least, "handle")
    return limits


def _check_addresses(addresses: object) -> int:
    return _check_least("addresses", check_memory(addresses, "addresses"), LEAST_ADDRESSES)


def _check_least(name: str, value: int, least: int, kind: str = "program") -> int:
    if value < least:
        raise ValueError(f"{name} must be {least} or more, got {value}; no {kind} runs with less")
    return value
