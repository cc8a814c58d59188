"""Forms: werkzeug's parsers, with limits for a whole form."""

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

# RFC 2046, section 5.1.1, allows 70, but werkzeug's test client can exceed this. A regular expression contains it.
_LONGEST_BOUNDARY = 256
_LONGEST_HEAD = 8192
_MOST_HEADERS = 16
_MOST_MARKS = 300
"""Semicolons in the headers of a part, and quotes: each can begin a value that must be parsed."""
_SHORT_HEAD = 64
"""Bytes of the headers of a part that only name a field or a file. The number of parts limits these."""
_PIECE = 131072
"""Bytes that are parsed at once. PERF: half as many take a tenth more time for large files."""
_LINE_BREAK = re.compile(b"[\r\n]")
_AROUND = len(b"\r\n----\r\n")
"""Bytes of a boundary line except the boundary itself, including line breaks."""

_PARAMETER = re.compile(
    r"""
    ;[ \t]*([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*
    (?:
        "([^"\\]*(?:\\.[^"\\]*)*)"(?=[ \t]*(?:;|$))  # a quoted string
        | "([^"]*)"                         # one that ends with a backslash of its own
        | ([^\s;"][^;"]*)
    )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
"""A parameter of Content-Disposition (RFC 2183, section 2)."""
_ESCAPED = re.compile(r'\\(["\\])')
_PLAIN = re.compile(r'form-data; name="([^"\\%]*)"(?:; filename="([^"\\%]*)")?')
"""A frequent form of Content-Disposition, without escapes."""
_CHARSETS = ("ascii", "us-ascii", "utf-8", "iso-8859-1")

_ESCAPE = re.compile(b"%[0-9A-Fa-f]{2}")
_HEX = "0123456789ABCDEFabcdef"
_BYTES = {f"%{high}{low}".encode(): bytes.fromhex(high + low) for high in _HEX for low in _HEX}
_KEPT = {0xDC00 + byte: f"%{byte:02X}" for byte in range(0x80, 0x100)}
"""Replacements of bytes that are not UTF-8, by the surrogates that Python decodes them to."""


class FormParser(FormDataParser):
    """Responds with 413 if a form has more than `max_form_parts` fields or `max_form_memory_size` bytes of fields."""

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> Any:
        """Return the stream, the fields and the files. Other content has neither fields nor files."""
        try:
            if mimetype == "application/x-www-form-urlencoded":
                return stream, self.cls(self._fields(stream)), self.cls()
            if mimetype == "multipart/form-data":
                return stream, *self._parts(stream, (options or {}).get("boundary", ""), content_length)
        except ValueError:
            if not self.silent:
                raise
        return stream, self.cls(), self.cls()

    def _fields(self, stream: IO[bytes]) -> list[tuple[str, str]]:
        """Return the fields of an urlencoded form."""
        data = stream.read() if self.max_form_memory_size is None else _read_up_to(stream, self.max_form_memory_size)
        pairs = [pair.partition(b"=") for pair in data.split(b"&")]
        if self.max_form_parts is not None and len(pairs) > self.max_form_parts:
            raise RequestEntityTooLarge(f"The form can have at most {self.max_form_parts} fields.")
        return [(_unquoted(name), _unquoted(value)) for name, equals, value in pairs if name or equals]

    def _parts(self, stream: IO[bytes], boundary: str, content_length: int | None) -> Any:
        if not boundary:
            raise ValueError("the Content-Type has no boundary")
        if len(boundary) > _LONGEST_BOUNDARY:
            raise BadRequest(f"The boundary of a form can have at most {_LONGEST_BOUNDARY} characters.")
        parser = _PartsParser(
            self.stream_factory, self.max_form_memory_size, self.cls, max_form_parts=self.max_form_parts
        )
        return parser.parse(stream, boundary.encode("ascii"), content_length)


class _PartsParser(MultiPartParser):
    """werkzeug's parser with another decoder."""

    def parse(
        self, stream: IO[bytes], boundary: bytes, content_length: int | None
    ) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        part: Any = None
        container: Any = None
        fields, files = [], []
        for event in _Decoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts).read(stream):
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

    def get_part_charset(self, headers: Headers) -> str:
        """Return the charset of a part, if werkzeug knows it. PERF: werkzeug parses five times as long."""
        charset = _parameters(headers.get("content-type", "")).get("charset", "").lower()
        return charset if charset in _CHARSETS else "utf-8"


