"""Status lines and headers, and the gate that both pass."""

from __future__ import annotations

import pytest

from microfn import Response, redirect
from microfn.http import headers

from ..handles import answer


def test_a_header_of_a_response_passes_the_same_gate(caplog):
    response = Response("x")
    response.headers["X-A"] = "tab\t"
    assert answer(response).code == 500
    assert "X-A" in str(caplog.records[0].exc_info[1])


LOCATIONS = {
    "/users/7?q=a%20b#c": "/users/7?q=a%20b#c",
    "/é x": "/%C3%A9%20x",
    "https://münchen.example/ü": "https://xn--mnchen-3ya.example/%C3%BC",
    "http://[": "http://%5B",
    "/\ud800": "/%ED%A0%80",
    "/100%": "/100%",
    "": "",
    "//cdn.example/x": "//cdn.example/x",
    "////evil.example/x": "////evil.example/x",
    " //evil.example": "%20//evil.example",
    "http://h:99999/": "http://h:99999/",
    "http://h:x/ä": "http://h:x/%C3%A4",
    "http://[::1": "http://%5B::1",
    "http://a b/é": "http://a%20b/%C3%A9",
    "/docs?#": "/docs?#",
    "https://example.org:/?": "https://example.org:/?",
    f"http://{'ä' * 70}/": f"http://{'%C3%A4' * 70}/",
}


@pytest.mark.parametrize(("given", "sent"), LOCATIONS.items())
@pytest.mark.parametrize("name", ["Location", "content-location"])
def test_a_location_is_a_url_however_it_is_given(given, sent, name):
    touched = Response("x", 201, {name: given})
    touched.headers["X-A"] = "a"
    for result in ("x", 201, {name: given}), Response("x", 201, {name: given}), touched, (touched, 201, {name: given}):
        assert answer(result).headers[name.lower()] == sent
        assert answer(result).headers[name.lower()] == sent
    assert touched.headers[name] == given
    if name == "Location":
        assert answer(redirect(given)).headers["location"] == sent


def test_a_redirect_to_what_is_no_url_harms_nobody():
    assert (answer(redirect("http://[")).code, answer(redirect("http://[")).headers["location"]) == (302, "http://%5B")


@pytest.mark.parametrize("location", ["/a\r\nSet-Cookie: a=b", "/a\n", "\x00", "/\x7f", "/\t/evil.example"])
def test_a_location_with_control_characters_is_refused(location, caplog):
    assert answer(("x", 302, {"Location": location})).code == 500
    with pytest.raises(ValueError, match="must be without control characters"):
        redirect(location)
    if "\n" not in location:  # which werkzeug refuses at once
        assert answer(Response("x", 302, {"Location": location})).code == 500


def test_names_of_headers_are_kept_within_bounds():
    """An application can create names from data of clients."""
    for name in ["X-" + "a" * 500, *(f"X-{number}" for number in range(1100))]:
        assert answer(("x", 200, {name: "1"})).headers[name.lower()] == "1"
    assert len(headers._NAMES) <= 1024
    assert max(map(len, headers._NAMES)) < 64
    assert answer(("x", 200, {"X-New": "1", "X New": "1"})).code == 500


def test_two_lengths_are_refused_unless_they_are_the_same():
    pairs = [("Content-Length", "5"), ("X-A", "1"), ("content-length", "6")]
    with pytest.raises(ValueError, match=r"'content-length' must have one value .*, got '5' and '6'"):
        headers.validate_headers("200 OK", pairs)
    headers.validate_headers("200 OK", pairs, is_whole=True)
    headers.validate_headers("200 OK", [*pairs[:2], ("content-length", "5")])
