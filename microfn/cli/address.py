"""Addresses that a server listens on, as arguments."""

from __future__ import annotations

__all__ = ["ADDRESS"]

_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}|0)"
ADDRESS = rf"unix:/[A-Za-z0-9_./+~-]+|(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):{_PORT}"
"""A regular expression for HOST:PORT and unix:PATH."""
