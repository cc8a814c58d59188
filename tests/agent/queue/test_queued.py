"""Requests that become queued calls."""

import io
import sqlite3
import subprocess
import sys
import threading

import pytest

from microfn import Request, Router
from microfn.agent import Agent
from microfn.agent.queue import agent_queue, queued
from microfn.agent.queue.execution import execute
from microfn.agent.queue.record import StoreError

from .. import handles


@pytest.fixture
def cat(agent):
    return agent.cold(["cat"], memory=16, timeout=5, name="cat")


@pytest.fixture
def app(agent, cat):
    app = Router()
    app.post("/reports/:n", convert={"n": int})(agent.queued(cat, retries=1, expires=60, keep=5, timeout=2))
    app.mount("/calls", agent.calls)
    return app


def stored(agent, response):
    return agent.queue.store.stored(response.json["id"])


def test_request_is_stored_and_answered_with_202(agent, app):
    response = app.test_client().post(
        "/reports/7?a=%C3%A9&b", data=b"\xff\0", headers={"X-Odd": "\xff", "Fn-Attempt": "9"}
    )
    assert response.status_code == 202
    call_id = response.json["id"]
    assert len(call_id) == 32
    assert response.json == {"id": call_id}
    assert response.headers["Fn-Call-Id"] == call_id
    assert response.headers["Location"] == f"/calls/{call_id}"
    call = stored(agent, response)
    assert (call.function, call.method, call.path, call.params) == ("cat", "POST", "/reports/7?a=%C3%A9&b", {"n": 7})
    assert (call.body, call.retries, call.keep, call.timeout) == (b"\xff\0", 1, 5, 2)
    assert call.expires_at == call.enqueued_at + 60
    assert call.headers["X-Odd"] == "\udcff"
    assert not {"Fn-Attempt", "Content-Length"} & {name.title() for name in call.headers}


def test_location_has_the_prefix_of_the_mount(agent, cat):
    app = Router()
    app.post("/r")(agent.queued(cat))
    group = app.group("/private")
    group.mount("/calls", agent.calls)
    response = app.test_client().post("/r", base_url="http://localhost/shop/")
    assert response.headers["Location"] == f"/shop/private/calls/{response.json['id']}"


def test_location_has_the_prefix_of_a_route(agent, cat):
    app = Router()
    app.post("/r")(agent.queued(cat))
    app.get("/mine/*path")(agent.calls)
    client = app.test_client()
    response = client.post("/r")
    assert response.headers["Location"] == f"/mine/{response.json['id']}"
    assert client.get(response.headers["Location"]).json["state"] == "queued"


def test_there_is_no_location_without_the_application(agent, cat):
    app = Router()
    app.post("/r")(agent.queued(cat))
    response = app.test_client().post("/r")
    assert (response.status_code, "Location" in response.headers) == (202, False)


def test_there_is_no_location_without_a_router(agent, cat):
    response = agent.queued(cat)(Request.from_values("/r", method="POST"), {})
    assert (response.status_code, "Location" in response.headers) == (202, False)


