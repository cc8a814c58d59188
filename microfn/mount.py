"""Other WSGI applications in a place of their own: below a prefix of the path, or on a host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException, NotFound

from .errors import InvalidPattern, name_of
from .host import name_of_host
from .paths import tunnel
from .problems import page
from .request import Request
from .scope import check_prefix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["HostSwitch", "Mount", "Mounts"]

# Not compiled when this is imported: few need it, and that would be a tenth of what microfn takes to import.
_HOST = r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]"


class Mount:
    """A WSGI application below a prefix. Its answers are its own: nothing that it sends or raises is looked at."""

    __slots__ = ("application", "prefix", "where")

    def __init__(self, prefix: str, application: WSGIApplication, where: str = "") -> None:
        self.prefix = check_prefix(prefix)
        if not self.prefix:
            raise InvalidPattern(
                prefix, "a mount needs a prefix; @app.error(404) can return an application for the rest"
            )
        if ":" in prefix or "*" in prefix:
            raise InvalidPattern(prefix, "the prefix of a mount is text, without wildcards")
        if not callable(application):
            raise TypeError(f"what is mounted is a WSGI application, not {application!r}")
        self.application = application
        self.where = where

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request over, with the prefix moved from PATH_INFO to SCRIPT_NAME, as it came."""
        path, length = environ["PATH_INFO"], len(tunnel(self.prefix))
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "").rstrip("/") + path[:length]
        environ["PATH_INFO"] = path[length:]
        environ["microfn.route"] = f"{self.prefix}/*"
        return self.application(environ, start_response)

    def covers(self, pattern: str) -> bool:
        """Whether a route of this pattern would be the mounted application's."""
        return pattern.startswith(self.prefix) and pattern[len(self.prefix) :][:1] in ("", "/")

    def may_meet(self, pattern: str) -> bool:
        """Whether a pattern with wildcards could match a path that is the mounted application's."""
        ours, theirs = self.prefix.split("/"), pattern.split("/")
        for own, other in zip(ours, theirs, strict=False):
            if other.startswith("*"):
                return True
            text, colon, _ = other.partition(":")
            if not own.startswith(text) if colon else own != other:
                return False
        return len(theirs) >= len(ours)

    def moved(self, prefix: str) -> Mount:
        """The same below another prefix."""
        return Mount(prefix + self.prefix, self.application, self.where)

    def __str__(self) -> str:
        return f"the mount {self.prefix}{self.where and f' ({self.where})'}"

    def __repr__(self) -> str:
        return f"<Mount {self.prefix} {name_of(self.application)}>"


class Mounts:
    """All mounts, of which the one with the longest prefix takes a path."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._by_first: dict[str, list[tuple[str, Mount]]] = {}
        for mount in sorted(mounts, key=lambda mount: len(mount.prefix), reverse=True):
            prefix = tunnel(mount.prefix)
            self._by_first.setdefault(prefix.split("/", 2)[1], []).append((prefix, mount))

    def find(self, path: str) -> Mount | None:
        """The mount of a path, as WSGI has it."""
        for prefix, mount in self._by_first.get(path[1:].partition("/")[0], ()):
            if path.startswith(prefix) and path[len(prefix) :][:1] in ("", "/"):
                return mount
        return None


class HostSwitch:
    """A WSGI application for each host: `example.com` is that alone, `*.example.com` all below it.

    The exact host comes first, then the longest of the others, then `default`; without that, other hosts get a 404.
    Ports, case and a dot at the end make no difference. A Host header that is no host is a 400 (RFC 9112, section 3.2).

    >>> from microfn import Router
    >>> api, www = Router(), Router()
    >>> app = HostSwitch({"api.example.com": api}, default=www)

    Raises TypeError and ValueError for what is no host, or no application.
    """

    def __init__(self, hosts: Mapping[str, WSGIApplication], *, default: WSGIApplication | None = None) -> None:
        if not isinstance(hosts, Mapping):
            raise TypeError(f"hosts map names to applications, like {{'api.example.com': api}}; not {hosts!r}")
        self._applications: dict[str, WSGIApplication] = {}
        for given, application in hosts.items():
            host = _checked_host(given)
            if host in self._applications:
                raise ValueError(f"the host {given!r} is there twice")
            self._applications[host] = _checked_application(application)
        self._default = None if default is None else _checked_application(default)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Hand the request to the application of its host."""
        environ.setdefault("REQUEST_METHOD", "GET")
        try:
            application = self.find(Request(environ).host)
        except HTTPException as error:
            status, headers, body = page(error, environ)
            start_response(status, headers)
            return body
        return application(environ, start_response)

    def find(self, host: str) -> WSGIApplication:
        """The application for a host. Raises `NotFound` (404) where there is none."""
        name = name_of_host(host)
        found = self._applications.get(name)
        while found is None and name:
            name = name.partition(".")[2]
            found = self._applications.get(f"*.{name}")
        if found is None:
            found = self._default
        if found is None:
            raise NotFound("There is nothing on this host.")
        return found


def _checked_host(host: object) -> str:
    if not isinstance(host, str):
        raise TypeError(f"a host is a str, not {host!r}")
    name = host.lower().rstrip(".")
    if not name.isascii():
        name = name.encode("idna").decode()
    if not re.fullmatch(_HOST, name):
        raise ValueError(f"{host!r} is no host: a name like 'example.com' or '*.example.com', without scheme and port")
    return name


def _checked_application(application: WSGIApplication) -> WSGIApplication:
    if not callable(application):
        raise TypeError(f"a host's application is a WSGI application, not {application!r}")
    return application
