"""The body of a call: whole, and in a file of its own."""

from __future__ import annotations

import io
import shutil
import tempfile
from typing import IO, Any

__all__ = ["spool_body"]

_PIECE = 65536


def spool_body(source: bytes | IO[bytes]) -> IO[bytes] | None:
    """Copy a body into a file, so that a slow client keeps no process waiting. Return None if it is empty.

    The caller closes the file. Raises TypeError for an invalid source, and what reading raises.
    """
    is_bytes = isinstance(source, (bytes, bytearray, memoryview))
    if not is_bytes and (not hasattr(source, "read") or isinstance(source, io.TextIOBase)):
        raise TypeError(f"body must be bytes or a binary file, got {source!r:.200}")
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