class _Decoder(MultipartDecoder):
    """werkzeug's decoder, with limits for all fields together and for the headers of a part.

    PERF: werkzeug gets a Content-Disposition without parameters, which it would parse in five times the time.
    """

    def __init__(self, boundary: bytes, most: int | None, *, max_parts: int | None) -> None:
        # Besides the fields, the decoder holds a piece of the input and the headers of a part.
        super().__init__(boundary, None if most is None else most + 2 * _PIECE, max_parts=max_parts)
        self._most = most
        self._taken = 0
        self._is_field = False
        self._headers = Headers()

    def read(self, stream: IO[bytes]) -> Iterator[Event]:
        """Yield the events of a body, without parts that have no name. Raises ValueError if the form is malformed."""
        has_name = True
        for piece in _whole_lines(stream, len(self.boundary) + _AROUND):
            self.receive_data(piece)
            while not isinstance(event := self.next_event(), (Epilogue, NeedData)):
                if isinstance(event, (Field, File)):
                    has_name = event.name is not None
                if has_name:
                    yield event

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, Field):
            event = _named_part(self._headers)
            self._is_field = isinstance(event, Field)
        elif isinstance(event, Data) and self._is_field:
            self._take(len(event.data))
        return event

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        head = data.strip()  # half a line break remains if the boundary ended with a chunk
        if len(head) > _LONGEST_HEAD or len(head.splitlines()) > _MOST_HEADERS:
            raise RequestEntityTooLarge(
                f"A part of a form can have at most {_MOST_HEADERS} headers with {_LONGEST_HEAD} bytes."
            )
        if head.count(b";") > _MOST_MARKS or head.count(b'"') > _MOST_MARKS:
            raise RequestEntityTooLarge(
                f"A part of a form can have at most {_MOST_MARKS} semicolons and {_MOST_MARKS} quotes in its headers."
            )
        self._take(max(0, len(head) - _SHORT_HEAD), "fields and headers")
        self._headers = super()._parse_headers(_text_of(head).encode())
        return Headers([("content-disposition", "form-data")])

    def _take(self, size: int, taken: str = "fields") -> None:
        self._taken += size
        if self._most is not None and self._taken > self._most:
            raise RequestEntityTooLarge(f"The {taken} of the form can have at most {self._most} bytes.")


def _named_part(headers: Headers) -> Field | File:
    """Return the part with these headers. Names are decoded as browsers and WebOb do; without a name, it is None.

    RFC 7578, section 4.2: forms must not use `filename*`. No other encoding of RFC 2231 is decoded either.
    """
    disposition = headers.get("content-disposition", "")
    plain = _PLAIN.fullmatch(disposition)
    if plain:
        name, filename = plain.groups()
    else:
        options = _parameters(disposition)
        name, filename = options.get("name"), options.get("filename")
    named: Any = name  # None, as in werkzeug's parser
    return Field(named, headers) if filename is None else File(named, filename, headers)


def _parameters(value: str) -> dict[str, str]:
    """Return the parameters of a header of a part."""
    options: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        key, quoted, raw, token = match.groups()
        if quoted is not None:
            options[key.lower()] = _ESCAPED.sub(r"\1", quoted).replace("%22", '"')
        else:
            options[key.lower()] = token.strip() if raw is None else raw.replace("%22", '"')
    return options


def _whole_lines(stream: IO[bytes], longest: int) -> Iterator[bytes | None]:
    """Yield the input in pieces, then None. No piece ends inside a line that can be a boundary.

    Otherwise werkzeug's decoder leaves a byte of the line break before the boundary in the file.
    """
    held = b""
    while data := stream.read(_PIECE):
        data = held + data
        match = _LINE_BREAK.search(data, max(0, len(data) - longest))
        end = match.start() if match else len(data)
        held = data[end:]
        yield data[:end]
    yield held
    yield None


def _unquoted(text: bytes) -> str:
    """Decode a name or a value. Bytes that are not UTF-8 stay escaped.

    PERF: if a text is full of escapes, the standard library needs 200 times its memory, and three times the time.
    """
    return _text_of(_ESCAPE.sub(_byte, text.replace(b"+", b" ")))


def _text_of(data: bytes | bytearray) -> str:
    """Decode bytes. Those that are not UTF-8 are escaped, as `%FF`."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="surrogateescape").translate(_KEPT)


def _byte(escape: re.Match[bytes]) -> bytes:
    return _BYTES[escape[0]]


def _read_up_to(stream: IO[bytes], limit: int) -> bytes:
    data = bytearray()
    while chunk := stream.read(min(_PIECE, limit + 1 - len(data))):
        data += chunk
        if len(data) > limit:
            raise RequestEntityTooLarge(f"The form can have at most {limit} bytes.")
    return bytes(data)
