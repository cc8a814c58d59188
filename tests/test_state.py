"""Routes change while requests are served: each is answered from the old table or the new one, never a half."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import pytest

from microfn import RouteConflict, Router
from microfn.routing.registry import Registrations
from microfn.routing.table import Table

from .wsgi import call


def say(text):
    return lambda request, params: text


def test_a_route_may_be_added_while_requests_are_served():
    app = Router()
    app.get("/a")(say("a"))
    assert call(app, path="/b").code == 404
    app.get("/b")(say("b"))
    assert call(app, path="/b").text == "b"
    assert call(app, path="/a").text == "a"


def test_an_error_handler_may_be_added_while_requests_are_served():
    app = Router()
    assert call(app, path="/b").code == 404
    app.error(404)(say("mine"))
    assert call(app, path="/b").text == "mine"


def test_a_change_that_is_refused_changes_nothing():
    app = Router()
    app.get("/u/:id")(say("id"))
    assert call(app, path="/u/7").text == "id"
    with pytest.raises(RouteConflict):
        app.route("/u/new", methods=["POST", "GET"])(say("new"))
    assert call(app, "POST", "/u/new").code == 405
    app.post("/u/new")(say("new"))
    assert call(app, "POST", "/u/new").text == "new"


def test_several_changes_are_published_as_one():
    app = Router()
    app.build()
    with app.changes():
        app.get("/a")(say("a"))
        with app.changes():
            app.get("/b")(say("b"))
        app.error(404)(say("mine"))
        assert call(app, path="/a").headers["content-type"] == "application/problem+json"
        assert call(app, path="/b").code == 404
    assert call(app, path="/a").text == "a"
    assert call(app, path="/b").text == "b"
    assert call(app, path="/c").text == "mine"


@pytest.mark.parametrize(
    "publish", [lambda app: app.build(), lambda app: app.lookup("GET", "/"), lambda app: call(app)]
)
def test_snapshot_within_changes_is_the_one_before(publish):
    app = Router()
    app.get("/a")(say("a"))

    def fail():
        with app.changes():
            app.get("/b")(say("b"))
            app.error(404)(say("mine"))
            publish(app)
            assert call(app, path="/b").headers["content-type"] == "application/problem+json"
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert call(app, path="/a").text == "a"
    assert call(app, path="/b").code == 404
    with app.changes():
        publish(app)
        app.get("/b")(say("b"))
    assert call(app, path="/b").text == "b"


def test_a_nested_block_that_fails_is_undone_by_itself():
    app = Router()

    def fail():
        with app.changes():
            app.get("/b", name="b")(say("b"))
            raise KeyError

    with app.changes():
        app.get("/a")(say("a"))
        with pytest.raises(KeyError):
            fail()
        app.get("/c", name="b")(say("c"))
    assert [route.pattern for route in app.routes] == ["/a", "/c"]
    assert [call(app, path=path).code for path in ("/a", "/b", "/c")] == [200, 404, 200]


@pytest.mark.parametrize("is_live", [True, False])
def test_changes_that_fail_are_undone(is_live):
    app = Router()
    app.get("/a", name="a")(say("a"))
    if is_live:
        app.build()

    def fail():
        with app.changes():
            app.get("/b", name="b")(say("b"))
            app.error(404)(say("mine"))
            app.get("/a")(say("twice"))

    with pytest.raises(RouteConflict):
        fail()
    assert [route.pattern for route in app.routes] == ["/a"]
    assert call(app, path="/b").headers["content-type"] == "application/problem+json"
    app.get("/c", name="b")(say("c"))
    app.error(404)(say("mine"))
    assert call(app, path="/c").text == "c"
    assert call(app, path="/b").text == "mine"


def test_before_the_first_request_changes_only_gather():
    app = Router()
    with app.changes():
        app.get("/a")(say("a"))
    assert call(app, path="/a").text == "a"


def in_threads(*functions):
    """Run functions at the same time, and raise the exception of any of them."""
    errors = []

    def run(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not [thread for thread in threads if thread.is_alive()]
    if errors:
        raise errors[0]


@pytest.fixture
def impatient():
    """Threads change places as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_every_answer_is_wholly_of_one_table(impatient):
    app = Router()
    app.get("/0/x")(say("0"))
    app.get("/0/y")(say("0"))
    done = threading.Event()

    def write():
        for number in range(1, 25):
            with app.changes():
                app.get(f"/{number}/x")(say(str(number)))
                app.get(f"/{number}/y")(say(str(number)))
        done.set()

    def read():
        number = 0
        while not done.is_set():
            first, second = (
                call(app, path=f"/{number}/x", validate=False),
                call(app, path=f"/{number}/y", validate=False),
            )
            assert first.code in (200, 404)
            if first.code == 200:
                assert (first.text, second.text) == (str(number), str(number))
                number += 1

    in_threads(write, *[read] * 7)
    assert len(app.routes) == 50


