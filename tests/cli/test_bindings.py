"""The objects that names of functions stand for in the end, and all that an object has been put around."""

from __future__ import annotations

import functools
import sys
from types import SimpleNamespace

from microfn import Router
from microfn.cli.bindings import Bindings, reachable


def test_recording_ends_with_its_block():
    before = sys.getprofile()
    bindings = Bindings()
    with bindings.recorded():
        assert sys.getprofile() is not before
    assert sys.getprofile() is before
    try:
        with bindings.recorded():
            raise RuntimeError
    except RuntimeError:
        assert sys.getprofile() is before


def test_names_of_each_run_are_kept():
    def create():
        app = Router()

        @functools.cache
        @app.get("/")
        def index(request, params): ...

        return app

    bindings = Bindings()
    with bindings.recorded():
        handles = [create().routes[0].handle for _ in range(2)]
    code = handles[0].__code__
    found = bindings.of(code.co_filename, code.co_firstlineno, "index")
    assert [one.__wrapped__ for one in found] == handles
    assert bindings.of(code.co_filename, code.co_firstlineno, "other") == []
    assert bindings.of("other.py", code.co_firstlineno, "index") == []


def test_events_are_seen_one_by_one():
    """The same by hand, since coverage does not measure functions that a profiler calls."""
    bindings = Bindings()

    def see(event, *, frame=None):
        bindings._see(frame or SimpleNamespace(f_code=Router.get.__code__, f_back=sys._getframe(1)), event, None)
        return lambda handle: handle

    @functools.cache
    @see("call")
    def index(request, params): ...

    here, first = sys._getframe(), index
    see("c_call")
    see("call", frame=SimpleNamespace(f_code=see.__code__, f_back=here))
    see("call", frame=SimpleNamespace(f_code=Router.get.__code__, f_back=None))

    @see("call")
    def index(request, params): ...

    for _ in range(2):
        see("return", frame=here)
    code = first.__wrapped__.__code__
    assert bindings.of(code.co_filename, code.co_firstlineno, "index") == [first]
    assert bindings.of(code.co_filename, index.__code__.co_firstlineno, "index") == [index]


def test_registration_outside_of_any_function_is_passed_over():
    """No function begins on the line of a registration, or before it."""
    bindings, app = Bindings(), Router()
    with bindings.recorded():
        exec("app.get('/')(print)\n\n\ndef later(): ...", {"app": app})
    assert bindings.of("<string>", 4, "later") == []


class Holder:
    def __init__(self, function, text="text"):
        self.function = function
        self.text = text

    def __call__(self):
        return self.function()

    def method(self):
        return self.function()


class Proxy:
    @property
    def __wrapped__(self):
        raise RuntimeError("working outside of a request")


def closure(function, *, more=len):
    def inner():
        return function, late

    if function is None:
        late = 1
    return inner


def inner(one, *, two=print):
    return one, two


def test_all_that_is_around_an_object_is_reachable():
    assert reachable(inner) == [inner, print]
    assert len in reachable(closure(len))
    assert len in reachable(functools.partial(inner, len))
    assert len in reachable(functools.partial(inner, key=len))
    assert len in reachable(functools.cache(functools.partial(len)))
    assert len in reachable(Holder(Holder(len)))
    assert len in reachable(Holder(len).method)
    assert len in reachable(lambda function=len: function)
    assert "text" not in reachable(Holder(len))
    assert reachable(Proxy())[1:] == []
    assert reachable(Holder) == [Holder]
    assert reachable(None) == [None]


def test_what_holds_itself_is_looked_at_once():
    one, two = Holder(None), Holder(None)
    one.function, two.function = two, one
    assert reachable(one) == [one, two]


def test_very_many_objects_are_not_all_looked_at():
    outer = functools.partial(len)
    for _ in range(15_000):
        outer = functools.partial(inner, outer)
    assert 10_000 <= len(reachable(outer)) < 15_000
