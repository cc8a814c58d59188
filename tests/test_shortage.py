"""Failures of the machine, distinguished from those of a client or of a path."""

from __future__ import annotations

import errno

import pytest

from microfn.shortage import is_shortage

SHORTAGES = [MemoryError(), *(OSError(getattr(errno, name), name) for name in ("EMFILE", "ENFILE", "ENOSPC", "EIO"))]
OTHERS = [FileNotFoundError(errno.ENOENT, "no"), OSError(errno.ELOOP, "a loop"), OSError("no number"), ValueError(24)]


@pytest.mark.parametrize("error", SHORTAGES, ids=repr)
def test_is_shortage_where_the_machine_lacks_something(error):
    assert is_shortage(error)


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_is_shortage_of_any_other_error_is_false(error):
    assert not is_shortage(error)