def test_many_threads_may_register_at_once(impatient):
    app = Router()
    app.build()

    def register(first):
        for number in range(first, 160, 8):
            app.get(f"/{number}")(say(str(number)))

    in_threads(*[lambda first=first: register(first) for first in range(8)])
    assert sorted(int(call(app, path=f"/{number}").text) for number in range(160)) == list(range(160))


def test_many_threads_may_send_the_first_request(impatient):
    app = Router()
    for number in range(300):
        app.get(f"/{number}")(say(str(number)))
    start = threading.Barrier(8)
    sites = []

    def first():
        start.wait()
        assert call(app, path="/7", validate=False).text == "7"
        sites.append(app._snapshot)

    in_threads(*[first] * 8)
    assert len(set(map(id, sites))) == 1


def test_first_requests_and_registrations_may_come_at_once(impatient):
    for _ in range(5):
        app = Router()
        for number in range(100):
            app.get(f"/{number}")(say(str(number)))
        start = threading.Barrier(8)

        def first(app=app, start=start):
            start.wait()
            assert codes(app, "/7", "/99") == [200, 200]

        def register(app=app, start=start):
            start.wait()
            for number in range(100, 120):
                app.group(f"/g{number}").get("/x", name=f"g{number}")(say(str(number)))

        in_threads(*[first] * 7, register)
        assert codes(app, *[f"/g{number}/x" for number in range(100, 120)]) == [200] * 20
        assert app.url_for("g119") == "/g119/x"


def test_no_lock_is_taken_for_a_request():
    app = Router()
    app.get("/a")(say("a"))
    app.build()
    with app.changes():
        in_threads(lambda: call(app, path="/a"), lambda: call(app, path="/nope"))


@pytest.mark.parametrize("fails", [True, False])
def test_what_is_open_is_undone_in_a_forked_child(fails, after_fork_in_child):
    app = Router()
    app.get("/a")(say("a"))
    with suppress(KeyError), app.changes():
        app.get("/half")(say("half"))
        after_fork_in_child()
        assert [route.pattern for route in app.routes] == ["/a"]
        app.get("/b")(say("b"))
        if fails:
            raise KeyError
    assert codes(app, "/a", "/b", "/half") == [200, 200, 404]
    after_fork_in_child()
    assert codes(app, "/a", "/b") == [200, 200]


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is nothing to be forked")


