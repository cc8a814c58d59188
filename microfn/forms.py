"""Forms: werkzeug's parsers, with limits that hold for the whole of a form."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any

from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

__all__ = ["FormParser"]

# RFC 2046, section 5.1.1. An expression is made of it, which takes long if it is.
_LONGEST_BOUNDARY = 70
_LONGEST_HEAD = 8192
_MOST_HEADERS = 16

_ESCAPE = re.compile(b"%[0-9A-Fa-f]{2}")
_HEX = "0123456789ABCDEFabcdef"
_BYTES = {f"%{high}{low}".encode(): bytes.fromhex(high + low) for high in _HEX for low in _HEX}
_KEPT = {0xDC00 + byte: f"%{byte:02X}" for byte in range(0x80, 0x100)}
"""What stands for bytes that are no UTF-8, by the surrogates that stand for them in Python."""


class FormParser(FormDataParser):
    """werkzeug's, whose limits of memory and fields hold for urlencoded forms too, and for all parts of a form."""

    def _parse_urlencoded(
        self,
        stream: IO[bytes],
        mimetype: str,  # noqa: ARG002 - as werkzeug calls it
        content_length: int | None,  # noqa: ARG002
        options: dict[str, str],  # noqa: ARG002
    ) -> Any:
        data = stream.read() if self.max_form_memory_size is None else _read_up_to(stream, self.max_form_memory_size)
        pairs = [pair.partition(b"=") for pair in data.split(b"&")]
        if self.max_form_parts is not None and len(pairs) > self.max_form_parts:
            raise RequestEntityTooLarge(f"The form can have {self.max_form_parts} fields at most.")
        data.decode()  # a form that is not UTF-8 is none
        fields = [(_unquoted(name), _unquoted(value)) for name, equals, value in pairs if name or equals]
        return stream, self.cls(fields), self.cls()

    def _parse_multipart(
        self,
        stream: IO[bytes],
        mimetype: str,  # noqa: ARG002 - as werkzeug calls it
        content_length: int | None,
        options: dict[str, str],
    ) -> Any:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("there is no boundary")
        if len(boundary) > _LONGEST_BOUNDARY:
            raise BadRequest(f"The boundary of a form can have {_LONGEST_BOUNDARY} characters at most.")
        parser = _PartsParser(
            self.stream_factory, self.max_form_memory_size, self.cls, max_form_parts=self.max_form_parts
        )
        return stream, *parser.parse(stream, boundary, content_length)


class _PartsParser(MultiPartParser):
    """The same as werkzeug's, with another decoder."""

    def parse(
        self, stream: IO[bytes], boundary: bytes, content_length: int | None
    ) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        part: Any = None
        container: Any = None
        fields, files = [], []
        for event in _Decoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts).read(
            stream, self.buffer_size
        ):
            if isinstance(event, Field):
                part, container = event, io.BytesIO()
            elif isinstance(event, File):
                part, container = event, self.start_file_streaming(event, content_length)
            elif isinstance(event, Data):
                container.write(event.data)
                if not event.more_data and isinstance(part, File):
                    container.seek(0)
                    files.append((part.name, FileStorage(container, part.filename, part.name, headers=part.headers)))
                elif not event.more_data:
                    charset = self.get_part_charset(part.headers)
                    fields.append((part.name, container.getvalue().decode(charset, "replace")))
        return self.cls(fields), self.cls(files)


class _Decoder(MultipartDecoder):
    """werkzeug's, which limits the memory of each field alone, and the headers of a part hardly at all."""

    _is_field = False
    _taken = 0

    def read(self, stream: IO[bytes], size: int) -> Iterator[Event]:
        """The events of a whole body. Raises ValueError where it is no form."""
        while not self.complete:
            self.receive_data(stream.read(size) or None)
            event = self.next_event()
            while not isinstance(event, (Epilogue, NeedData)):
                yield event
                event = self.next_event()

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, (Field, File)):
            self._is_field = isinstance(event, Field)
        elif isinstance(event, Data) and self._is_field:
            self._take(len(event.data))
        return event

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        head = data.strip()  # half a line break is left over where the boundary ended with a chunk
        if len(head) > _LONGEST_HEAD or len(head.splitlines()) > _MOST_HEADERS:
            raise RequestEntityTooLarge(
                f"A part of a form can have {_MOST_HEADERS} headers and {_LONGEST_HEAD} bytes of them at most."
            )
        self._take(len(head))
        return super()._parse_headers(head)

    def _take(self, size: int) -> None:
        self._taken += size
        if self.max_form_memory_size is not None and self._taken > self.max_form_memory_size:
            raise RequestEntityTooLarge(f"The form can have {self.max_form_memory_size} bytes of fields at most.")


def _unquoted(text: bytes) -> str:
    """The text of a name or a value; what is no UTF-8 stays escaped.

    PERF: the standard library's takes 200 times the memory of a text that is full of escapes, and three times the time.
    """
    data = _ESCAPE.sub(_byte, text.replace(b"+", b" "))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="surrogateescape").translate(_KEPT)


def _byte(escape: re.Match[bytes]) -> bytes:
    return _BYTES[escape[0]]


def _read_up_to(stream: IO[bytes], limit: int) -> bytes:
    data = bytearray()
    while chunk := stream.read(min(65536, limit + 1 - len(data))):
        data += chunk
        if len(data) > limit:
            raise RequestEntityTooLarge(f"The form can have {limit} bytes at most.")
    return bytes(data)
