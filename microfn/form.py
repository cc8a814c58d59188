"""Forms: werkzeug's parsers, with limits that hold for all of a form, whatever its type."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any, cast

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

__all__ = ["FormParser"]

_CHUNK = 65536
_LINE_BREAK = re.compile(b"[\r\n]")
_AROUND = len(b"\r\n----\r\n")
"""What a line has besides the boundary, line breaks included."""


class FormParser(FormDataParser):
    """Refuses more fields, and more bytes of fields, than `max_form_parts` and `max_form_memory_size` with 413."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Any:
        """The stream, the fields and the files of a form; what is no form has none."""
        if mimetype == "application/x-www-form-urlencoded":
            stream = io.BytesIO(self._read_urlencoded(stream))
        elif mimetype == "multipart/form-data":
            try:
                return self._parse_parts(stream, (options or {}).get("boundary", ""), content_length)
            except ValueError:  # it is no form
                return stream, self.cls(), self.cls()
        return super().parse(stream, mimetype, content_length, options)

    def _read_urlencoded(self, stream: IO[bytes]) -> bytes:
        data = stream.read() if self.max_form_memory_size is None else _read_up_to(stream, self.max_form_memory_size)
        if self.max_form_parts is not None and data.count(b"&") >= self.max_form_parts:
            raise RequestEntityTooLarge(f"The form can have {self.max_form_parts} fields at most.")
        return data

    def _parse_parts(self, stream: IO[bytes], boundary: str, content_length: int | None) -> Any:
        if not boundary:
            raise ValueError("a form without a boundary")
        parser = _MultiPart(
            self.stream_factory,
            self.max_form_memory_size,
            self.cls,
            buffer_size=_CHUNK,
            max_form_parts=self.max_form_parts,
        )
        return stream, *parser.parse(stream, boundary.encode("ascii"), content_length)


class _MultiPart(MultiPartParser):
    """werkzeug's counts the bytes of each field by itself, and those of files that are being read as well."""

    def parse(self, stream: IO[bytes], boundary: bytes, content_length: int | None) -> tuple[Any, Any]:
        """The fields and the files."""
        limit = self.max_form_memory_size
        # What it holds besides is a piece of what comes, and the head of a part.
        most = None if limit is None else limit + 2 * _CHUNK
        decoder = MultipartDecoder(boundary, most, max_parts=self.max_form_parts)
        parts: list[tuple[Field | File, IO[bytes]]] = []
        size = 0
        for chunk in _whole_lines(stream, len(boundary) + _AROUND):
            decoder.receive_data(chunk)
            while not isinstance(event := decoder.next_event(), (Epilogue, NeedData)):
                if isinstance(event, Field):
                    parts.append((event, io.BytesIO()))
                elif isinstance(event, File):
                    parts.append((event, self.start_file_streaming(event, content_length)))
                elif isinstance(event, Data):
                    part, content = parts[-1]
                    size += len(event.data) if isinstance(part, Field) else 0
                    if limit is not None and size > limit:
                        raise RequestEntityTooLarge(f"The fields of the form can have {limit} bytes at most.")
                    content.write(event.data)
        return self._fields(parts), self._files(parts)

    def _fields(self, parts: list[tuple[Field | File, IO[bytes]]]) -> Any:
        return self.cls(
            (part.name, cast("io.BytesIO", content).getvalue().decode(self.get_part_charset(part.headers), "replace"))
            for part, content in parts
            if isinstance(part, Field)
        )

    def _files(self, parts: list[tuple[Field | File, IO[bytes]]]) -> Any:
        files = [(part, content) for part, content in parts if isinstance(part, File)]
        for _, content in files:
            content.seek(0)
        return self.cls(
            (part.name, FileStorage(content, part.filename, part.name, headers=part.headers)) for part, content in files
        )


def _whole_lines(stream: IO[bytes], longest: int) -> Iterator[bytes | None]:
    """What comes, piece by piece, and None at the end; no piece ends inside of a line that may be a boundary's.

    werkzeug's decoder would leave a byte of the line break before such a boundary in the file.
    """
    held = b""
    while data := stream.read(_CHUNK):
        data = held + data
        found = _LINE_BREAK.search(data, max(0, len(data) - longest))
        end = found.start() if found else len(data)
        held = data[end:]
        yield data[:end]
    yield held
    yield None


def _read_up_to(stream: IO[bytes], limit: int) -> bytes:
    data = bytearray()
    while chunk := stream.read(min(_CHUNK, limit + 1 - len(data))):
        data += chunk
        if len(data) > limit:
            raise RequestEntityTooLarge(f"The form can have {limit} bytes at most.")
    return bytes(data)