def is_true_in_a_child(check):
    """Whether a process that is forked here says so, within twenty seconds."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(20)
            code = 0 if check() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def codes(app, *paths):
    return [call(app, path=path, validate=False).code for path in paths]


@contextmanager
def a_thread_that_waits_in(monkeypatch, owner, name, function):
    """Another thread calls the function, and stands still in this method of a class until the block is left."""
    waits, goes_on, method = threading.Event(), threading.Event(), getattr(owner, name)

    def stand_still(*args):
        result = method(*args)
        if threading.current_thread() is thread:
            waits.set()
            goes_on.wait(30)
        return result

    monkeypatch.setattr(owner, name, stand_still)
    thread = threading.Thread(target=function)
    thread.start()
    assert waits.wait(30)
    try:
        yield
    finally:
        goes_on.set()
        thread.join(60)


def serves_and_registers(app):
    """Whether it does both, in this thread and in others."""
    app.get("/mine")(say("mine"))
    in_threads(*[lambda number=number: app.get(f"/own/{number}")(say("own")) for number in range(8)])
    in_threads(*[lambda: codes(app, "/a")] * 8)
    return codes(app, "/a", "/mine", *[f"/own/{number}" for number in range(8)]) == [200] * 10


@forks
@pytest.mark.parametrize("is_live", [True, False])
@pytest.mark.parametrize(
    ("owner", "name", "begin"),
    [
        (Table, "add", lambda app: app.get("/half")(say("half"))),
        (Table, "compile", lambda app: (app.get("/half")(say("half")), app.build())),
        (Registrations, "copy", lambda app: app.changes().__enter__()),
    ],
)
def test_a_child_is_free_of_what_another_thread_was_doing(monkeypatch, owner, name, begin, is_live):
    """Another thread registers, publishes for the first time or again, or is in a block. The child does not wait."""
    app = Router()
    app.get("/a")(say("a"))
    if is_live:
        app.build()
    with a_thread_that_waits_in(monkeypatch, owner, name, lambda: begin(app)):
        assert is_true_in_a_child(lambda: serves_and_registers(app) and gc.isenabled())


@forks
def test_forked_child_has_no_open_block_of_another_thread():
    app = Router()
    app.get("/a")(say("a"))
    app.build()
    holding, leave = threading.Event(), threading.Event()

    def hold():
        with app.changes():
            app.get("/half")(say("half"))
            holding.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(30)
    assert is_true_in_a_child(lambda: serves_and_registers(app) and codes(app, "/half") == [404])
    leave.set()
    holder.join(60)
    assert codes(app, "/a", "/half", "/mine") == [200, 200, 404]


@forks
@pytest.mark.parametrize("is_built", [True, False])
def test_a_child_may_be_forked_by_any_thread(is_built):
    app = Router()
    app.get("/a")(say("a"))
    if is_built:
        assert codes(app, "/a") == [200]
    found = []
    in_threads(lambda: found.append(is_true_in_a_child(lambda: serves_and_registers(app))))
    assert found == [True]
    assert codes(app, "/a", "/mine") == [200, 404]


@forks
@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("is_live", [True, False])
def test_a_child_forked_inside_of_a_block_has_left_it(is_live, fails):
    """The child may never reach the end of the block (multiprocessing). If it does, nothing happens."""
    app, parent, code = Router(), os.getpid(), 1
    app.get("/a")(say("a"))
    if is_live:
        app.build()
    try:
        with app.changes():
            app.get("/half")(say("half"))
            with suppress(KeyError), app.changes():
                child = os.fork()
                if child == 0:
                    signal.alarm(20)
                    assert serves_and_registers(app)
                    if fails:
                        raise KeyError
        code = 0 if codes(app, "/a", "/mine", "/half") == [200, 200, 404] and len(app.routes) == 10 else 2
    finally:
        if os.getpid() != parent:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert codes(app, "/a", "/mine", "/half") == [200, 404, 200]


def test_threads_that_include_one_router_do_not_block():
    app, other = Router(), Router()
    other.get("/x")(say("x"))
    inside, is_tried = threading.Event(), threading.Event()

    def in_a_block():
        with app.changes():
            inside.set()
            is_tried.wait(30)
            app.include("/one", other)

    def alone():
        inside.wait(30)
        threading.Timer(0.1, is_tried.set).start()
        app.include("/two", other)

    in_threads(in_a_block, alone)
    assert codes(app, "/one/x", "/two/x") == [200, 200]


def test_the_lock_is_of_the_kind_that_threads_have_now(monkeypatch):
    """gevent may make greenlets of threads when the application is there; threads' lock would let all of them in."""
    app, new_lock = Router(), threading.Lock
    with app.changes():
        monkeypatch.setattr(threading, "Lock", lambda: new_lock())
        in_threads(lambda: app.get("/a")(say("a")))
        monkeypatch.undo()
    assert call(app, path="/a").text == "a"


GREENLETS = """
import gevent.monkey
from microfn import Router

app = Router()
app.build()
gevent.monkey.patch_all()
import gevent
seen = []

def change():
    try:
        with app.changes():
            app.get("/half")(lambda request, params: "")
            seen.append("begun")
            gevent.sleep(0.05)
            seen.append("undone")
            raise KeyError
    except KeyError:
        pass

def register():
    app.get("/b")(lambda request, params: "")
    seen.append("registered")

gevent.joinall([gevent.spawn(change), gevent.spawn(register)])
print(seen, [route.pattern for route in app.routes], app.test_client().get("/b").status)
"""


