"""Files as bodies: the bytes that Content-Length names, however many are in the file by now."""

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
    """A file for `wsgi.file_wrapper`: `size` bytes of another one from `first` on, however much that has by now.

    It has no `fileno`, because servers that find one send what is in the file (uWSGI, bjoern), or do not notice that
    it became shorter (gunicorn). Reading raises EOFError then, so that the connection breaks: a response of fewer
    bytes than Content-Length is incomplete (RFC 9112, section 6.3), and the next one must not fill it up.
    """

    def __init__(self, file: Any, first: int, size: int) -> None:
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


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server knows how to send this faster than chunk by chunk (PEP 3333, wsgi.file_wrapper)."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def find_file(body: object, environ: WSGIEnvironment) -> Any:
    """Return the file of bytes in a body, or the part of one; None if it cannot seek, or is hidden as in bjoern.

    gunicorn and wsgiref call the file in their wrapper `filelike`, waitress and werkzeug `file`; uWSGI's is the file.
    """
    file: Any = None
    if is_file(body, environ) or type(body) is FileWrapper:
        file = getattr(body, "filelike", None) or getattr(body, "file", None)
    elif isinstance(body, (RawIOBase, BufferedIOBase)):
        file = body
    can_seek = hasattr(file, "read") and hasattr(file, "seekable") and file.seekable()
    return file if can_seek or isinstance(file, FilePart) else None


def wrap_part(part: FilePart, environ: WSGIEnvironment) -> Iterable[bytes]:
    """Return the body that the server sends in its own way, if it has one."""
    wrap: Any = environ.get("wsgi.file_wrapper") or FileWrapper
    body: Iterable[bytes] = wrap(part, _BLOCK)
    return body
