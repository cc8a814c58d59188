"""The body of a call: whole, and in a file of its own."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

from ..shortage import is_shortage
from .errors import Busy

__all__ = ["spool_body"]

_PIECE = 65536
logger = logging.getLogger("microfn.agent")


def spool_body(source: bytes | IO[bytes], *, most_in_memory: int = 0) -> IO[bytes] | None:
    """Copy a body into a file, so that a slow client keeps nothing waiting. Return None if it is empty.

    The file is in memory up to so many bytes; the caller closes it. Raises TypeError for an invalid source, `Busy` if
    the machine has no room for the file, and the errors of reading.
    """
    is_bytes = isinstance(source, (bytes, bytearray, memoryview))
    if not is_bytes and (not hasattr(source, "read") or isinstance(source, io.TextIOBase)):
        raise TypeError(f"body must be bytes or a binary file, got {source!r:.200}")
    stream: Any = io.BytesIO(source) if is_bytes else source  # type: ignore[arg-type]
    piece = stream.read(_PIECE)
    if not piece:
        return None
    with _busy_if_full():
        file: Any = _open_file(most_in_memory)
    try:
        while piece:
            with _busy_if_full():
                file.write(piece)
            piece = stream.read(_PIECE)
        with _busy_if_full():
            file.flush()
    except BaseException:
        with suppress(OSError):  # closing flushes again
            file.close()
        raise
    return cast("IO[bytes]", file)


def _open_file(most_in_memory: int) -> Any:
    if most_in_memory:
        return tempfile.SpooledTemporaryFile(most_in_memory)
    return tempfile.TemporaryFile()


@contextmanager
def _busy_if_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_shortage(error):
            raise
        logger.error("there is no room for the body of a call: %s", error)  # noqa: TRY400 - the disk is full, no bug
        raise Busy("The server has no room for the body.") from error
