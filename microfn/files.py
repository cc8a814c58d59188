"""Static files: from a path below a directory to a response, and to nothing outside of it."""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from datetime import datetime, timezone
from typing import Any, BinaryIO

from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable
from werkzeug.security import safe_join
from werkzeug.wsgi import wrap_file

from .handle import Handle
from .paths import clean_path
from .request import Request
from .response import Response
from .route import check_size

__all__ = ["file_handle"]

# RFC 9110, section 14.1.2. What is no single range of bytes is ignored; 19 digits are more than any file has bytes.
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
_NOTHING = "There is no such file."
_PRECOMPRESSED = (("br", ".br"), ("gzip", ".gz"))


def file_handle(
    directory: str,
    param: str,
    *,
    max_age: int | None = None,
    index: str | None = None,
    precompressed: bool = False,
) -> Handle:
    """A handle that serves the regular files below `directory` by the catch-all `param`.

    `max_age`, in seconds, is how long a client may keep a file without asking again. `index` is the file that stands
    for a directory. With `precompressed`, `style.css.br` or `style.css.gz` is sent for `style.css` to who accepts it.
    Symbolic links are followed as long as they stay below `directory`.

    Raises ValueError where there is no such directory.
    """
    check_size("max_age", max_age, optional=True)
    if index is not None and not isinstance(index, str):
        raise TypeError(f"index is the name of a file, not {index!r}")
    if not isinstance(precompressed, bool):
        raise TypeError(f"precompressed is True or False, not {precompressed!r}")
    root = os.path.realpath(directory)
    if not os.path.isdir(root):
        raise ValueError(f"there is no directory {directory!r} to serve files from")

    def serve_file(request: Request, params: dict[str, Any]) -> Response:
        path = _find(root, params[param], index)
        for encoding, suffix in _PRECOMPRESSED if precompressed else ():
            if request.accept_encodings.quality(encoding) > 0:
                compressed = _regular_file(root, path + suffix)
                if compressed is not None:
                    return _respond(request, compressed, path, max_age, vary=True, encoding=encoding)
        return _respond(request, path, path, max_age, vary=precompressed)

    return serve_file


def _find(root: str, path: str, index: str | None) -> str:
    """The file that `path`, which begins with a slash, stands for below `root`. Raises NotFound."""
    if clean_path(path) == path and "\0" not in path:
        relative = path[1:] + (index or "" if path.endswith("/") else "")
        joined = safe_join(root, relative) if relative and not relative.endswith("/") else None
        found = joined and _regular_file(root, joined)
        if found:
            return found
    raise NotFound(_NOTHING)


def _regular_file(root: str, path: str) -> str | None:
    """The real path of a regular file below `root`; a device, a pipe, or what a link leads out to is none."""
    try:
        real = os.path.realpath(path)
        is_regular = stat.S_ISREG(os.stat(real).st_mode)
    except (OSError, ValueError):
        return None
    return real if is_regular and real.startswith(os.path.join(root, "")) else None


def _respond(
    request: Request, path: str, named: str, max_age: int | None, *, vary: bool, encoding: str | None = None
) -> Response:
    content_type, packed = mimetypes.guess_type(named)
    if packed:  # an archive is what it is, not a way to send what is in it
        content_type = None
    environ = {name: value for name, value in request.environ.items() if name != "HTTP_RANGE" or _is_one_range(request)}
    file = _open(path)
    status = os.fstat(file.fileno())
    response = Response(
        wrap_file(environ, file), mimetype=content_type or "application/octet-stream", direct_passthrough=True
    )
    response.content_length = status.st_size
    response.last_modified = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    response.set_etag(f"{status.st_mtime_ns:x}-{status.st_size:x}" + (f"-{encoding}" if encoding else ""))
    response.cache_control.max_age = max_age
    response.cache_control.no_cache = True if max_age is None else None
    if encoding:
        response.content_encoding = encoding
    if vary:
        response.vary.add("Accept-Encoding")
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=status.st_size)
    except RequestedRangeNotSatisfiable:
        response.close()
        raise
    return response


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError:  # it is not for us to read, or has just gone
        raise NotFound(_NOTHING) from None


def _is_one_range(request: Request) -> bool:
    """Whether Range is understood: one range, and the method is GET (RFC 9110, section 14.2)."""
    found = _ONE_RANGE.fullmatch(request.environ["HTTP_RANGE"])
    if found is None or request.method != "GET":
        return False
    first, last = found.groups()
    return int(first) <= int(last) if first and last else bool(first or last)