def test_same_key_and_request_is_one_call(agent, app):
    client = app.test_client()
    key = {"Idempotency-Key": "key"}
    first, second = (client.post("/reports/1", data=b"a", headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json == second.json
    assert len(agent.queue.store.entries()) == 1


@pytest.mark.parametrize(("path", "body"), [("/reports/1", b"b"), ("/reports/1?q", b"a"), ("/reports/1", b"")])
def test_same_key_and_another_body_is_422(app, path, body):
    client = app.test_client()
    key = {"Idempotency-Key": "key"}
    client.post("/reports/1", data=b"a", headers=key)
    response = client.post(path, data=body, headers=key)
    assert response.status_code == 422
    assert "Idempotency-Key" in response.json["detail"]


def test_key_is_one_of_its_route_and_scope(agent, cat):
    app = Router()
    handle = agent.queued(cat, scope=lambda request: request.headers["X-User"])
    app.post("/a")(handle)
    app.put("/a")(handle)
    app.post("/b")(handle)
    client = app.test_client()

    def ask(path, user, method="POST"):
        headers = {"Idempotency-Key": "key", "X-User": user}
        return client.open(path, method=method, headers=headers).json["id"]

    assert ask("/a", "ann") == ask("/a", "ann")
    assert len({ask("/a", "ann"), ask("/a", "bob"), ask("/b", "ann"), ask("/a", "ann", "PUT")}) == 4


def test_two_with_one_key_at_once_are_one_call(agent, app):
    agent.queue.store.open()
    found = []

    def post():
        found.append(app.test_client().post("/reports/1", headers={"Idempotency-Key": "key"}))

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {response.status_code for response in found} == {202}
    assert len({response.json["id"] for response in found}) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
def test_key_that_is_none_is_400(app, key):
    assert app.test_client().post("/reports/1", headers={"Idempotency-Key": key}).status_code == 400


def test_scope_that_is_no_text_is_an_error(agent, cat):
    app = Router()
    app.post("/a")(agent.queued(cat, scope=lambda request: None))
    client = app.test_client()
    assert client.post("/a", headers={"Idempotency-Key": "key"}).status_code == 500
    assert client.post("/a").status_code == 202


@pytest.mark.parametrize("limit", [None, 1000])
def test_body_over_the_limit_is_413(agent, cat, monkeypatch, limit):
    monkeypatch.setattr(queued, "LARGEST_BODY", 10)
    app = Router()
    options = {} if limit is None else {"max_content_length": limit}
    app.post("/a", **options)(agent.queued(cat))
    client = app.test_client()
    assert client.post("/a", data=b"x" * 11).status_code == 413
    assert client.post("/a", data=b"x" * 10).status_code == 202
    assert len(agent.queue.store.entries()) == 1


def test_store_that_fails_is_503_and_never_202(app, agent, monkeypatch):
    def fail(call):
        raise StoreError("the store cannot be written: database or disk is full")

    monkeypatch.setattr(agent.queue.store, "put", fail)
    response = app.test_client().post("/reports/1")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "full" not in response.text
    assert "Location" not in response.headers


@pytest.mark.slow
def test_locked_file_is_503_and_works_again(app, agent, sqlite_url):
    client = app.test_client()
    client.post("/reports/1")
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert client.post("/reports/1").status_code == 503
    other.execute("ROLLBACK")
    other.close()
    assert client.post("/reports/1").status_code == 202
    assert len(agent.queue.store.entries()) == 2


def test_what_does_not_fit_the_route_is_422_and_not_stored(agent, cat):
    app = Router()
    app.post("/a", valid=list[int], query=lambda args: int(args["n"]))(agent.queued(cat))
    client = app.test_client()
    assert client.post("/a?n=1", json=["x"]).status_code == 422
    assert client.post("/a?n=x", json=[1]).status_code == 422
    response = client.post("/a?n=1", json=[1])
    assert (response.status_code, stored(agent, response).body) == (202, b"[1]")
    assert len(agent.queue.store.entries()) == 1


def test_handle_of_no_route_stores_too(agent, cat):
    queued = agent.queued(cat)
    response = queued(Request({"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": io.BytesIO()}), {})
    assert response.status_code == 202
    assert "Location" not in response.headers


def test_path_with_a_question_mark_keeps_it(agent, cat):
    app = Router()
    app.post("/:name")(agent.queued(cat))
    call = stored(agent, app.test_client().post("/a%3Fb?c=d"))
    assert (call.path, call.params) == ("/a%3Fb?c=d", {"name": "a?b"})


@pytest.mark.parametrize("query", [b"a=\xc3\xa9", b"a=%C3%A9"])
def test_query_comes_as_it_was_sent(agent, query):
    queued = agent.queued(handles.tell_query)
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": query.decode("latin-1")}
    request = Request(environ | {"wsgi.input": io.BytesIO()})
    call = stored(agent, queued(request, {}))
    outcome = execute(agent, {queued.name: queued}, call, executions=1, losses=0)
    assert outcome.body.decode() == request.args["a"]


def test_params_are_stored_as_json_has_them(agent, cat):
    app = Router()
    app.post("/:x/:y/:z", convert={"x": float, "y": complex, "z": lambda text: float("inf")})(agent.queued(cat))
    response = app.test_client().post("/1.5/2j/3")
    assert stored(agent, response).params == {"x": 1.5, "y": "2j", "z": "inf"}


def test_what_cannot_be_queued_is_refused(agent, cat):
    for function, error in (
        ("cat", TypeError),
        (None, TypeError),
        (agent.queued(cat), TypeError),
        (Agent(ram="256M").cold(["cat"], memory=16, timeout=5), ValueError),
    ):
        with pytest.raises(error, match=r"^function must"):
            agent.queued(function)
    with pytest.raises(ValueError, match="must have a name that is not queued yet, got 'cat'; pass name="):
        agent.queued(cat)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"retries": -1}, ValueError),
        ({"retries": 1.5}, TypeError),
        ({"expires": 0}, ValueError),
        ({"expires": "1"}, TypeError),
        ({"keep": 1e10}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"scope": "user"}, TypeError),
    ],
)
def test_options_of_a_queued_function_are_checked(agent, cat, options, error):
    with pytest.raises(error, match=next(iter(options))):
        agent.queued(cat, **options)


def test_agent_without_a_queue_refuses_queued_functions():
    agent = Agent(ram="256M")
    cat = agent.cold(["cat"], memory=16, timeout=5, name="cat")
    for use in lambda: agent.queued(cat), lambda: agent.calls, lambda: agent.queue:
        with pytest.raises(RuntimeError, match=r"pass Agent\(queue=…\)"):
            use()


def test_missing_extra_is_told_when_a_function_is_queued(cat, agent, monkeypatch):
    monkeypatch.setattr(agent_queue, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match=r"pip install 'microfn\[queue\]'"):
        agent.queued(cat)


def test_name_of_a_handle_is_where_it_is(agent):
    made = agent.queued(agent.cold(handles.echo, memory=64, timeout=5))
    assert made.name == "tests.agent.handles:echo"
    assert repr(made) == "<Queued tests.agent.handles:echo>"


@pytest.mark.slow
def test_engine_is_not_imported_before_the_first_call(sqlite_url):
    program = f"""
import sys
from microfn import Router
from microfn.agent import Agent
app, agent = Router(), Agent(ram="256M", queue={sqlite_url!r})
app.post("/a")(agent.queued(agent.cold(["cat"], memory=16, timeout=5, name="cat")))
app.mount("/calls", agent.calls)
assert not {{"dbos", "sqlalchemy", "psycopg"}} & set(sys.modules)
assert app.test_client().post("/a").status_code == 202
assert "dbos" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
