"""Tests of the five routes of hello, and the errors of each."""

from __future__ import annotations

import pytest
from webtest import TestApp as Client

from examples.hello import app

client = Client(app)


def test_the_index_says_what_to_try() -> None:
    reply = client.get("/", status=200)
    assert reply.content_type == "text/plain"
    assert reply.charset == "utf-8"
    assert "/hello/World" in reply.text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/hello/World", "World"),
        ("/hello/J%C3%BCrgen", "Jürgen"),
        ("/hello/a%20b", "a b"),
        ("/hello/%252F", "%2F"),
        ("/hello/<script>", "<script>"),
        ("/hello/..", ".."),
    ],
)
def test_hello_greets_by_name_in_json(path: str, name: str) -> None:
    reply = client.get(path, status=200)
    assert reply.content_type == "application/json"
    assert reply.json == {"hello": name}


@pytest.mark.parametrize(
    ("path", "location"),
    [("/hello/World/", "/hello/World"), ("/HELLO/World?a=b", "/hello/World?a=b"), ("/src", "/src/")],
)
def test_another_spelling_is_redirected(path: str, location: str) -> None:
    assert client.get(path, status=301).headers["Location"] == location


@pytest.mark.parametrize(
    ("path", "filepath"), [("/src/any/path", "/any/path"), ("/src/", "/"), ("/src/a//b/../c", "/a//b/../c")]
)
def test_src_has_the_rest_of_the_path_with_its_slash(path: str, filepath: str) -> None:
    assert client.get(path, status=200).text == f"You asked for {filepath}\n"


def test_what_src_echoes_is_no_markup() -> None:
    assert client.get("/src/<script>", status=200).content_type == "text/plain"


@pytest.mark.parametrize(("numbers", "total"), [([1, 2], 3), ([], 0), ([-1, 1], 0), ([2**53 - 1] * 2, 2**54 - 2)])
def test_sum_adds_up_a_list_of_numbers(numbers: list[int], total: int) -> None:
    reply = client.post_json("/sum", numbers, status=201)
    assert reply.json == {"sum": total}


@pytest.mark.parametrize(
    "body",
    [{}, 7, None, "1", ["1"], [True], [None], [1.5], [1e308, 1e308], [2**53], [10**400], [[1]], {"numbers": [1]}],
)
def test_sum_of_anything_else_is_a_400_that_says_what_to_send(body: object) -> None:
    reply = client.post_json("/sum", body, status=400)
    assert reply.content_type == "application/problem+json"
    assert reply.json["detail"] == "Send a JSON list of whole numbers below 2**53."


@pytest.mark.parametrize(
    "body", [b"", b"[1,", b"[NaN]", b"[Infinity]", b"\xff", b"[" * 100_000, b"[" + b"9" * 10_000 + b"]"]
)
def test_sum_of_malformed_json_is_a_400(body: bytes) -> None:
    reply = client.request("/sum", method="POST", body=body, content_type="application/json", status=400)
    assert "JSON" in reply.json["detail"]


def test_sum_of_a_body_that_is_not_called_json_is_a_415() -> None:
    client.post("/sum", "[1, 2]", content_type="text/plain", status=415)


def test_the_teapot_is_a_418() -> None:
    problem = client.get("/teapot", status=418).json
    assert problem["status"] == 418
    assert "teapot" in problem["title"].lower()


def test_a_browser_gets_the_teapot_as_a_page() -> None:
    reply = client.get("/teapot", headers={"Accept": "text/html"}, status=418)
    assert reply.content_type == "text/html"
    assert reply.headers["Vary"] == "Accept"


@pytest.mark.parametrize("path", ["/", "/hello/World", "/src/a", "/teapot"])
def test_head_has_the_headers_of_get_and_no_body(path: str) -> None:
    head, get = (client.request(path, method=method, expect_errors=True) for method in ("HEAD", "GET"))
    assert (head.status, head.headerlist) == (get.status, get.headerlist)
    assert head.body == b""


@pytest.mark.parametrize("path", ["/hello", "/hello/", "/hello/a/b", "/nowhere", "/sum/1"])
def test_what_no_route_matches_is_a_404(path: str) -> None:
    assert client.get(path, status=404).content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allow"), [("POST", "/", "GET, HEAD, OPTIONS"), ("GET", "/sum", "OPTIONS, POST")]
)
def test_another_method_is_a_405_that_names_those_there_are(method: str, path: str, allow: str) -> None:
    assert client.request(path, method=method, status=405).headers["Allow"] == allow


def test_options_names_the_methods() -> None:
    assert client.options("/sum", status=204).headers["Allow"] == "OPTIONS, POST"
