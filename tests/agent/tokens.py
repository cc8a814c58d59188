"""A token that records its releases for a test."""

from __future__ import annotations

__all__ = ["CountedToken"]


class CountedToken:
    """A token that counts its releases; `files` are the files that are locked for it."""

    def __init__(self, *files):
        self.releases = 0
        self.count = 1
        if files:
            self.files = list(files)

    def release(self):
        self.releases += 1
