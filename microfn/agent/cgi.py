"""What a function is asked, as CGI has it (RFC 3875, section 4): an environment and a body."""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from ..http.grammar import HOP_BY_HOP, TOKEN

__all__ = ["body_of", "check_request", "environ_of", "metavariables"]

# RFC 3875, section 4.1. What else a server puts into its environ stays there.
_NAMES = """AUTH_TYPE CONTENT_TYPE PATH_INFO QUERY_STRING REMOTE_ADDR REMOTE_HOST REMOTE_PORT REMOTE_USER REQUEST_METHOD
SCRIPT_NAME SERVER_NAME SERVER_PORT SERVER_PROTOCOL""".split()
# There even where they are empty (sections 4.1.7 and 4.1.13); a script with `set -u` reads them.
_ALWAYS_SET = (b"QUERY_STRING", b"SCRIPT_NAME")
# "Proxy" would be HTTP_PROXY, which programs take for their own setting; the others are about the connection.
_KEPT_BACK = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in ("proxy", *HOP_BY_HOP))
_PROTOCOL_NAMES = ("CONTENT_TYPE", "CONTENT_LENGTH")
_PIECE = 65536
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def metavariables(environ: Mapping[str, Any], params: Mapping[str, Any] | None) -> dict[bytes, bytes]:
    """A request of WSGI as CGI has it: text is latin-1 there, and bytes in a process.

    Params come each as `FN_PARAM_` and its name, and all as JSON in `FN_PARAMS`.
    """
    given = {name: environ.get(name) for name in _NAMES}
    named = {f"HTTP_{name.strip().upper().replace('-', '_')}" for name in environ.get("HTTP_CONNECTION", "").split(",")}
    dropped = _KEPT_BACK | named  # RFC 9110, section 7.6.1
    given |= {name: value for name, value in environ.items() if name.startswith("HTTP_") and name not in dropped}
    given["GATEWAY_INTERFACE"] = "CGI/1.1"
    if environ.get("wsgi.url_scheme") == "https":
        given["HTTPS"] = "on"
    variables = dict.fromkeys(_ALWAYS_SET, b"")
    # Not all servers have texts only: a port may be a number.
    variables |= {name.encode("latin-1"): str(value).encode("latin-1") for name, value in given.items() if value}
    if params:
        variables[b"FN_PARAMS"] = json.dumps(dict(params), default=str).encode("ascii")
        for name, value in params.items():
            variables[f"FN_PARAM_{name}".encode()] = str(value).encode("utf-8", "surrogateescape")
    return variables


def check_request(method: object, path: object) -> None:
    """Raise ValueError for what is no method, or no path."""
    if not isinstance(method, str) or not TOKEN.fullmatch(method):
        raise ValueError(f"{method!r:.200} is no method (RFC 9110, section 9.1)")
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError(f'a path begins with "/", and {path!r:.200} does not')


def environ_of(method: str, path: str, headers: Mapping[str, str], params: Mapping[str, Any]) -> dict[bytes, bytes]:
    """A call without HTTP, as if it had come by HTTP. Raises TypeError and ValueError for what is no header."""
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": _as_wsgi(path),
        "QUERY_STRING": _as_wsgi(query),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    for given, told in ("headers", headers), ("params", params):
        if not isinstance(told, Mapping):
            raise TypeError(f"{given} is a mapping, not {told!r:.200}")
    for name, value in headers.items():
        if not isinstance(name, str) or not TOKEN.fullmatch(name):
            raise ValueError(f"{name!r:.200} is no name of a header (RFC 9110, section 5.1)")
        if not isinstance(value, str):
            raise TypeError(f"the header {name} is a text, not {value!r:.200}")
        if _CONTROL.search(value):
            raise ValueError(f"the header {name} holds a control character: {value!r:.200}")
        key = name.upper().replace("-", "_")
        environ[key if key in _PROTOCOL_NAMES else f"HTTP_{key}"] = _as_wsgi(value)
    return metavariables(environ, params)


def body_of(source: bytes | IO[bytes]) -> IO[bytes] | None:
    """A body, whole and in a file of its own, so that who sends it slowly keeps no process waiting; None for none.

    The caller closes it. Raises TypeError for what is no body, and what reading raises.
    """
    is_bytes = isinstance(source, (bytes, bytearray, memoryview))
    if not is_bytes and (not hasattr(source, "read") or isinstance(source, io.TextIOBase)):
        raise TypeError(f"a body is bytes, or a file of bytes, not {source!r:.200}")
    stream: Any = io.BytesIO(source) if is_bytes else source  # type: ignore[arg-type]
    first = stream.read(_PIECE)
    if not first:
        return None
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the call closes it
    try:
        file.write(first)
        shutil.copyfileobj(stream, file, _PIECE)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


def _as_wsgi(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
