"""Static files: from a path below a directory to a response, and never to a file outside."""

from __future__ import annotations

import mimetypes
import os
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import NotFound
from werkzeug.http import http_date
from werkzeug.security import safe_join
from werkzeug.utils import get_content_type

from .arguments import check_size
from .directory import Directory, File
from .http.content_length import remember_length
from .http.file_body import FilePart, is_file, wrap_part
from .http.headers import Headers
from .http.limits import CONDITIONS
from .http.request import Request
from .http.response import Response, file_response, redirect
from .http.streams import Stream
from .routing.paths import clean_path, decode_path, is_same_site, location

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Files"]

_HASHED = r"[.-](?=[a-f]*[0-9])[0-9a-f]{8,64}\."
_YEAR = 365 * 24 * 60 * 60
_NOTHING = "No such file."
_SECOND = 1_000_000_000
# Tools for reproducible files write 0 (Bazel), 1 (Nix), or the first day of ZIP files, in any time zone.
_FIRST_TIME = 315_532_800 + 2 * 24 * 60 * 60
_HASHED_AT_MOST = 1024 * 1024
_HASHES_AT_MOST = 4096
_PRECOMPRESSED = {"br": ".br", "gzip": ".gz"}

# Machines differ: mime.types can be missing, and a Windows registry can have text/plain for .js.
_TYPES = {
    ".aac": "audio/aac",
    ".apng": "image/apng",
    ".atom": "application/atom+xml",
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".cjs": "text/javascript",
    ".css": "text/css",
    ".csv": "text/csv",
    ".eot": "application/vnd.ms-fontobject",
    ".flac": "audio/flac",
    ".geojson": "application/geo+json",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",  # RFC 9239
    ".json": "application/json",
    ".jsonld": "application/ld+json",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4a": "audio/mp4",
    ".m4v": "video/mp4",
    ".map": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpd": "application/dash+xml",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".otf": "font/otf",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".rss": "application/rss+xml",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
    ".vtt": "text/vtt",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".yaml": "application/yaml",  # RFC 9512
    ".yml": "application/yaml",
    ".zip": "application/zip",
}

_SELECTING = frozenset({*CONDITIONS, "HTTP_RANGE"})
"""The headers of requests for less than the whole file (RFC 9110, sections 13 and 14)."""
_date = lru_cache(maxsize=256)(http_date)


