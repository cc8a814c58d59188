"""Files as bodies, of exactly the bytes in Content-Length, even if the file changes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from io import BufferedIOBase, RawIOBase
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import FileWrapper

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["FilePart", "find_file", "is_file", "wrap_part"]

_BLOCK = 256 * 1024


class FilePart:
    """A part of a file for `wsgi.file_wrapper`: `size` bytes from `first` on, even if the file has grown.

    The class has no `fileno`, because servers then send the current content of the file (uWSGI, bjoern), or don't
    notice that it has become shorter (gunicorn). Reading raises EOFError in this case, so that the connection breaks: a
    response with fewer bytes than Content-Length is incomplete (RFC 9112, section 6.3), and the next one must not
    complete it.
    """

    def __init__(self, file: Any, first: int, size: int) -> None:
        self._file = file
        self._first = first
        self._size = size
        self._position = 0
        if first:
            file.seek(first)

    def read(self, size: int | None = -1) -> bytes:
        """Return up to `size` bytes, or fewer at the end of the part. Raises EOFError if the file ends before."""
        if size is None or size < 0:
            return b"".join(self)
        wanted = min(size, self._size - self._position)
        data: bytes = self._file.read(wanted)
        if wanted and not data:
            raise EOFError(
                f"the file became shorter while it was sent: {self._position} of {self._size} bytes were sent"
            )
        self._position += len(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_BLOCK), b"")

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in this part. waitress needs it to send a file from its main thread."""
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


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Return True if the server can send this faster than chunk by chunk (PEP 3333, wsgi.file_wrapper)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def find_file(body: object, environ: WSGIEnvironment) -> Any:
    """Return the binary file in a body, or the part of one. Return None if it cannot seek, or is hidden as in bjoern.

    gunicorn and wsgiref name the file in their wrapper `filelike`, waitress and werkzeug `file`. uWSGI passes the file.
    """
    file: Any = None
    if is_file(body, environ) or type(body) is FileWrapper:
        file = getattr(body, "filelike", None) or getattr(body, "file", None)
    elif isinstance(body, (RawIOBase, BufferedIOBase)):
        file = body
    can_seek = hasattr(file, "read") and hasattr(file, "seekable") and file.seekable()
    return file if can_seek or isinstance(file, FilePart) else None


def wrap_part(part: FilePart, environ: WSGIEnvironment) -> Iterable[bytes]:
    """Return the body that the server sends by its file wrapper, if it has one."""
    wrap: Any = environ.get("wsgi.file_wrapper") or FileWrapper
    body: Iterable[bytes] = wrap(part, _BLOCK)
    return body
