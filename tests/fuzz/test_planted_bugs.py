"""A generator that finds nothing may be one that cannot: in each class there is a bug, planted, that it has to find."""

from __future__ import annotations

import base64
import json
import os
import posixpath
import re
import time
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote, unquote_to_bytes

import pytest
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from microfn.directory import opened
from microfn.http.request import Request
from microfn.http.streams import Stream
from microfn.routing.table import Table
from microfn.staticfiles import Files

from ..wsgi import call
from .classes import GENERATORS
from .test_classes import attack, log

__all__ = ["log"]

ROUNDS = 600


def before(change: Callable) -> Callable:
    """An application that is asked for something else than its client asked for."""

    def plant(monkeypatch):
        def wrapped(app):
            def changed(environ, start_response):
                change(environ)
                return app(environ, start_response)

            return changed

        monkeypatch.setattr("tests.fuzz.classes.exchange.call", lambda app, **options: call(wrapped(app), **options))

    return plant


def behind(change: Callable) -> Callable:
    """An application whose headers are changed."""

    def plant(monkeypatch):
        def wrapped(app):
            def changed(environ, start_response):
                def start(status, headers, exc_info=None):
                    return start_response(status, [(name, change(environ, name, value)) for name, value in headers])

                return app(environ, start)

            return changed

        monkeypatch.setattr("tests.fuzz.classes.exchange.call", lambda app, **options: call(wrapped(app), **options))

    return plant


def instead(place: str, value: object) -> Callable:
    """Something else at a place of microfn's."""
    return lambda monkeypatch: monkeypatch.setattr(place, value)


def on(owner: type, name: str, value: object) -> Callable:
    return lambda monkeypatch: monkeypatch.setattr(owner, name, value)


def dropping_what_is_no_utf8(environ):
    path = environ.get("PATH_INFO") or ""
    environ["PATH_INFO"] = path.encode("latin-1").decode(errors="ignore").encode().decode("latin-1")


def composing(environ):
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="surrogateescape")
    composed = unicodedata.normalize("NFKC", path)
    environ["PATH_INFO"] = composed.encode("utf-8", "surrogateescape").decode("latin-1")


def decoding_again(environ):
    environ["PATH_INFO"] = unquote_to_bytes(environ["PATH_INFO"].encode("latin-1")).decode("latin-1")


def without_parameters(environ):
    environ["PATH_INFO"] = re.sub("[; \0][^/]*", "", environ["PATH_INFO"])


def shouting(environ):
    environ["REQUEST_METHOD"] = environ["REQUEST_METHOD"].upper().strip()


def with_an_end_to_depth(environ):
    if environ["PATH_INFO"].count("/") > 30:
        raise RecursionError


def taking_long(environ):
    end = time.thread_time() + 0.6 * (len(environ["PATH_INFO"]) > 15_000)
    while time.thread_time() < end:
        pass


def decoding_credentials(environ):
    scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "basic":
        base64.b64decode(rest).decode()


def lengths_as_python_has_them(promised, limit):
    try:
        return int(promised)
    except ValueError:
        raise BadRequest from None


def what_there_is(stream, length):
    try:
        return stream.read(length)
    except Exception:
        return b""


def below_by_joining(files, name):
    path = os.path.realpath(os.path.join(files.root, name))
    return opened(os.open(path, os.O_RDONLY), path) if os.path.isfile(path) else None


def below_as_windows_has_it(files, name):
    path = posixpath.normpath(os.path.join(files.root, name.replace("\\", "/").partition(":")[0].rstrip(". ")))
    return opened(os.open(path, os.O_RDONLY), path) if os.path.isfile(path) else None


BUGS = {
    "open_redirect": instead("microfn.routing.table.is_same_site", lambda path: True),
    "tsr_contract": instead("microfn.routing.table.clean_path", lambda path: path),
    "redirect_loop": on(Table, "_answers", lambda table, method, path: True),
    "location_quote": instead("microfn.application.fallback.location", lambda script, path, query: script + path),
    "query_kept": instead(
        "microfn.application.fallback.location", lambda script, path, query: f"{path}?{unquote(query)}"
    ),
    "script_name": instead("microfn.application.fallback.location", lambda script, path, query: path),
    "host_trust": instead(
        "microfn.http.request.is_trusted_by", lambda host, scheme, names: any(name in host.lower() for name in names)
    ),
    "host_quirk": instead("microfn.application.fallback.location", lambda script, path, query: script + path),
    "path_alias": before(without_parameters),
    "bad_utf8": before(dropping_what_is_no_utf8),
    "good_utf8": before(composing),
    "double_decode": before(decoding_again),
    "case_fold": instead("microfn.routing.table.with_pattern_case", lambda pattern, path: path.lower()),
    "tree_crash": instead("microfn.routing.table.toggle_trailing_slash", lambda path: None),
    "allow_405": behind(lambda environ, name, value: value.replace("HEAD, ", "") if name == "Allow" else value),
    "method": before(shouting),
    "deep_route": before(with_an_end_to_depth),
    "path_dos": before(taking_long),
    "broken_environ": before(lambda environ: environ["SERVER_NAME"] + environ["SERVER_PORT"]),
    "content_length": instead("microfn.http.request.checked_length", lengths_as_python_has_them),
    "no_content_length": instead(
        "microfn.http.request_body._open_chunked_body", lambda environ, limit: environ["wsgi.input"]
    ),
    "disconnect": instead("microfn.http.request.read", what_there_is),
    "truncated_body": instead("microfn.http.request_body.Body.on_disconnect", lambda body, error=None: None),
    "form_dos": on(Request, "form_data_parser_class", FormDataParser),
    "json_body": instead("microfn.http.json.JSON.loads", lambda codec, text: json.loads(text)),
    "content_type": on(Request, "is_json", property(lambda request: "json" in request.mimetype)),
    "handler": on(Stream, "close", lambda stream: None),
    "head": instead("microfn.http.conversion._without_body", lambda environ, *made: made),
    "cookie_in": before(lambda environ: environ.get("HTTP_COOKIE", "").encode("ascii")),
    "auth_in": before(decoding_credentials),
    "query_in": before(lambda environ: environ.update(QUERY_STRING=unquote(environ["QUERY_STRING"], "latin-1"))),
    "host_malformed": instead("microfn.http.request.written_host", lambda host, scheme: host),
    "header_injection": instead("microfn.http.conversion.validate_headers", lambda line, headers: None),
    "static": on(Files, "_below", below_by_joining),
    "static_windows": on(Files, "_below", below_as_windows_has_it),
    "range": instead("microfn.http.response.find_range", lambda environ, response, size: environ.get("HTTP_RANGE")),
    "cond_headers": instead(
        "microfn.http.response.is_modified", lambda environ, response: response.get_etag()[0] not in str(environ)
    ),
}


def test_each_class_has_a_bug_to_find():
    assert set(BUGS) == set(GENERATORS)


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_that_is_planted_is_found(name, monkeypatch):
    BUGS[name](monkeypatch)
    with pytest.raises(AssertionError):
        attack(name, ROUNDS)
