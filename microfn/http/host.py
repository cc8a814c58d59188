"""Hosts in requests: their syntax, and the trusted ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from .grammar import HOST

__all__ = ["is_trusted", "is_trusted_by", "name_of_host", "trusted_name", "with_port", "written_host"]

_LONGEST = 262
"""A name of 255 bytes (RFC 1035, section 2.3.4) with a dot at the end, and a port."""
_PORT = ":[0-9]*$"
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def written_host(text: str, scheme: str) -> str | None:
    """Return a Host header in the form of a URL: without the default port of the scheme. Return None if it is invalid.

    >>> written_host("my_service:80", "http"), written_host("[::1]:8000", "http"), written_host("a b", "http")
    ('my_service', '[::1]:8000', None)
    """
    return _written_host(text, scheme) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _written_host(text: str, scheme: str) -> str | None:
    """Do the work. PERF: clients send few hosts, and each takes 1 µs to parse."""
    match = re.fullmatch(HOST, text)
    if match is None:
        return None
    name, port = match.groups()
    if not port or int(port) == _PORTS.get(scheme):
        return name
    return text if 0 < int(port) < 65536 else None


def with_port(host: str, scheme: str) -> str:
    """Return the host with its port, even the default port of the scheme.

    >>> with_port("www.example.com", "https"), with_port("[::1]:8000", "http")
    ('www.example.com:443', '[::1]:8000')
    """
    return host if re.search(_PORT, host) or scheme not in _PORTS else f"{host}:{_PORTS[scheme]}"


@lru_cache(maxsize=1024)
def name_of_host(host: str) -> str:
    """Return the name for comparisons: in lower case, without a port and a dot at the end."""
    return re.sub(_PORT, "", host).lower().rstrip(".")


def trusted_name(host: str) -> str:
    """Return a trusted host in the form that `is_trusted` accepts. Raises ValueError if it is invalid."""
    dot = "." * host.startswith(".")
    name, colon, port = host.removeprefix(".").partition(":")
    written = host if host.startswith("[") else name.encode("idna").decode() + colon + port
    match = re.fullmatch(HOST, written)
    if match is None:
        raise ValueError("it must be a name or an address, with brackets around IPv6")
    port = match[2]
    if port and not 0 < int(port) < 65536:
        raise ValueError("its port must be between 1 and 65535")
    return dot + name_of_host(written) + (f":{int(port)}" if port else "")


@lru_cache(maxsize=1024)
def is_trusted_by(host: str, scheme: str, trusted: tuple[str, ...]) -> bool:
    """Return True if a host is trusted, compared with its port. PERF: clients send few hosts, so results are cached."""
    return is_trusted(with_port(host, scheme), trusted)


def is_trusted(host: str, trusted: Iterable[str]) -> bool:
    """Return True if a host is one of these, or equal to or below one that begins with a dot.

    The port counts only if the trusted host has one.
    """
    name = name_of_host(host)
    port = re.search(_PORT, host)
    written = (name, f"{name}:{int(port[0][1:])}") if port and port[0] != ":" else (name,)
    return any(
        one == known.removeprefix(".") or (known[:1] == "." and one.endswith(known))
        for known in trusted
        for one in written
    )