class Files:
    """A handle that serves the regular files below `directory` by the catch-all `param`.

    Symbolic links are followed as long as they stay below `directory`. The options are those of `serve_files`.

    Raises ValueError if the directory does not exist, or does not contain the fallback.
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
                raise TypeError(f"{name} must be the name of a file, got {file!r}")
        if not isinstance(precompressed, bool):
            raise TypeError(f"precompressed must be True or False, got {precompressed!r}")
        if not isinstance(immutable, (bool, str)):
            raise TypeError(f"immutable must be True, False or a regular expression, got {immutable!r}")
        self._directory = Directory(directory)
        self.root = self._directory.path
        if fallback is not None and not self._exists(fallback):
            raise ValueError(f"fallback must be a file in {directory!r}, got {fallback!r}")
        self._param = param
        self._max_age = max_age
        self._immutable = _compiled(_HASHED if immutable is True else immutable) if immutable else None
        self._index = index
        self._fallback = fallback
        self._precompressed = precompressed

    def __call__(self, request: Request, params: dict[str, Any]) -> Response:
        """Return the file, or its replacement. Raises `NotFound` (404)."""
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
        """Open a regular file in the directory, if it exists."""
        joined = safe_join(self.root, relative) if relative and not relative.endswith("/") else None
        return self._directory.open(joined) if joined else None

    def _caching(self, path: str) -> str:
        """Return the value of Cache-Control (RFC 9111, section 5.2; RFC 8246)."""
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
            more = [("Cache-Control", caching)] + [("Vary", "Accept-Encoding")] * self._precompressed
            return _response(request, file, named, encoding, more)
        except BaseException:
            file.content.close()
            raise


def _compiled(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"immutable must be a valid regular expression: {error}") from None


def _accepted_codings(request: Request) -> list[str]:
    """Return the codings that a client prefers to none, best first and br before gzip (RFC 9110, section 12.5.3).

    A client prefers identity only if it names it: `*` means codings, and identity is not one.
    """
    quality = request.accept_encodings.quality
    least = max((weight for name, weight in request.accept_encodings if name.lower() == "identity"), default=0)
    codings = [name for name in _PRECOMPRESSED if quality(name) > 0 and quality(name) >= least]
    return sorted(codings, key=quality, reverse=True)


def _wants_a_page(request: Request, path: str) -> bool:
    """Return True if the fallback page applies: for the navigation of a browser, not for a script or an image."""
    is_asked = any(name == "text/html" for name, _ in request.accept_mimetypes)
    return is_asked or "." not in path.rpartition("/")[2]


def _to_directory(request: Request) -> Response:
    path = decode_path(request.environ["PATH_INFO"]) + "/"
    if not is_same_site(path):
        raise NotFound(_NOTHING)
    target = location(request.environ.get("SCRIPT_NAME"), path, request.environ.get("QUERY_STRING"))
    return redirect(target, 301)


_hashes: dict[tuple[int, ...], str] = {}


def _version(file: File) -> str | None:
    """Return a unique value for this version of a file (RFC 9110, section 8.8.1), or None.

    Two versions can have the same size and modification time if a tool set it, which is then in whole seconds. In this
    case a hash distinguishes them, or for large files the time of the last change in the file system.
    """
    status = file.status
    if _tells(status.st_mtime_ns):
        return f"{status.st_mtime_ns:x}-{status.st_size:x}"
    if status.st_size <= _HASHED_AT_MOST:
        return _hash(file)
    touched = _touched(status)
    return f"{touched:x}-{status.st_size:x}-c" if _tells(touched) else None


def _touched(status: os.stat_result) -> int:
    """Return the time of the last change of a file or its status, which tools cannot set. Windows has no such time."""
    return status.st_ctime_ns if os.name == "posix" else 0


def _tells(changed: int) -> bool:
    return changed % _SECOND != 0 and changed >= _FIRST_TIME * _SECOND


def _hash(file: File) -> str:
    """Return a hash of a file. PERF: it is cached if every change of the file would be detected."""
    status = file.status
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    known = _hashes.get(key)
    if known is None:
        known = blake2b(file.content.read(status.st_size), digest_size=16).hexdigest()
        file.content.seek(0)
        # A second change within one tick of the clock is not detected.
        if _tells(_touched(status)) and _touched(status) + 2 * _SECOND < time.time_ns():
            if len(_hashes) >= _HASHES_AT_MOST:
                _hashes.clear()
            _hashes[key] = known
    return known


def _type_of(path: str) -> str:
    """Return the media type of a file by its name. Only for uncommon names, the machine's table is used."""
    known = _TYPES.get(os.path.splitext(path)[1].lower())
    if known is not None:
        return known
    content_type, packed = mimetypes.guess_type(path)
    # The type of an archive is its own, not a coding of its content.
    return "application/octet-stream" if packed or content_type is None else content_type


def _response(request: Request, file: File, named: str, encoding: str | None, more: Headers) -> Response:
    """Return the whole file, or the result of a conditional or range request."""
    environ, size = request.environ, file.status.st_size
    headers = [("Content-Type", get_content_type(_type_of(named), "utf-8")), ("Content-Length", str(size))]
    changed, now = file.status.st_mtime_ns // _SECOND, int(time.time())
    if _FIRST_TIME <= changed <= now:  # RFC 9110, section 8.8.2.1: never in the future
        headers.append(("Last-Modified", _date(changed)))
    version = _version(file)
    if version is not None:
        headers.append(("ETag", f'"{version}-{encoding}"' if encoding else f'"{version}"'))
    if encoding:
        headers.append(("Content-Encoding", encoding))
    headers += [("Date", _date(now)), ("Accept-Ranges", "bytes"), *more]
    if environ["REQUEST_METHOD"] == "GET" and _SELECTING.isdisjoint(environ):
        # PERF: without conditions, the response takes a third of the time.
        return file_response(headers, _body(file, 0, size, environ))
    response = Response(headers=headers, direct_passthrough=True)
    response.make_conditional(environ, accept_ranges=True, complete_length=size)
    first = response.content_range.start or 0 if response.status_code == 206 else 0
    response.response = _body(file, first, response.content_length, environ)
    remember_length(response)
    return response


def _body(file: File, first: int, size: int, environ: WSGIEnvironment) -> Iterable[bytes]:
    body = wrap_part(FilePart(file.content, first, size), environ)
    return body if is_file(body, environ) or environ["REQUEST_METHOD"] == "HEAD" else Stream(body)
