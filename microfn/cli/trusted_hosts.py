"""The hosts by which a developer asks for what `microfn run` serves."""

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
    """Those that nobody else's pages can be on: this machine's, `bound` where the server listens, and the `given`.

    Any other name may have been made to lead here by the site that a browser has it from (DNS rebinding), whose scripts
    could read what is answered. Where the server listens on every interface all addresses are trusted, which are no
    names. ".example.com" is that host and all below it.

    Raises ValueError for a name that is none.
    """

    def __init__(self, bound: str, given: Iterable[str] = ()) -> None:
        names = [name.lower() for name in given]
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no host like 'www.example.com', or '.example.com' for all below it")
        self._names = {"localhost", bound.lower(), *(name.removeprefix(".") for name in names)}
        # RFC 6761, section 6.3
        self._suffixes = (".localhost", *(name for name in names if name.startswith(".")))
        address = _address_of(bound)
        self._has_addresses = not bound or (address is not None and address.is_unspecified)

    def made(self, environ: WSGIEnvironment) -> bool:
        """Whether a request was made to one of them, by hand or by a page of one of them.

        Browsers always send Host, and Origin with what the script of another page wants to read.
        """
        sent, origin = environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN")
        return (sent is None or self._has(sent)) and (origin is None or self._has(origin.partition("://")[2]))

    def _has(self, host: str) -> bool:
        match = re.fullmatch(HOST, host)
        if match is None or match[2] == "":  # no browser sends a colon without a port
            return False
        name = match[1].lower().strip("[]")
        if name in self._names or name.endswith(self._suffixes):
            return True
        address = _address_of(name)
        return address is not None and (self._has_addresses or address.is_loopback)


def _address_of(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
