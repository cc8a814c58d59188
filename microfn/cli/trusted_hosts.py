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
        """Whether a request was made to one of them, by hand or by a page of one of them.

        Browsers always send Host, and Origin with what the script of another page wants to read. A page that is neither
        of this host nor of this machine may be anybody's, also if it has an address.
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
    """Whether an origin (RFC 6454, section 6.2) is on this machine, or that of the request itself."""
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
    """The name or the address alone, in lower case; "" if it is no host that a browser sends."""
    match = re.fullmatch(HOST, host)
    return "" if match is None or match[2] == "" else match[1].lower().strip("[]")


def _address_of(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