@pytest.mark.slow
def test_greenlets_wait_even_if_the_application_came_first():
    """The application may be older than the patch that makes locks of greenlets."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREENLETS],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("['begun', 'undone', 'registered'] ['/b'] 200 OK\n", "")


def test_a_route_may_be_removed_and_registered_again():
    app = Router()
    app.get("/a", name="a")(say("a"))
    app.post("/a")(say("post"))
    assert call(app, path="/a").text == "a"
    app.remove("GET", "/a")
    assert call(app, path="/a").code == 405
    app.get("/a", name="a")(say("again"))
    assert call(app, path="/a").text == "again"
    assert [route.method for route in app.routes] == ["POST", "GET"]


def test_route_of_a_group_may_be_removed_before_any_request():
    app = Router()
    group = app.group("/g")
    group.get("/:id")(say("id"))
    group.remove("GET", "/:id")
    group.get("/new")(say("new"))
    assert call(app, path="/g/new").text == "new"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/b"), ("POST", "/a"), ("get", "/a"), ("GET", "/:x"), ("GET", None)]
)
def test_what_is_not_there_cannot_be_removed(method, path):
    app = Router()
    app.get("/a")(say("a"))
    with pytest.raises(LookupError, match=r"must be that of a registered route"):
        app.remove(method, path)
    assert call(app, path="/a").text == "a"


def test_the_garbage_collector_is_left_as_it_was():
    app = Router()
    gc.disable()
    try:
        app.build()
        assert not gc.isenabled()
    finally:
        gc.enable()
    app.get("/a")(say("a"))
    assert gc.isenabled()


@pytest.mark.parametrize("is_live", [True, False])
def test_collector_rests_until_the_outermost_block_ends(is_live):
    app = Router()
    if is_live:
        app.build()
    with app.changes():
        with app.changes():
            app.get("/a")(say("a"))
        assert not gc.isenabled()
        with suppress(KeyError), app.changes():
            raise KeyError
        assert not gc.isenabled()
    assert gc.isenabled()


def test_collector_runs_after_a_block_that_fails():
    app = Router()
    with suppress(KeyError), app.changes():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_collector_runs_in_a_child_that_is_forked_in_a_block(after_fork_in_child):
    app = Router()
    app.get("/a")(say("a"))
    with app.changes():
        after_fork_in_child()
        assert gc.isenabled()
        app.get("/b")(say("b"))
        assert gc.isenabled()
    assert gc.isenabled()


def test_collector_that_was_off_stays_off_after_a_block():
    app = Router()
    gc.disable()
    try:
        with app.changes():
            app.get("/a")(say("a"))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_several_changes_replace_a_table_at_once():
    app = Router()
    app.get("/:id")(say("old"))
    assert call(app, path="/x").text == "old"
    with app.changes():
        app.remove("GET", "/:id")
        app.get("/x")(say("new"))
        app.use(lambda handle: handle)
        assert call(app, path="/x").text == "old"
    assert call(app, path="/x").text == "new"
    assert call(app, path="/y").code == 404


def test_readers_see_one_table_or_the_other_while_a_writer_flips(monkeypatch, impatient):  # noqa: C901 - the threads are told in one place
    """Eight threads: each answer is wholly of one table, and no reader builds anything."""
    app, builders, wrong, counts, done = Router(overlap=True), set(), [], [], threading.Event()
    compiled = Table.compile
    monkeypatch.setattr(Table, "compile", lambda table: (builders.add(threading.get_ident()), compiled(table))[1])
    patterns = ["/a", "/:who/name", "/files/*path"]

    def fill(name):
        def tell(request, params):
            # All that is registered is of the table that the request was answered from.
            return [name, {route.handle is tell for route in request._snapshot.table.routes} == {True}]

        for pattern in patterns:
            app.get(pattern)(tell)

    def read():
        count = 0
        while not done.is_set():
            for path in "/a", "/x/name", "/files/a":
                got = call(app, path=path, validate=False)
                count += 1
                if got.code != 200 or got.json not in (["a", True], ["b", True]):
                    wrong.append(got)
        counts.append(count)

    app.use(lambda handle: handle)
    fill("a")
    app.build()
    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for turn in range(100):
        with app.changes():
            for pattern in patterns:
                app.remove("GET", pattern)
            fill("ba"[turn % 2])
    done.set()
    for reader in readers:
        reader.join(60)
    assert wrong == []
    assert len(counts) == 8
    assert builders == {threading.get_ident()}
