"""Static files: from a path below a directory to a response, and to nothing outside of it."""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.security import safe_join
from werkzeug.wsgi import wrap_file

from .arguments import check_size
from .http.request import Request
from .http.response import Response, redirect
from .routing.paths import clean_path, decode_path, is_same_site, location

if TYPE_CHECKING:
    pass

__all__ = ["Files"]

# RFC 9110, section 14.1.2. What is no single range of bytes is ignored; 19 digits are more than any file has bytes.
_ONE_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
_HASHED = r"[.-](?=[a-f]*[0-9])[0-9a-f]{8,64}\."
_YEAR = 365 * 24 * 60 * 60
_NOTHING = "There is no such file."
# Of these each system has its own.
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_PRECOMPRESSED = (("br", ".br"), ("gzip", ".gz"))


class Files:
    """A handle that serves the regular files below `directory` by the catch-all `param`.

    Symbolic links are followed as long as they stay below `directory`. The options are those of `serve_files`.

    Raises ValueError where there is no such directory, or no such fallback in it.
    """

    def __init__(
        self,
        directory: str,
        param: str,
        *,
        max_age: int | None = None,
        immutable: bool | str = False,
        index: str | None = None,
        fallback: str | None = None,
        precompressed: bool = False,
    ) -> None:
        check_size("max_age", max_age, optional=True)
        for name, file in ("index", index), ("fallback", fallback):
            if file is not None and not isinstance(file, str):
                raise TypeError(f"{name} is the name of a file, not {file!r}")
        if not isinstance(precompressed, bool):
            raise TypeError(f"precompressed is True or False, not {precompressed!r}")
        if not isinstance(immutable, (bool, str)):
            raise TypeError(f"immutable is True, False or a regular expression, not {immutable!r}")
        self.root = os.path.realpath(directory)
        if not os.path.isdir(self.root):
            raise ValueError(f"there is no directory {directory!r} to serve files from")
        if fallback is not None and self._below(fallback) is None:
            raise ValueError(f"there is no file {fallback!r} in {directory!r} as a fallback")
        self._param = param
        self._max_age = max_age
        self._immutable = _compiled(_HASHED if immutable is True else immutable) if immutable else None
        self._index = index
        self._fallback = fallback
        self._precompressed = precompressed

    def __call__(self, request: Request, params: dict[str, Any]) -> Response:
        """The file, or what stands for it. Raises `NotFound` (404)."""
        path = params[self._param]
        if clean_path(path) != path or "\0" in path:
            raise NotFound(_NOTHING)
        file = self._below(path[1:] + (self._index or "" if path.endswith("/") else ""))
        if file is not None:
            return self._send(request, file, self._caching(file))
        if self._index is not None and self._below(f"{path[1:]}/{self._index}") is not None:
            return _to_directory(request)
        fallback = self._below(self._fallback) if self._fallback and _wants_a_page(request, path) else None
        if fallback is None:
            raise NotFound(_NOTHING)
        return self._send(request, fallback, "no-cache")

    def __repr__(self) -> str:
        return f"<Files {self.root}>"

    def _below(self, relative: str) -> str | None:
        """The real path of a regular file in the directory, if there is one."""
        joined = safe_join(self.root, relative) if relative and not relative.endswith("/") else None
        return joined and self._regular(joined)

    def _regular(self, path: str) -> str | None:
        """The real path of a regular file; a device, a pipe, or what a link leads out to is none."""
        try:
            # First, since realpath asks for each segment of a path, of ten thousand that are not there too.
            if not stat.S_ISREG(os.stat(path).st_mode):
                return None
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return None
        return real if real.startswith(os.path.join(self.root, "")) else None

    def _caching(self, path: str) -> str:
        """The value of Cache-Control (RFC 9111, section 5.2; RFC 8246)."""
        if self._immutable is not None and self._immutable.search(os.path.basename(path)):
            return f"public, max-age={_YEAR}, immutable"
        return "no-cache" if self._max_age is None else f"max-age={self._max_age}"

    def _send(self, request: Request, path: str, caching: str) -> Response:
        file, encoding = path, None
        for name, suffix in _PRECOMPRESSED if self._precompressed else ():
            compressed = self._regular(path + suffix) if request.accept_encodings.quality(name) > 0 else None
            if compressed is not None:
                file, encoding = compressed, name
                break
        response = _response(request, file, path, encoding)
        response.headers["Cache-Control"] = caching
        if self._precompressed:
            response.vary.add("Accept-Encoding")
        return response


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"immutable is no regular expression: {error}") from None


def _wants_a_page(request: Request, path: str) -> bool:
    """Whether a page may stand for what is not there: for a browser that goes there, not for a script or an image."""
    is_asked = any(name == "text/html" for name, _ in request.accept_mimetypes)
    return is_asked or "." not in path.rpartition("/")[2]


def _to_directory(request: Request) -> Response:
    path = decode_path(request.environ["PATH_INFO"]) + "/"
    if not is_same_site(path):
        raise NotFound(_NOTHING)
    target = location(request.environ.get("SCRIPT_NAME"), path, request.environ.get("QUERY_STRING"))
    return redirect(target, 301)


def _response(request: Request, path: str, named: str, encoding: str | None) -> Response:
    content_type, packed = mimetypes.guess_type(named)
    if packed:  # an archive is what it is, not a way to send what is in it
        content_type = None
    file = _open(path)
    status = os.fstat(file.fileno())
    environ = request.environ
    response = Response(
        wrap_file(environ, file), mimetype=content_type or "application/octet-stream", direct_passthrough=True
    )
    response.content_length = status.st_size
    response.last_modified = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    response.set_etag(f"{status.st_mtime_ns:x}-{status.st_size:x}" + (f"-{encoding}" if encoding else ""))
    if encoding:
        response.content_encoding = encoding
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=status.st_size)
    except HTTPException:
        response.close()
        raise
    return response


def _open(path: str) -> BinaryIO:
    """The file at a real path, unless something else has just taken its place: a link, or a pipe that nobody ends."""
    try:
        descriptor = os.open(path, _READ)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return open(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise
    except OSError:  # it is not for us to read, or has just gone
        raise NotFound(_NOTHING) from None
    os.close(descriptor)
    raise NotFound(_NOTHING)
