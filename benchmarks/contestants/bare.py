"""Hand-written WSGI functions, each for just one row's job and without any routing: a practical lower bound."""

from __future__ import annotations

import json
import os
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from . import Application
from .common import (
    BINARY,
    CREATED,
    DOCUMENT,
    HEADERS,
    HELLO,
    IMAGE,
    ITEMS,
    PNG,
    TEXT,
    chunks,
    joined,
    measured,
    static_directory,
)

JSON = "application/json"
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""As compact as microfn's JSON."""
_FOUND = "<p>The page is at <a href='/text'>/text</a>."


def send(start_response: Any, body: bytes, content_type: str = TEXT, status: str = "200 OK", *more: Any) -> list[bytes]:
    """Start a response with a type and a length, and return its body."""
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body))), *more])
    return [body]


def read(environ: dict[str, Any]) -> bytes:
    data: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return data


def hello() -> Application:
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", "13")])
        return [b"Hello, World!"]

    return app


def param() -> Application:
    def app(environ, start_response):
        body = f"Hello, {environ['PATH_INFO'][7:]}!".encode()
        start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", str(len(body)))])
        return [body]

    return app


def document() -> Application:
    def app(environ, start_response):
        body = encode(DOCUMENT).encode()
        start_response("200 OK", [("Content-Type", JSON), ("Content-Length", str(len(body)))])
        return [body]

    return app


def not_found() -> Application:
    paths = {"/": 1, "/json": 1, "/echo": 1, "/query": 1}

    def app(environ, start_response):
        if environ["PATH_INFO"] in paths:
            raise AssertionError
        start_response("404 Not Found", [("Content-Type", TEXT), ("Content-Length", "9")])
        return [b"Not Found"]

    return app


def not_allowed() -> Application:
    methods = {"/json": {"GET": 1}}

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] in methods[environ["PATH_INFO"]]:
            raise AssertionError
        start_response("405 Method Not Allowed", [("Content-Type", TEXT), ("Content-Length", "18"), ("Allow", "GET")])
        return [b"Method Not Allowed"]

    return app


def echo() -> Application:
    def app(environ, start_response):
        value = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        body = encode(value).encode()
        start_response("200 OK", [("Content-Type", JSON), ("Content-Length", str(len(body)))])
        return [body]

    return app


def github() -> Application:
    def app(environ, start_response):
        parts = environ["PATH_INFO"].split("/")
        body = joined((parts[2], parts[3], parts[5])).encode() if len(parts) > 5 else parts[2].encode()
        start_response("200 OK", [("Content-Type", TEXT), ("Content-Length", str(len(body)))])
        return [body]

    return app


def binary() -> Application:
    return lambda environ, start_response: send(start_response, IMAGE, BINARY)


def image() -> Application:
    return lambda environ, start_response: send(start_response, IMAGE, PNG)


def created() -> Application:
    def app(environ, start_response):
        return send(start_response, HELLO.encode(), TEXT, "201 Created", *HEADERS.items())

    return app


def with_header() -> Application:
    return lambda environ, start_response: send(start_response, HELLO.encode(), TEXT, "200 OK", ("X-Version", "7"))


def json_created() -> Application:
    def app(environ, start_response):
        return send(start_response, encode(CREATED).encode(), JSON, "201 Created")

    return app


def items() -> Application:
    return lambda environ, start_response: send(start_response, encode(ITEMS).encode(), JSON)


def redirect() -> Application:
    def app(environ, start_response):
        return send(start_response, _FOUND.encode(), "text/html", "302 Found", ("Location", "/text"))

    return app


def stream() -> Application:
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", BINARY)])
        return chunks()

    return app


def one() -> Application:
    def app(environ, start_response):
        return send(start_response, parse_qs(environ["QUERY_STRING"])["q"][0].encode())

    return app


def three() -> Application:
    def app(environ, start_response):
        args = parse_qs(environ["QUERY_STRING"])
        return send(start_response, f"{args['q'][0]} {args['page'][0]} {args['sort'][0]}".encode())

    return app


def header() -> Application:
    return lambda environ, start_response: send(start_response, environ["HTTP_X_TOKEN"].encode())


def user() -> Application:
    return lambda environ, start_response: send(start_response, str(int(environ["PATH_INFO"][7:]) + 1).encode())


def form() -> Application:
    return lambda environ, start_response: send(start_response, parse_qs(read(environ).decode())["name"][0].encode())


def json_in() -> Application:
    return lambda environ, start_response: send(start_response, str(len(json.loads(read(environ)))).encode())


def body() -> Application:
    return lambda environ, start_response: send(start_response, measured(read(environ)).encode())


def static() -> Application:
    directory = static_directory()

    def app(environ, start_response):
        file = open(directory + environ["PATH_INFO"].removeprefix("/static"), "rb")  # noqa: SIM115 - the server closes it
        status = os.fstat(file.fileno())
        start_response(
            "200 OK",
            [
                ("Content-Type", "text/css; charset=utf-8"),
                ("Content-Length", str(status.st_size)),
                ("Last-Modified", formatdate(status.st_mtime, usegmt=True)),
            ],
        )
        return environ["wsgi.file_wrapper"](file)

    return app
