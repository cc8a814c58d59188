"""The application that serves the states and results of calls."""

import pytest

from microfn import Router
from microfn.agent.queue.record import Entry, Outcome, StoreError

ID = "0123456789abcdef" * 2
OUTCOME = Outcome(
    *("success", 2, 1.0, 2.0, None),
    status="201 Created",
    headers=(("Content-Type", "text/x-odd"), ("X", "1"), ("X", "2"), ("Fn-Call-Id", "other"), ("Content-Length", "9")),
    body=b"\xff\0",
    log=b"line\xff\n",
)


class Store:
    """A store with one call, whose state a test sets."""

    def __init__(self):
        self.entry = None

    def status(self, call_id):
        if isinstance(self.entry, Exception):
            raise self.entry
        return self.entry if call_id == ID else None

    def close(self):
        pass


@pytest.fixture
def store(agent):
    agent.queue._store = Store()
    return agent.queue._store


@pytest.fixture(params=["mount", "route", "alone"])
def client(request, agent):
    app = Router()
    if request.param == "alone":
        from werkzeug.test import Client

        return lambda path, method="GET", **options: Client(agent.calls).open(path, method=method, **options)
    if request.param == "mount":
        app.mount("/calls", agent.calls)
    else:
        app.get("/calls/*path")(agent.calls)
        app.post("/calls/*path")(agent.calls)
    return lambda path, method="GET", **options: app.test_client().open(f"/calls{path}", method=method, **options)


def entry(state, outcome=None, **changes):
    told = {"started_at": None, "ended_at": None, "error": None} | changes
    return Entry(ID, "cat", state, 2, 0.5, 100.0, outcome=outcome, **told)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_call_that_goes_on_says_when_to_ask_again(client, store, state):
    store.entry = entry(state, started_at=1.0)
    response = client(f"/{ID}")
    assert (response.status_code, response.headers["Retry-After"]) == (200, "1")
    assert response.json == {
        "id": ID,
        "function": "cat",
        "state": state,
        "attempts": 2,
        "enqueued_at": "1970-01-01T00:00:00.500Z",
        "started_at": "1970-01-01T00:00:01.000Z",
        "ended_at": None,
        "expires_at": "1970-01-01T00:01:40.000Z",
        "error": None,
        "log": "",
    }
    assert response.headers["Fn-Call-Id"] == ID
    assert response.headers["Cache-Control"] == "no-store"
    result = client(f"/{ID}/result")
    assert (result.status_code, result.headers["Retry-After"]) == (409, "1")
    assert result.json == {"id": ID, "state": state}


def test_result_is_the_response_as_the_function_gave_it(client, store):
    store.entry = entry("success", OUTCOME, ended_at=2.0)
    response = client(f"/{ID}/result")
    assert (response.status, response.data) == ("201 Created", b"\xff\0")
    assert response.headers["Content-Type"] == "text/x-odd"
    assert response.headers.getlist("X") == ["1", "2"]
    assert response.headers.getlist("Fn-Call-Id") == [ID]
    assert response.headers.getlist("Content-Length") == ["2"]
    told = client(f"/{ID}")
    assert "Retry-After" not in told.headers
    assert told.json["log"] == "line\\xff\n"


def test_browser_gets_a_page(client, store):
    store.entry = entry("success", OUTCOME, ended_at=2.0)
    response = client(f"/{ID}", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>success</h1>" in response.text
    assert f'<a href="{ID}/result">' in response.text
    assert response.headers["Vary"] == client(f"/{ID}").headers["Vary"] == "Accept"
    assert "json" in client(f"/{ID}", headers={"Accept": "application/json, text/html;q=0.9"}).content_type


def test_result_to_head_has_no_body(client, store):
    store.entry = entry("success", OUTCOME)
    response = client(f"/{ID}/result", "HEAD")
    assert (response.status_code, response.data, response.headers["Content-Length"]) == (201, b"", "2")


def test_result_without_content_has_no_length(client, store):
    store.entry = entry("success", Outcome("success", 1, status="204 No Content"))
    response = client(f"/{ID}/result")
    assert (response.status_code, response.data, response.headers.get("Content-Length")) == (204, b"", None)


@pytest.mark.parametrize("state", ["error", "timeout", "expired", "dead"])
def test_call_that_came_to_nothing_has_no_result(client, store, state):
    store.entry = entry(state, Outcome(state, 1, error="Why."), error="Why.")
    response = client(f"/{ID}/result")
    assert (response.status_code, response.json) == (410, {"id": ID, "state": state, "error": "Why."})
    assert "Retry-After" not in response.headers
    store.entry = entry(state)
    assert client(f"/{ID}/result").status_code == 410


@pytest.mark.parametrize(
    "path",
    [
        f"/{'0' * 32}",
        f"/{ID}/",
        f"/{ID}/results",
        f"/{ID.upper()}",
        f"/{ID[:-1]}",
        f"/{ID}0",
        "/x",
        f"/{ID}%0A",
        "/%C3%A9",
    ],
)
def test_other_paths_are_404(client, store, path):
    store.entry = entry("queued")
    assert client(path).status_code == 404


def test_other_methods_are_405(client, store):
    store.entry = entry("queued")
    response = client(f"/{ID}", "POST")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_store_that_fails_is_503(client, store):
    store.entry = StoreError("secret reason")
    response = client(f"/{ID}")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "secret" not in response.text


def test_unforeseen_error_is_500(client, store):
    store.entry = KeyError("secret")
    assert client(f"/{ID}").status_code == 500
    assert client(f"/{ID}", "HEAD").data == b""


def test_application_has_a_name(agent):
    assert repr(agent.calls) == "<Calls>"
    assert agent.calls is agent.calls
