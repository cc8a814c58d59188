"""Tests of bookmarks: each promise, each mistake of a client, and failures of the database."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import Engine, select
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash
from werkzeug.test import Client, TestResponse

from examples.bookmarks import auth, bookmarks
from examples.bookmarks.app import create_app
from examples.bookmarks.database import connect, create_tables, session_of
from examples.bookmarks.models import Bookmark, Token, User
from examples.bookmarks.settings import Settings, read_settings
from microfn import Router, abort

ROOT = Path(__file__).parents[1]
PASSWORD = "correct horse battery"  # noqa: S105 - only for tests
PYTHON = {"url": "https://www.python.org/", "title": "Python"}
NOT_FOUND = "You have no such bookmark."
Headers = dict[str, str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "bookmarks.db"


@pytest.fixture
def engine(file: Path) -> Engine:
    file.parent.mkdir()
    engine = connect(f"sqlite:///{file}?timeout=0.1")
    create_tables(engine)
    return engine


@pytest.fixture
def app(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Router:
    """Return the application with fast hashes; one test has the real ones."""
    monkeypatch.setattr(auth, "generate_password_hash", lambda text, _: generate_password_hash(text, "pbkdf2:sha256:1"))
    monkeypatch.setattr(auth, "NO_PASSWORD", auth.hash_password("nobody"))
    return create_app(Settings(metrics_token="of Prometheus"), engine)


@pytest.fixture
def client(app: Router) -> Client:
    return app.test_client(raise_exceptions=True)


def test_the_api_describes_itself(client: Client) -> None:
    document = client.get("/openapi.json").json
    assert document is not None
    OpenAPIV31SpecValidator(document).validate()
    assert {"/users", "/bookmarks/", "/health"} & set(document["paths"])
    created = next(path["post"] for name, path in document["paths"].items() if name.rstrip("/") == "/bookmarks")
    assert {"201", "401", "422", "503"} <= set(created["responses"])
    assert created["security"] == [{"token": []}]
    assert set(document["components"]["securitySchemes"]) == {"token", "metrics"}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(("401" in one["responses"]) is ("security" in one) for one in operations)


@pytest.fixture
def ann(client: Client) -> Headers:
    return sign_up(client, "ann")


@pytest.fixture
def bob(client: Client) -> Headers:
    return sign_up(client, "bob")


def sign_up(client: Client, name: str) -> Headers:
    """Return headers with the token of a new user."""
    assert client.post("/users", json={"name": name, "password": PASSWORD}).status_code == 201
    return log_in(client, name)


def log_in(client: Client, name: str) -> Headers:
    reply = client.post("/tokens", json={"name": name, "password": PASSWORD})
    assert reply.status_code == 201
    return {"Authorization": f"Bearer {data(reply)['token']}"}


def data(reply: TestResponse) -> Any:
    return reply.json


def pointers(reply: TestResponse) -> list[str]:
    assert reply.status_code == 422
    return [error["pointer"] for error in data(reply)["errors"]]


def titles(client: Client, headers: Headers, query: str = "") -> list[str]:
    return [row["title"] for row in data(client.get(f"/bookmarks{query}", headers=headers))]


def at_once(count: int, work: Callable[[], int]) -> list[int]:
    barrier = threading.Barrier(count)

    def run(_: int) -> int:
        barrier.wait(10)
        return work()

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(run, range(count)))


def test_user_registers_signs_in_and_out(client: Client) -> None:
    reply = client.post("/users", json={"name": " Ann ", "password": PASSWORD})
    assert (reply.status_code, data(reply), reply.headers["Location"]) == (201, {"name": "ann"}, "/users/me")
    reply = client.post("/tokens", json={"name": "ANN", "password": PASSWORD})
    assert (reply.status_code, data(reply)["expires_in"], reply.headers["Cache-Control"]) == (201, 1209600, "no-store")
    headers = {"Authorization": f"Bearer {data(reply)['token']}"}
    assert data(client.get("/users/me", headers=headers)) == {"name": "ann"}
    assert client.delete("/tokens/current", headers=headers).status_code == 204
    assert client.get("/users/me", headers=headers).status_code == 401


def test_name_can_be_taken_once(client: Client, ann: Headers) -> None:
    reply = client.post("/users", json={"name": "Ann", "password": PASSWORD})
    assert (reply.status_code, data(reply)["detail"]) == (409, "The name 'ann' is taken.")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"name": "a"}, ["#/name"]),
        ({"name": "a" * 33}, ["#/name"]),
        ({"name": "añn"}, ["#/name"]),
        ({"name": "an\nn"}, ["#/name"]),
        ({"name": 7}, ["#/name"]),
        ({"name": None, "password": None}, ["#/name", "#/password"]),
        ({"password": "too short"}, ["#/password"]),
        ({"password": "x" * 201}, ["#/password"]),
        ({"name": "ann-onymous", "password": "ANN-Onymous"}, ["#/password"]),
        ({"is_admin": True}, ["#/is_admin"]),
    ],
)
def test_registration_refuses_what_breaks_its_rules(client: Client, change: Any, wrong: list[str]) -> None:
    assert pointers(client.post("/users", json={"name": "ann", "password": PASSWORD, **change})) == wrong


def test_wrong_password_reads_like_an_unknown_name(client: Client, ann: Headers) -> None:
    wrong, unknown = (client.post("/tokens", json={"name": name, "password": "wrong"}) for name in ("ann", "nobody"))
    assert wrong.status_code == unknown.status_code == 403
    assert data(wrong) == data(unknown)
    assert client.post("/tokens", json={"name": "nobody", "password": "nobody"}).status_code == 403


@pytest.mark.slow
def test_password_is_kept_as_a_hash_that_is_slow(engine: Engine) -> None:
    with create_app(Settings(), engine).test_client() as client:
        assert client.post("/users", json={"name": "ann", "password": PASSWORD}).status_code == 201
    with Session(engine) as session:
        kept = session.scalars(select(User.password_hash)).one()
    assert re.fullmatch(r"scrypt:32768:8:3\$\w{16}\$[0-9a-f]{128}", kept)
    assert auth.NO_PASSWORD.startswith("scrypt:32768:8:3$")


def test_password_may_be_typed_on_another_keyboard(client: Client) -> None:
    client.post("/users", json={"name": "ann", "password": "Zoe\u0308 auf dem Mond"})
    assert client.post("/tokens", json={"name": "ann", "password": "Zo\u00eb auf dem Mond"}).status_code == 201


@pytest.mark.parametrize(
    ("sent", "challenge"),
    [
        (None, "Bearer realm=bookmarks"),
        ("Basic YW5uOng=", "Bearer realm=bookmarks"),
        ("Bearer", "Bearer realm=bookmarks"),
        ("Bearer guess", "Bearer error=invalid_token"),
        ("Bearer \u00fc", "Bearer error=invalid_token"),
        ("Bearer " + "x" * 5000, "Bearer error=invalid_token"),
    ],
)
@pytest.mark.parametrize("path", ["/bookmarks", "/bookmarks/7", "/users/me", "/metrics"])
def test_request_without_a_valid_token_is_a_401(client: Client, path: str, sent: str | None, challenge: str) -> None:
    reply = client.get(path, headers={} if sent is None else {"Authorization": sent})
    assert (reply.status_code, reply.headers["WWW-Authenticate"]) == (401, challenge)


def test_token_expires_and_is_deleted_at_the_next_login(client: Client, engine: Engine, ann: Headers) -> None:
    with Session(engine) as session:
        session.scalars(select(Token)).one().expires = int(time.time())
        session.commit()
    assert client.get("/users/me", headers=ann).status_code == 401
    log_in(client, "ann")
    with Session(engine) as session:
        assert len(session.scalars(select(Token)).all()) == 1


def test_token_itself_is_not_in_the_database(ann: Headers, file: Path) -> None:
    token = ann["Authorization"].removeprefix("Bearer ").encode()
    assert not [path for path in file.parent.iterdir() if token in path.read_bytes()]


def test_bookmark_is_added_changed_and_deleted(client: Client, ann: Headers) -> None:
    reply = client.post("/bookmarks", json={"url": "https://straße.example/ü", "title": " Ü 🚲 "}, headers=ann)
    path = reply.headers["Location"]
    assert (reply.status_code, reply.headers["Cache-Control"]) == (201, "no-store")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", data(reply)["created"])
    assert (data(reply)["url"], data(reply)["title"]) == ("https://xn--strae-oqa.example/%C3%BC", "Ü 🚲")
    assert data(client.get(path, headers=ann)) == data(reply)
    changed = client.put(path, json=PYTHON, headers=ann)
    assert data(changed) == {**data(reply), **PYTHON}
    assert data(client.get(path, headers=ann)) == data(changed)
    assert client.delete(path, headers=ann).status_code == 204
    for method in "GET", "PUT", "DELETE":
        gone = client.open(path, method=method, json=PYTHON, headers=ann)
        assert (gone.status_code, data(gone)["detail"]) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"url": "javascript:alert(1)"}, "#/url"),
        ({"url": "/path"}, "#/url"),
        ({"url": "https://example.org/" + "x" * 2100}, "#/url"),
        ({"url": None}, "#/url"),
        ({"title": ""}, "#/title"),
        ({"title": "  "}, "#/title"),
        ({"title": "x" * 201}, "#/title"),
        ({"title": "a\0b"}, "#/title"),
        ({"title": "a\r\nb"}, "#/title"),
        ({"title": ["a"]}, "#/title"),
        ({"user_id": 1}, "#/user_id"),
    ],
)
def test_bookmark_refuses_bad_fields_by_their_place(client: Client, ann: Headers, change: Any, wrong: str) -> None:
    path = client.post("/bookmarks", json=PYTHON, headers=ann).headers["Location"]
    assert pointers(client.post("/bookmarks", json={**PYTHON, **change}, headers=ann)) == [wrong]
    assert pointers(client.put(path, json={**PYTHON, **change}, headers=ann)) == [wrong]
    assert titles(client, ann) == ["Python"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b'"\xff"', "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"url=https://example.org", "application/x-www-form-urlencoded", 415),
        (b'"' + b"x" * 32768 + b'"', "application/json", 413),
    ],
)
def test_body_that_is_no_object_is_refused(
    client: Client, ann: Headers, body: bytes, content_type: str, status: int
) -> None:
    reply = client.post("/bookmarks", data=body, content_type=content_type, headers=ann)
    assert (reply.status_code, reply.content_type) == (status, "application/problem+json")


def test_bookmark_of_another_user_is_not_there(client: Client, ann: Headers, bob: Headers) -> None:
    path = client.post("/bookmarks", json=PYTHON, headers=ann).headers["Location"]
    for method in "GET", "PUT", "DELETE":
        reply = client.open(path, method=method, json={**PYTHON, "title": "Bob's"}, headers=bob)
        assert (reply.status_code, data(reply)["detail"]) == (404, NOT_FOUND)
    assert titles(client, bob) == []
    assert titles(client, ann) == ["Python"]


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", "%C2%B2", str(2**63 - 1), str(2**63), "9" * 5000])
def test_odd_id_is_a_404(client: Client, ann: Headers, number: str) -> None:
    assert client.get(f"/bookmarks/{number}", headers=ann).status_code == 404


def test_url_is_kept_once_for_each_user(client: Client, ann: Headers, bob: Headers) -> None:
    other = client.post("/bookmarks", json={**PYTHON, "url": "https://example.org"}, headers=ann).headers["Location"]
    same = {**PYTHON, "url": "HTTPS://WWW.python.org:443"}
    assert [client.post("/bookmarks", json=same, headers=who).status_code for who in (ann, bob, ann)] == [201, 201, 409]
    reply = client.put(other, json=PYTHON, headers=ann)
    assert (reply.status_code, data(reply)["detail"]) == (409, "You have a bookmark of this URL already.")
    assert data(client.get(other, headers=ann))["url"] == "https://example.org/"


def test_url_that_is_added_twice_at_once_is_kept_once(file: Path, app: Router, client: Client, ann: Headers) -> None:
    patient = create_app(Settings(), connect(f"sqlite:///{file}?timeout=30"))

    def add() -> int:
        return patient.test_client().post("/bookmarks", json=PYTHON, headers=ann).status_code

    assert at_once(8, add) == [201] + [409] * 7
    assert titles(client, ann) == ["Python"]


def test_change_of_a_row_that_is_deleted_meanwhile_is_a_404(
    client: Client, engine: Engine, ann: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = client.post("/bookmarks", json=PYTHON, headers=ann).headers["Location"]
    original = bookmarks.own

    def slow(*args: Any) -> Bookmark:
        row = original(*args)
        with Session(engine) as other:
            other.delete(other.get_one(Bookmark, row.id))
            other.commit()
        return row

    monkeypatch.setattr(bookmarks, "own", slow)
    reply = client.put(path, json={**PYTHON, "title": "New"}, headers=ann)
    assert (reply.status_code, data(reply)["detail"]) == (404, NOT_FOUND)


def test_list_is_searched_and_read_page_by_page(client: Client, ann: Headers) -> None:
    for number, title in enumerate(["100 % wool", "Wool", "Ümlaut", "a_b", "50 wool"]):
        client.post("/bookmarks", json={"url": f"https://example.org/{number}", "title": title}, headers=ann)
    assert titles(client, ann) == ["50 wool", "a_b", "Ümlaut", "Wool", "100 % wool"]
    assert titles(client, ann, "?text=wOOl") == ["50 wool", "Wool", "100 % wool"]
    assert titles(client, ann, "?text=%25") == ["100 % wool"]
    assert titles(client, ann, "?text=_") == ["a_b"]
    assert titles(client, ann, "?text=%C3%9Cm") == ["Ümlaut"]
    first = data(client.get("/bookmarks?limit=3", headers=ann))
    assert titles(client, ann, f"?limit=3&before={first[-1]['id']}") == ["Wool", "100 % wool"]
    assert titles(client, ann, "?before=1") == []


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=0", "#/limit"),
        ("limit=101", "#/limit"),
        ("limit=ten", "#/limit"),
        ("before=0", "#/before"),
        (f"before={2**63}", "#/before"),
        ("text=" + "x" * 201, "#/text"),
        ("txt=x", "#/txt"),
    ],
)
def test_list_refuses_bad_queries_by_their_place(client: Client, ann: Headers, query: str, wrong: str) -> None:
    assert pointers(client.get(f"/bookmarks?{query}", headers=ann)) == [wrong]


@pytest.mark.parametrize("status", [400, 500])
def test_session_is_rolled_back_after_an_error(app: Router, ann: Headers, status: int, client: Client) -> None:
    def half(request: Any, params: Any) -> str:
        session_of(request).add(User(name="half", password_hash="-"))
        session_of(request).flush()
        return abort(400) if status == 400 else str(1 / 0)

    app.get("/half")(half)
    assert app.test_client().get("/half").status_code == status
    assert client.post("/users", json={"name": "half", "password": PASSWORD}).status_code == 201


def test_database_that_is_locked_is_a_503(client: Client, file: Path, ann: Headers) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert titles(client, ann) == []  # reading needs no lock
        reply = client.post("/bookmarks", json=PYTHON, headers=ann)
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
    assert client.post("/bookmarks", json=PYTHON, headers=ann).status_code == 201


@pytest.mark.parametrize("goes", [lambda file: file, lambda file: file.parent], ids=["file", "directory"])
def test_database_that_is_gone_is_a_503_until_it_is_back(
    client: Client, file: Path, ann: Headers, goes: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/health").text == "healthy\n"
    away = goes(file).rename(file.parents[1] / "away")
    for reply in (
        client.get("/health"),
        client.get("/bookmarks", headers=ann),
        client.post("/users", json={"name": "zoe", "password": PASSWORD}),
    ):
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "5")
        assert "sql" not in reply.text.lower()
    assert "OperationalError" in caplog.text
    assert "pbkdf2" not in caplog.text
    file.unlink(missing_ok=True)
    away.rename(goes(file))
    assert client.get("/health").text == "healthy\n"
    assert titles(client, ann) == []


def test_pool_without_a_free_connection_is_a_503(app: Router) -> None:
    def wait(request: Any, params: Any) -> str:
        raise PoolTimeoutError("QueuePool limit of size 5 overflow 10 reached")

    app.get("/wait")(wait)
    assert app.test_client().get("/wait").status_code == 503


def test_tables_are_created_once(client: Client, engine: Engine, ann: Headers) -> None:
    create_tables(engine)
    assert client.get("/users/me", headers=ann).status_code == 200


def test_foreign_keys_are_enforced(client: Client, engine: Engine, ann: Headers) -> None:
    client.post("/bookmarks", json=PYTHON, headers=ann)
    with Session(engine) as session:
        session.delete(session.scalars(select(User)).one())
        session.commit()
        assert session.scalars(select(Token)).all() == []
        assert session.scalars(select(Bookmark)).all() == []


def test_each_response_has_an_id_and_careful_headers(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "microfn.access")
    reply = client.get("/nothing", headers={"X-Request-ID": "abc"}, base_url="https://localhost")
    assert (reply.status_code, reply.headers["X-Request-ID"]) == (404, "abc")
    assert reply.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert reply.headers["Strict-Transport-Security"] == "max-age=31536000"
    line = json.loads(caplog.records[-1].getMessage())
    assert (line["status"], line["path"], line["id"]) == (404, "/nothing", "abc")


def test_metrics_count_by_pattern_for_their_token_alone(client: Client, engine: Engine, ann: Headers) -> None:
    client.get("/bookmarks/7", headers=ann)
    assert client.get("/metrics", headers=ann).status_code == 401
    shown = client.get("/metrics", headers={"Authorization": "Bearer of Prometheus"}).text
    assert 'http_requests_total{method="GET",route="/bookmarks/:id",status="404"} 1.0' in shown
    assert create_app(Settings(), engine).test_client().get("/metrics").status_code == 404


def test_other_hosts_are_refused_if_some_are_trusted(engine: Engine) -> None:
    app = create_app(Settings(trusted_hosts="localhost bookmarks.example"), engine)
    hosts = "bookmarks.example", "evil.example"
    replies = [app.test_client().get("/health", base_url=f"http://{host}") for host in hosts]
    assert [reply.status_code for reply in replies] == [200, 400]


def test_settings_are_read_from_the_environment() -> None:
    environ = {
        "BOOKMARKS_DATABASE_URL": "postgresql://db/bookmarks",
        "BOOKMARKS_TRUSTED_HOSTS": "a.example .b.example",
        "BOOKMARKS_PROXIES": "1",
        "BOOKMARKS_TOKEN_DAYS": "",
        "PROXIES": "9",
    }
    assert read_settings(environ) == Settings(
        database_url="postgresql://db/bookmarks", trusted_hosts="a.example .b.example", proxies=1
    )
    assert read_settings({}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PROXIES", "one"), ("PROXIES", "-1"), ("PROXIES", "10"), ("TOKEN_DAYS", "0"), ("DATABASE", "sqlite:///x.db")],
)
def test_setting_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name.lower()) as caught:
        read_settings({f"BOOKMARKS_{name}": value})
    assert repr(value) not in str(caught.value)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Return the port of gunicorn with two workers, behind one proxy."""
    metrics = tmp_path / "metrics"
    metrics.mkdir()
    environ = {
        **os.environ,
        "BOOKMARKS_DATABASE_URL": f"sqlite:///{tmp_path}/served.db",
        "BOOKMARKS_METRICS_TOKEN": "m",
        "BOOKMARKS_PROXIES": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    subprocess.run([sys.executable, "-m", "examples.bookmarks"], cwd=ROOT, env=environ, check=True, timeout=60)
    options = "--bind 127.0.0.1:0 --workers 2 --threads 4 --no-control-socket".split()
    command = [sys.executable, "-m", "gunicorn", *options, "examples.bookmarks.wsgi:application"]
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(  # noqa: S603 - its own server
            command, cwd=ROOT, env=environ, stdout=out, stderr=out
        ) as process,
    ):
        try:
            yield port_in(log, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    text = log.read_text("utf-8")
    assert process.returncode == 0, text
    assert "Traceback" not in text
    assert '"path": "/tokens", "status": 201' in text


def port_in(log: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"Listening at: http://127.0.0.1:(\d+)", log.read_text("utf-8")):
            return int(found[1])
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.02)
    pytest.fail(log.read_text("utf-8"))


