"""Grammar of HTTP for several modules, with the section that defines each rule."""

from __future__ import annotations

import re

__all__ = ["DIGITS", "HOP_BY_HOP", "HOST", "NAME", "STATUSES_WITHOUT_CONTENT", "TOKEN"]

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""token = 1*tchar (RFC 9110, section 5.6.2)."""

DIGITS = re.compile("[0-9]+")
"""1*DIGIT, as in Content-Length (RFC 9110, section 8.6)."""

NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
"""The name of a host that DNS can resolve: a subset of reg-name (RFC 3986, section 3.2.2).

Not compiled at import, since few applications need it.
"""

HOST = rf"({NAME}\.?|\[[A-Fa-f0-9]*:[A-Fa-f0-9:.]+\])(?::([0-9]{{0,5}}))?"
"""uri-host [ ":" port ], as in Host (RFC 9110, section 7.2). Not compiled at import."""

HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer trailers "
    "transfer-encoding upgrade".split()
)
"""Fields of the connection (RFC 9110, section 7.6.1; RFC 2616, section 13.5.1). The server sends them (PEP 3333)."""

STATUSES_WITHOUT_CONTENT = ("204", "205", "304")
"""Final statuses of responses without content (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5)."""
