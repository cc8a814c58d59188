"""Tests of shortlinks: each promise, and each mistake of a client."""

from __future__ import annotations

import runpy
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp as Client
from webtest.response import TestResponse as Reply

from examples import shortlinks

PYTHON = {"url": "https://www.python.org/", "slug": "py"}
EVERY_ROUTE = [("POST", "/links"), ("GET", "/links"), ("GET", "/links/py"), ("DELETE", "/links/py"), ("GET", "/to/py")]
INJECTION = "'; DROP TABLE links; --"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "links.db")


@pytest.fixture
def client(database: str) -> Client:
    return Client(shortlinks.create_app(database, patience=0.05))


def send(client: Client, method: str, path: str) -> Reply:
    if method == "POST":
        return client.post_json(path, {"url": "https://example.org/"}, expect_errors=True)
    return client.request(path, method=method, expect_errors=True)


def slugs(client: Client, query: str = "") -> list[str]:
    return [link["slug"] for link in client.get("/links" + query).json]


def at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(count)

    def run(_: int) -> Any:
        barrier.wait(10)
        return work()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@contextmanager
def lock(database: str, kind: str) -> Iterator[None]:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute(f"BEGIN {kind}")
        yield
        other.execute("ROLLBACK")


def test_a_new_link_is_answered_with_201_its_location_and_itself(client: Client) -> None:
    reply = client.post_json("/links", PYTHON, status=201)
    assert reply.headers["Location"] == "/links/py"
    assert reply.content_type == "application/json"
    assert reply.json.pop("created").endswith("Z")
    assert client.get("/links/py").json == reply.json
    assert {key: reply.json[key] for key in ("slug", "url", "visits")} == {**PYTHON, "visits": 0}


@pytest.mark.parametrize(("script_name", "prefix"), [("/short", "/short"), ("/caf\xc3\xa9", "/caf%C3%A9")])
def test_the_location_begins_where_the_application_is_mounted(client: Client, script_name: str, prefix: str) -> None:
    reply = client.post_json("/links", PYTHON, extra_environ={"SCRIPT_NAME": script_name}, status=201)
    assert reply.headers["Location"] == f"{prefix}/links/py"


@pytest.mark.parametrize("body", [{"url": PYTHON["url"]}, {"url": PYTHON["url"], "slug": None}])
def test_without_a_slug_each_link_gets_a_random_one(client: Client, body: dict[str, str | None]) -> None:
    first, second = (client.post_json("/links", body, status=201).json["slug"] for _ in range(2))
    assert first != second
    assert client.get(f"/to/{first}", status=302).location == PYTHON["url"]


@pytest.mark.parametrize("slug", ["a", "a" * 64, "-", "_", "Py-3_14", "0"])
def test_a_slug_is_letters_digits_hyphens_and_underscores(client: Client, slug: str) -> None:
    client.post_json("/links", {**PYTHON, "slug": slug}, status=201)
    client.get(f"/to/{slug}", status=302)


def test_slugs_differ_by_case(client: Client) -> None:
    client.post_json("/links", PYTHON, status=201)
    client.post_json("/links", {**PYTHON, "slug": "PY"}, status=201)
    assert slugs(client) == ["PY", "py"]


@pytest.mark.parametrize(
    "slug",
    ["", " ", "a b", "a/b", ".", "..", "a.b", "a%62", "é", "１", "a\n", "a\0", "a" * 65, INJECTION, 7, True, [], {}],
)
def test_any_other_slug_is_a_422_that_says_what_a_slug_is(client: Client, slug: object) -> None:
    problem = client.post_json("/links", {**PYTHON, "slug": slug}, status=422).json
    assert problem["detail"] == "slug is 1 to 64 letters (a-z, A-Z), digits, hyphens and underscores."
    assert slugs(client) == []


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://example.org", "http://example.org"),
        ("HTTPS://Example.ORG/Path", "https://example.org/Path"),
        ("https://me@example.org:8443/a;b?c=%2F&d#e", "https://me@example.org:8443/a;b?c=%2F&d#e"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("https://münchen.example/straße?q=ü", "https://xn--mnchen-3ya.example/stra%C3%9Fe?q=%C3%BC"),
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://example.org/\r\nSet-Cookie: a=b", "https://example.org/Set-Cookie:%20a=b"),
        (
            "https://example.org/?" + INJECTION,
            "https://example.org/?';%20DROP%20TABLE%20links;%20--",
        ),
        ("https://example.org/" + "a" * 1980, "https://example.org/" + "a" * 1980),
    ],
)
def test_a_url_is_kept_as_a_location_can_have_it(client: Client, url: str, kept: str) -> None:
    assert client.post_json("/links", {"url": url, "slug": "a"}, status=201).json["url"] == kept
    assert client.get("/to/a", status=302).headers["Location"] == kept


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        True,
        [],
        {},
        ["https://example.org/"],
        "",
        " ",
        "example.org",
        "/path",
        "//example.org/",
        "https:example.org",
        "https://",
        "https:///path",
        "https://me@/",
        "javascript:alert(1)",
        "JavaScript://example.org/%0Aalert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "ftp://example.org/",
        "http://[",
        "http://[::1",
        "http://example.org:port/",
        "http://example.org:99999/",
        "http://exa mple.org/",
        "http://a..b/",
        "http://" + "a" * 64 + ".example/",
        "https://example.org/" + "a" * 1981,
        "https://example.org/" + "ü" * 400,
        INJECTION,
    ],
)
def test_any_other_url_is_a_422_that_says_what_a_url_is(client: Client, url: object) -> None:
    problem = client.post_json("/links", {"url": url}, status=422).json
    assert problem["detail"].startswith("url is a whole http or https URL of at most 2000 characters")
    assert slugs(client) == []


