"""An application with routes of many kinds, and a client that checks the WSGI side."""

from __future__ import annotations

import pytest
import webtest

from microfn import Router

from ..handles import echo


@pytest.fixture
def app():
    app = Router()
    for method, pattern in [
        ("GET", "/"),
        ("GET", "/users/:id"),
        ("PUT", "/users/:id"),
        ("HEAD", "/own"),
        ("GET", "/own"),
        ("GET", "/docs/"),
        ("POST", "/docs/"),
        ("GET", "/Case/Mixed"),
        ("GET", "/src/*path"),
        ("POST", "/only"),
        ("OPTIONS", "/asked"),
        ("GET", "/café"),
    ]:
        app.handle(method, pattern, echo)
    return app


@pytest.fixture
def client(app):
    return webtest.TestApp(app)
