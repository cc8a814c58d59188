"""Objects that a forked child resets: those that still exist, each once."""

from __future__ import annotations

import gc
import os

import pytest

from microfn.fork import register_fork_reset


class Counted:
    """An object that counts how often it is reset."""

    def __init__(self):
        self.count = 0

    def reset_after_fork(self):
        self.count += 1


def status_of_child(check):
    """The exit code of a forked child: 0 if `check` is true in it."""
    child = os.fork()
    if not child:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to be forked")
def test_forked_child_resets_each_object_once():
    target = Counted()
    register_fork_reset(target)
    register_fork_reset(target)
    assert status_of_child(lambda: target.count == 1) == 0
    assert target.count == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to be forked")
def test_forked_child_resets_no_object_that_is_gone():
    calls = []

    class Kept(Counted):
        def reset_after_fork(self):
            calls.append(self)

    target = Kept()
    register_fork_reset(target)
    del target
    gc.collect()
    assert status_of_child(lambda: calls == []) == 0
