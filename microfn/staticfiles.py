"""Static files: from a path below a directory to a response, and to nothing outside of it."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from io import FileIO
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join
from werkzeug.wsgi import FileWrapper

from .arguments import check_size
from .directory import Directory, File
from .http.request import Request
from .http.response import Response, redirect
from .routing.paths import clean_path, decode_path, is_same_site, location

__all__ = ["Files"]

_HASHED = r"[.-](?=[a-f]*[0-9])[0-9a-f]{8,64}\."
_YEAR = 365 * 24 * 60 * 60
_NOTHING = "There is no such file."
_BLOCK = 256 * 1024
_PRECOMPRESSED = {"br": ".br", "gzip": ".gz"}


class Part:
    """A file for `wsgi.file_wrapper`: `size` bytes of another one from `first` on, however much that has by now.

    It has no `fileno`, because servers that find one send what is in the file (uWSGI, bjoern), or do not notice that
    it became shorter (gunicorn). Reading raises EOFError then, so that the connection breaks: a response of fewer
    bytes than Content-Length is incomplete (RFC 9112, section 6.3), and the next one must not fill it up.
    """

    def __init__(self, file: FileIO, first: int, size: int) -> None:
        self._file = file
        self._first = first
        self._size = size
        self._position = 0
        if first:
            file.seek(first)

    def read(self, size: int | None = -1) -> bytes:
        """Return so many bytes, or fewer if that is the end. Raises EOFError if the file ends before."""
        if size is None or size < 0:
            return b"".join(self)
        wanted = min(size, self._size - self._position)
        data = self._file.read(wanted)
        if wanted and not data:
            raise EOFError(f"the file became shorter: {self._position} of {self._size} bytes were sent")
        self._position += len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_BLOCK), b"")

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position in this part, as waitress does: it sends a file from its main thread if it can seek."""
        position = offset + (0, self._position, self._size)[whence]
        self._position = min(max(position, 0), self._size)
        self._file.seek(self._first + self._position)
        return self._position

    def tell(self) -> int:
        """Return the position in this part."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._file.close()


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
        self._directory = Directory(directory)
        self.root = self._directory.path
        if fallback is not None and not self._exists(fallback):
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
            return self._send(request, file, self._caching(file.path))
        if self._index is not None and self._exists(f"{path[1:]}/{self._index}"):
            return _to_directory(request)
        fallback = self._below(self._fallback) if self._fallback and _wants_a_page(request, path) else None
        if fallback is None:
            raise NotFound(_NOTHING)
        return self._send(request, fallback, "no-cache")

    def __repr__(self) -> str:
        return f"<Files {self.root}>"

    def _exists(self, relative: str) -> bool:
        file = self._below(relative)
        if file is not None:
            file.content.close()
        return file is not None

    def _below(self, relative: str) -> File | None:
        """Open a regular file in the directory, if there is one."""
        joined = safe_join(self.root, relative) if relative and not relative.endswith("/") else None
        return self._directory.open(joined) if joined else None

    def _caching(self, path: str) -> str:
        """The value of Cache-Control (RFC 9111, section 5.2; RFC 8246)."""
        if self._immutable is not None and self._immutable.search(os.path.basename(path)):
            return f"public, max-age={_YEAR}, immutable"
        return "no-cache" if self._max_age is None else f"max-age={self._max_age}"

    def _send(self, request: Request, file: File, caching: str) -> Response:
        named, encoding = file.path, None
        try:
            for name in _accepted_codings(request) if self._precompressed else ():
                compressed = self._directory.open(named + _PRECOMPRESSED[name])
                if compressed is not None:
                    file.content.close()
                    file, encoding = compressed, name
                    break
            response = _response(request, file, named, encoding)
        except BaseException:
            file.content.close()
            raise
        response.headers["Cache-Control"] = caching
        if self._precompressed:
            response.vary.add("Accept-Encoding")
        return response


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"immutable is no regular expression: {error}") from None


def _accepted_codings(request: Request) -> list[str]:
    """The codings that a client prefers to none, the best one first and br before gzip (RFC 9110, section 12.5.3)."""
    quality = request.accept_encodings.quality
    least = quality("identity")
    codings = [name for name in _PRECOMPRESSED if quality(name) > 0 and quality(name) >= least]
    return sorted(codings, key=quality, reverse=True)


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


def _response(request: Request, file: File, named: str, encoding: str | None) -> Response:
    content_type, packed = mimetypes.guess_type(named)
    if packed:  # an archive is what it is, not a way to send what is in it
        content_type = None
    status = file.status
    environ = request.environ
    response = Response(mimetype=content_type or "application/octet-stream", direct_passthrough=True)
    response.content_length = status.st_size
    response.last_modified = datetime.fromtimestamp(status.st_mtime, timezone.utc)
    response.set_etag(f"{status.st_mtime_ns:x}-{status.st_size:x}" + (f"-{encoding}" if encoding else ""))
    if encoding:
        response.content_encoding = encoding
    response.make_conditional(environ, accept_ranges=True, complete_length=status.st_size)
    first = response.content_range.start or 0 if response.status_code == 206 else 0
    part = Part(file.content, first, response.content_length)
    wrap: Any = environ.get("wsgi.file_wrapper") or FileWrapper
    response.response = wrap(part, _BLOCK)
    return response
