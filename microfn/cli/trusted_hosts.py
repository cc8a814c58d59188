"""The hosts of requests that see the pages of `microfn run`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from ..http.grammar import HOST, NAME

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["TrustedHosts"]

_NAME = re.compile(rf"\.?{NAME}")


class TrustedHosts:
    """Hosts that pages of others cannot have: those of this machine, the `bound` one of the server, and the `given`.

    Another site can make any other name lead here (DNS rebinding), and its scripts can then read responses. If the
    server listens on every interface, all addresses are trusted, since they are not names. ".example.com" is this host
    and all below it.

    Raises ValueError if a name is invalid.
    """

    def __init__(self, bound: str, given: Iterable[str] = ()) -> None:
        names = [name.lower() for name in given]
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    "--trusted-host must be like 'www.example.com', or '.example.com' for it and its subdomains, "
                    f"got {name!r}."
                )
        self._names = {"localhost", bound.lower(), *(name.removeprefix(".") for name in names)}
        # RFC 6761, section 6.3
        self._suffixes = (".localhost", *(name for name in names if name.startswith(".")))
        address = _address_of(bound)
        self._has_addresses = not bound or (address is not None and address.is_unspecified)

    def made(self, environ: WSGIEnvironment) -> bool:
        """Return True if a user, or a page of one of these hosts, sent the request to one of them.

        Browsers always send Host, and also Origin if a script of another page wants to read the response. A page that
        is neither of this host nor of this machine can belong to anyone, even if it has an address.
        """
        sent, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        return (sent is None or self._has(sent)) and (origin is None or _is_own(origin, sent))

    def _has(self, host: str) -> bool:
        name = _name_of(host)
        if name in self._names or name.endswith(self._suffixes):
            return True
        address = _address_of(name)
        return address is not None and (self._has_addresses or address.is_loopback)


def _is_own(origin: str, host: str | None) -> bool:
    """Return True if an origin (RFC 6454, section 6.2) is on this machine, or equals that of the request."""
    scheme, _, authority = origin.partition("://")
    name = _name_of(authority)
    if scheme not in ("http", "https") or not name:
        return False
    if host is not None and authority.lower() == host.lower():
        return True
    address = _address_of(name)
    # RFC 6761, section 6.3
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _name_of(host: str) -> str:
    """Return the name or address alone, in lower case, or "" if no browser sends such a host."""
    match = re.fullmatch(HOST, host)
    return "" if match is None or match[2] == "" else match[1].lower().strip("[]")


def _address_of(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
