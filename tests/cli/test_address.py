"""Addresses that a server cannot listen on are refused by every command."""

from __future__ import annotations

import pytest

from .shop import typed


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "bind", ["nonsense", "127.0.0.1:99999", "a:08000", "127.0.0.1:", ":80", "unix:", "unix:a b", "a:b:80"]
)
def test_where_a_server_cannot_listen_is_told(bind):
    for command in ("serve", "--print"), ("deploy", "nginx"):
        assert "--bind must be HOST:PORT or unix:PATH" in typed(*command, "--bind", bind, code=2)
    assert " --bind '[::1]:65535' " in typed("serve", "--print", "--bind", "[::1]:65535")