def ask(port: int, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), dict(reply.getheaders())


@pytest.mark.server
@pytest.mark.slow
def test_gunicorn_serves_it_with_two_workers(port: int) -> None:
    https = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "example.org"}
    account = {"name": "ann", "password": PASSWORD}
    assert ask(port, "POST", "/users", account)[0] == 201
    status, text, headers = ask(port, "POST", "/tokens", account, **https)
    assert (status, headers["Strict-Transport-Security"]) == (201, "max-age=31536000")
    signed = {"Authorization": f"Bearer {json.loads(text)['token']}"}
    add = partial(ask, port, "POST", "/bookmarks", PYTHON, **signed)
    assert at_once(8, lambda: add()[0]) == [201] + [409] * 7
    shown = ask(port, "GET", "/metrics", Authorization="Bearer m")[1]
    assert 'http_requests_total{method="POST",route="/bookmarks",status="409"} 7.0' in shown


@pytest.mark.slow
@pytest.mark.parametrize("target", ["gunicorn", "nginx"])
def test_deploy_prints_its_file(target: str, tmp_path: Path) -> None:
    """Importing wsgi.py configures the logs, so this needs a separate process."""
    command = [sys.executable, "-m", "microfn", "deploy", target, "examples.bookmarks.wsgi:application"]
    done = subprocess.run(  # noqa: S603 - its own command
        command, cwd=ROOT, capture_output=True, check=True, timeout=60, encoding="utf-8"
    )
    assert {"gunicorn": "ExecStart=", "nginx": "proxy_pass"}[target] in done.stdout
