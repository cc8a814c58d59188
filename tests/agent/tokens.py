"""A token that tells a test what became of it."""

from __future__ import annotations

__all__ = ["CountedToken"]


class CountedToken:
    """A token that counts how often it is released; `files` are those that are locked for it."""

    def __init__(self, *files):
        self.releases = 0
        self.count = 1
        if files:
            self.files = list(files)

    def release(self):
        self.releases += 1
