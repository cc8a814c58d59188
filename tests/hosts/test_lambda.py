"""The file for AWS Lambda, called with events modelled on API Gateway (payload format 2.0)."""

from __future__ import annotations

import base64
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from . import app
from .hosts import Place

pytestmark = pytest.mark.hosts

CASES = [
    ("GET", "/echo/caf%C3%A9", b"", 200, '{"rest":"/café"}'),
    ("GET", "/echo/a%20b", b"", 200, '{"rest":"/a b"}'),
    ("GET", "/echo/100%25", b"", 200, '{"rest":"/100%"}'),
    ("GET", "/nothing", b"", 204, ""),
    ("HEAD", "/docs", b"", 200, ""),
    ("GET", "/docs/?q=%2F", b"", 301, ""),
    ("POST", "/upload", b"he\xff\0o", 200, '"size":5'),
    ("GET", "/raises", b"", 500, '"status":500'),
]


def event(method: str, target: str, body: bytes) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "version": "2.0",
        "rawPath": path,  # percent-encoded, as apig-wsgi takes it
        "rawQueryString": query,
        "headers": {"host": "a.example", "content-length": str(len(body))},
        "requestContext": {"http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@pytest.fixture
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if os.environ.get("MICROFN_HOSTS") != "all":
        pytest.importorskip("apig_wsgi", reason="AWS Lambda: there is no apig_wsgi; pip install 'microfn[hosts]'")
    place = Place(tmp_path, "")
    file = place.write("lambda_function.py", place.deploy("lambda"))
    monkeypatch.setitem(sys.modules, "app", app)
    return runpy.run_path(str(file))["lambda_handler"]


@pytest.mark.parametrize(("method", "target", "body", "status", "shown"), CASES)
def test_an_event_is_answered(handler: Any, method: str, target: str, body: bytes, status: int, shown: str) -> None:
    answer = handler(event(method, target, body), None)
    said = answer["body"]
    if answer.get("isBase64Encoded"):
        said = base64.b64decode(said).decode()
    assert answer["statusCode"] == status
    assert shown in said
    if status == 301:
        assert {name.lower(): value for name, value in answer["headers"].items()}["location"] == "/docs?q=%2F"