def test_a_url_must_be_there(client: Client) -> None:
    assert client.post_json("/links", {"slug": "py"}, status=422).json["detail"].startswith("url is")


@pytest.mark.parametrize("body", [None, True, 7, "https://example.org/", [], [PYTHON]])
def test_json_that_is_no_object_is_a_400_that_shows_one(client: Client, body: object) -> None:
    assert client.post_json("/links", body, status=400).json["detail"].startswith("Send a JSON object")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"url=https://example.org/", b'{"url": NaN}', b'"\xff"', b'{"url": "\\ud800"}', b"[" * 8000]
)
def test_malformed_json_is_a_400(client: Client, body: bytes) -> None:
    reply = client.request("/links", method="POST", body=body, content_type="application/json", status=400)
    assert reply.content_type == "application/problem+json"
    assert "JSON" in reply.json["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_body_that_is_not_called_json_is_a_415(client: Client, content_type: str) -> None:
    reply = client.post("/links", '{"url": "https://example.org/"}', content_type=content_type, status=415)
    assert "application/json" in reply.json["detail"]


def test_a_body_of_more_than_8_kib_is_a_413(client: Client) -> None:
    client.post_json("/links", {"url": "https://example.org/" + "a" * 8192}, status=413)


def test_a_slug_that_is_taken_is_a_409_and_the_first_link_stays(client: Client) -> None:
    client.post_json("/links", PYTHON, status=201)
    problem = client.post_json("/links", {"url": "https://example.org/", "slug": "py"}, status=409).json
    assert problem["detail"] == "The slug 'py' is taken."
    assert client.get("/links/py").json["url"] == PYTHON["url"]


def test_of_two_who_create_the_same_slug_at_once_one_wins(database: str) -> None:
    app = shortlinks.create_app(database, patience=10)

    def create() -> int:
        return Client(app).post_json("/links", PYTHON, expect_errors=True).status_int

    assert sorted(at_once(2, create)) == [201, 409]
    assert slugs(Client(app)) == ["py"]


def test_links_are_listed_newest_first_page_by_page(client: Client) -> None:
    assert client.get("/links").json == []
    for number in range(25):
        client.post_json("/links", {**PYTHON, "slug": f"n{number}"})
    newest_first = [f"n{number}" for number in reversed(range(25))]
    assert slugs(client) == newest_first[:20]
    assert slugs(client, "?offset=20") == newest_first[20:]
    assert slugs(client, "?limit=2&offset=3") == newest_first[3:5]
    assert slugs(client, "?limit=100&offset=0") == newest_first
    assert slugs(client, "?offset=999999") == []
    assert client.get("/links?limit=1").json == [client.get("/links/n24").json]


@pytest.mark.parametrize(
    "text", ["0", "101", "-1", "+1", "1.0", "1e1", "", "ten", "%EF%BC%91", "%20", "1%00", "9" * 5000]
)
def test_a_limit_is_a_whole_number_from_1_to_100(client: Client, text: str) -> None:
    assert client.get(f"/links?limit={text}", status=400).json["detail"] == "limit is a whole number from 1 to 100."


@pytest.mark.parametrize("text", ["-1", "1000000", "", "0x1", "9" * 5000, "1;DROP TABLE links"])
def test_an_offset_is_a_whole_number_from_0_to_999999(client: Client, text: str) -> None:
    detail = client.get(f"/links?offset={text}", status=400).json["detail"]
    assert detail == "offset is a whole number from 0 to 999999."


def test_each_visit_is_redirected_and_counted(client: Client) -> None:
    client.post_json("/links", PYTHON)
    for count in (1, 2):
        reply = client.get("/to/py", status=302)
        assert reply.headers["Location"] == PYTHON["url"]
        assert client.get("/links/py").json["visits"] == count


def test_a_head_request_is_a_visit_like_any_other(client: Client) -> None:
    client.post_json("/links", PYTHON)
    assert client.head("/to/py", status=302).headers["Location"] == PYTHON["url"]
    assert client.get("/links/py").json["visits"] == 1


def test_visits_at_once_are_all_counted(database: str) -> None:
    app = shortlinks.create_app(database, patience=10)
    client = Client(app)
    client.post_json("/links", PYTHON)
    at_once(8, lambda: [Client(app).get("/to/py", status=302) for _ in range(5)])
    assert client.get("/links/py").json["visits"] == 40


def test_a_deleted_link_is_gone_and_its_slug_is_free(client: Client) -> None:
    client.post_json("/links", PYTHON)
    reply = client.delete("/links/py", status=204)
    assert reply.body == b""
    client.delete("/links/py", status=404)
    client.get("/to/py", status=404)
    client.post_json("/links", PYTHON, status=201)


@pytest.mark.parametrize("slug", ["nobody", "PY", "%25", "_", "p_", "*", "%C3%A9", "%00", INJECTION, "a" * 5000])
@pytest.mark.parametrize(("method", "prefix"), [("GET", "/links/"), ("DELETE", "/links/"), ("GET", "/to/")])
def test_unknown_slug_is_404_with_its_name(client: Client, method: str, prefix: str, slug: str) -> None:
    """The database is unchanged."""
    client.post_json("/links", PYTHON)
    reply = client.request(prefix + slug, method=method, status=404)
    assert reply.content_type == "application/problem+json"
    assert reply.json["detail"].startswith("There is no link ")
    assert [(link["slug"], link["visits"]) for link in client.get("/links").json] == [("py", 0)]


def test_problem_for_browsers_escapes_markup_of_the_client(client: Client) -> None:
    """A browser gets the problem as a page, and the page shows the client's markup as text."""
    reply = client.get("/to/<script>", headers={"Accept": "text/html"}, status=404)
    assert reply.content_type == "text/html"
    assert "There is no link &#39;&lt;script&gt;&#39;." in reply.text


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/links", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/links/py", "DELETE, GET, HEAD, OPTIONS"),
        ("POST", "/to/py", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_a_405_that_names_those_there_are(client: Client, method: str, path: str, allow: str) -> None:
    assert client.request(path, method=method, status=405).headers["Allow"] == allow


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
def test_a_locked_database_is_a_503_that_says_when_to_come_back(
    client: Client, database: str, method: str, path: str
) -> None:
    client.post_json("/links", PYTHON)
    with lock(database, "EXCLUSIVE"):
        reply = send(client, method, path)
    assert reply.status_int == 503
    assert reply.headers["Retry-After"] == "1"
    assert reply.content_type == "application/problem+json"
    assert reply.json["detail"] == "The database is busy; please try again in a moment."
    assert send(client, method, path).status_int < 400


def test_links_can_be_read_while_somebody_writes(client: Client, database: str) -> None:
    client.post_json("/links", PYTHON)
    with lock(database, "IMMEDIATE"):
        client.get("/links/py", status=200)
        assert send(client, "GET", "/to/py").status_int == 503
    assert client.get("/links/py").json["visits"] == 0


def test_other_database_errors_are_500_without_details(client: Client, database: str) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute("DROP TABLE links")
    reply = send(client, "GET", "/links")
    assert reply.status_int == 500
    assert "table" not in reply.text


def test_connection_is_closed_after_every_outcome(
    client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remember(*args: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remember)
    client.post_json("/links", PYTHON, status=201)
    client.post_json("/links", PYTHON, status=409)
    statuses = [send(client, method, path).status_int for method, path in [*EVERY_ROUTE, *EVERY_ROUTE]]
    assert statuses == [201, 200, 200, 204, 404, 201, 200, 404, 404, 404]
    for db in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            db.execute("SELECT 1")
    assert len(opened) == 12


def test_workers_that_start_at_once_find_one_schema(database: str) -> None:
    apps = at_once(8, lambda: shortlinks.create_app(database, patience=10))
    Client(apps[0]).post_json("/links", PYTHON, status=201)
    assert [slugs(Client(app)) for app in apps] == [["py"]] * 8


def test_a_restart_keeps_the_links(database: str) -> None:
    Client(shortlinks.create_app(database)).post_json("/links", PYTHON)
    assert slugs(Client(shortlinks.create_app(database))) == ["py"]


@pytest.mark.parametrize(
    ("variable", "filename"), [(None, "shortlinks.db"), ("", "shortlinks.db"), ("mine.db", "mine.db")]
)
def test_the_environment_says_where_the_database_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, filename: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHORTLINKS_DATABASE", raising=False)
    if variable is not None:
        monkeypatch.setenv("SHORTLINKS_DATABASE", variable)
    client = Client(runpy.run_path(shortlinks.__file__)["app"])
    client.post_json("/links", PYTHON, status=201)
    assert [path.name for path in tmp_path.iterdir()] == [filename]
