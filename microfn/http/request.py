"""The request: werkzeug's, with every property computed at its first read."""

from __future__ import annotations

import codecs
import functools
import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Literal, NoReturn, cast, overload

from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.exceptions import (
    BadRequest,
    BadRequestKeyError,
    SecurityError,
    UnsupportedMediaType,
)
from werkzeug.http import parse_date
from werkzeug.sansio.utils import get_host

from ..log import log_exception
from ..routing.handle import Handle
from ..routing.paths import decode_path
from ..routing.route import Route
from ..routing.urls import Query
from .cached_property import cached_property
from .forms import FormParser
from .grammar import DIGITS
from .guarded_request import GuardedRequest, is_written
from .host import is_trusted_by, written_host
from .json import JSON, Codec, InvalidJSON, reason_of
from .request_body import Body, UnsupportedCoding, checked_length, is_encoded, open_body, read

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Request"]

MAX_CONTENT_LENGTH = 16 * 1024 * 1024
_BY_KEY = ("args", "cookies", "files", "form", "headers", "values")
_URLENCODED = "application/x-www-form-urlencoded"
_FORMS = (_URLENCODED, "multipart/form-data")
_TOO_DEEP = "it is nested too deep"


class _Slots:
    """PERF: attributes of every request. Without a dict, setting them takes a third of the time."""

    __slots__ = ("_miss", "_snapshot", "environ", "params", "route")

    _miss: Any
    """The result of a lookup without a route. Set if middleware sees the request."""
    _snapshot: Any
    """The snapshot that answers the request. Set if middleware sees the request."""


class Context(SimpleNamespace):
    """Values that middleware passes to handles, by any name: `context.user`, or `context["user"]`."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"request.context has no {name!r}; no middleware of this route has set it")

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or the default."""
        return self.__dict__.get(name, default)


class _SentHeaders(EnvironHeaders):
    """Headers that raise a 400 for a missing name, as forms do. werkzeug's raise a KeyError."""

    def __getitem__(self, key: str) -> str:  # type: ignore[override] # as in werkzeug
        try:
            return self._get_key(key)
        except KeyError:
            raise BadRequestKeyError(key) from None


class Request(_Slots, GuardedRequest):
    """A request: all of `werkzeug.wrappers.Request`, with the route and its params.

    >>> from werkzeug.test import create_environ
    >>> request = Request(create_environ("/search?q=tree", headers={"Accept": "text/html"}))
    >>> request.args["q"], request.path, request.route
    ('tree', '/search', None)
    """

    route: Route | None
    """The route that matched: its `method`, `pattern`, `name`, `handle` and `where`. None without a match."""
    params: dict[str, Any]
    """The params of the route, in path order: the same dict that its handle gets. Empty without a route."""
    _close_callbacks: Sequence[Callable[[], object]] = ()
    """Callbacks for the end of the request: the body has been sent, or the client has disconnected."""
    _is_complete = False
    """True if the server has read the whole body of the response."""
    _is_for_mount = False
    """True if a mounted application answers, which can read the body again."""
    error: Exception | None = None
    """The exception that was raised, or the error of the framework, even if a handler has converted it."""
    router: Any = None
    """The Router that serves the request."""
    deadline: Any
    """The end of the time for the call, if an agent has admitted the request."""
    form_data_parser_class = FormParser
    _codec: Codec = JSON()
    max_content_length: int | None = MAX_CONTENT_LENGTH
    """Maximum bytes of a body. Reading more raises a 413. The limit of the route has precedence."""

    shallow = False

    def __init__(self, environ: WSGIEnvironment, populate_request: bool = False, shallow: bool = False) -> None:
        self.environ = environ
        self.route = None
        self.params = {}
        if shallow:
            self.shallow = True
        if populate_request:
            environ["werkzeug.request"] = self

    # The attributes of werkzeug's constructor. `.get`, since servers omit required keys of PEP 3333.

    @cached_property
    def method(self) -> str:
        method: str = self.environ.get("REQUEST_METHOD", "GET")
        return method  # unchanged, since methods are case-sensitive (RFC 9110, section 9.1)

    @cached_property
    def scheme(self) -> str:
        scheme: str = self.environ.get("wsgi.url_scheme", "http")
        return scheme

    @cached_property
    def server(self) -> tuple[str, int | None] | None:
        name = self.environ.get("SERVER_NAME")
        port = self.environ.get("SERVER_PORT", "")
        return None if name is None else (name, int(port) if DIGITS.fullmatch(port) else None)

    @cached_property
    def root_path(self) -> str:
        return _text(self.environ.get("SCRIPT_NAME", "")).rstrip("/")

    @cached_property
    def path(self) -> str:
        path = _text(self.environ.get("PATH_INFO", ""))
        return path if path[:1] == "/" else "/" + path

    @cached_property
    def query_string(self) -> bytes:
        query: str = self.environ.get("QUERY_STRING", "")
        return query.encode("latin-1", "replace")

    @cached_property
    def headers(self) -> Headers:
        return _SentHeaders(self.environ)

    @cached_property
    def remote_addr(self) -> str | None:
        return self.environ.get("REMOTE_ADDR")

    @cached_property
    def date(self) -> datetime | None:
        try:
            date = parse_date(self.environ.get("HTTP_DATE"))
        except (ValueError, ArithmeticError):
            return None
        return date if is_written(date) else None

    @cached_property
    def host(self) -> str:
        """The host of the request, with the port unless it is the default of the scheme.

        Raises `SecurityError` (400) if the header is invalid, or not one of the `trusted_hosts`.
        """
        sent = self.environ.get("HTTP_HOST")
        host = written_host(sent, self.scheme) if sent else get_host(self.scheme, None, self.server)
        if host is None:
            raise SecurityError("The Host header is invalid.")
        if self.trusted_hosts and not is_trusted_by(host, self.scheme, tuple(self.trusted_hosts)):
            raise SecurityError(f"Host {host!r} is not trusted.")
        return host

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body, limited to its Content-Length and to the maximum.

        Raises `BadRequest` (400) if CONTENT_LENGTH is not a number, and at a read if fewer bytes arrive. Raises
        `RequestEntityTooLarge` (413) over the limit.
        """
        if self._cached_data is not None:
            return io.BytesIO()
        if self.shallow:
            raise RuntimeError("the body of a request with shallow=True cannot be read")
        return open_body(self.environ, self._body_limit())

    _cached_data: bytes | None = None  # type: ignore[assignment] # None in werkzeug too, until the body is read

    @overload
    def get_data(self, cache: bool = ..., as_text: Literal[False] = ..., parse_form_data: bool = ...) -> bytes: ...

    @overload
    def get_data(self, cache: bool = ..., as_text: Literal[True] = ..., parse_form_data: bool = ...) -> str: ...

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> bytes | str:
        """Return the whole body. PERF: with a known length, it is read without a stream around it, which saves 3 µs."""
        if parse_form_data and is_encoded(self.environ):  # not a form yet
            parse_form_data = False
        if cache and not parse_form_data and self._cached_data is None and "stream" not in self.__dict__:
            length = self.environ.get("CONTENT_LENGTH")
            if length and not self.shallow:
                size = checked_length(length, self._body_limit())
                try:
                    self._cached_data = read(self.environ["wsgi.input"], size)
                except Exception as error:
                    self._fail_again(error)
                    raise
        if as_text:
            return super().get_data(cache, True, parse_form_data)
        return super().get_data(cache, False, parse_form_data)

    @cached_property
    def context(self) -> Context:
        """Values that middleware passes to handles, new for each request."""
        return Context()

    @cached_property
    def query(self) -> Any:
        """The object that the route's `query` creates from `args` at the first read.

        Raises `InvalidData` (422) if the query does not fit the type. `args` has the raw query.
        """
        return self._check("query").run(self.args, "query")

    @cached_property
    def valid(self) -> Any:
        """The object that the route's `valid` creates from the JSON at the first read.

        Raises `InvalidData` (422) if the JSON does not fit the type, and the errors of `json`.
        """
        return self._check("valid").run(self.json, "body")

    def _check(self, option: str) -> Any:
        """Return the check of the route. Raises RuntimeError if it has none."""
        check = self.route.checks.get(option) if self.route is not None else None
        if check is None:
            raise RuntimeError(f"request.{option} needs a route that is registered with {option}=")
        return check

    def url_for(self, target: str | Handle, /, *, query: Query | str | None = None, **params: object) -> str:
        """Return a URL as `Router.url_for` does, below the SCRIPT_NAME of this request.

        If a Router was included under several prefixes, the URL has the prefix of this request, even if the request has
        no route. Raises `InvalidUrl`.
        """
        url: str = self.router._url_for(self.environ.get("SCRIPT_NAME"), target, params, query, self)
        return url

    def __reduce__(self) -> Any:
        """Pickle as a plain request, without Router and route."""
        cls = Request if self.router is not None else type(self)
        return _unpickled, (cls, self.environ, self.params, self.__dict__)

    def __copy__(self) -> Request:
        copied = _unpickled(type(self), self.environ, self.params, self.__dict__)
        copied.route = self.route
        return copied

    def call_on_close(self, callback: Callable[[], object]) -> None:
        """Call a function without arguments after the body has been sent, or the client has disconnected.

        Its exceptions are logged.
        """
        self._close_callbacks = [*self._close_callbacks, callback]

    def _close(self) -> None:
        """Run the close callbacks in order. Each runs once, even if another raises."""
        while self._close_callbacks:  # callbacks can add others
            callback, *self._close_callbacks = self._close_callbacks
            try:
                callback()
            except Exception as error:  # the response is sent, so a failure can only be logged
                log_exception(error, self.environ)
            except BaseException:
                self._close()
                raise

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Return a file for an upload, on disk if it is large. The end of the request closes it."""
        stream = super()._get_file_stream(*args, **kwargs)
        self.call_on_close(functools.partial(_drop, stream))
        return stream

    def _load_form_data(self) -> None:
        if "form" not in self.__dict__ and is_encoded(self.environ) and self.mimetype in _FORMS:
            raise UnsupportedCoding
        try:
            if self._is_for_mount and self.mimetype == _URLENCODED and "stream" not in self.__dict__:
                length, limit = self.content_length or 0, self.max_form_memory_size
                if limit is None or length <= limit:
                    self.get_data()  # kept for the application
            super()._load_form_data()
        except Exception as error:
            self._fail_again(error)
            raise

    def _fail_again(self, failure: Exception) -> None:
        """Let reads after a failure fail too. Otherwise the rest of a body could be read as the whole."""
        if not self.shallow:  # a shallow request has no readable body
            self.stream = cast("IO[bytes]", Body.failed(io.BytesIO(), failure))

    def _sent(self) -> list[object]:
        """Return the values of the request that have been read, and that have keys."""
        return [self.__dict__[name] for name in _BY_KEY if name in self.__dict__]

    def _body_limit(self) -> int | None:
        route = self.route
        if route is not None and route.max_content_length is not None:
            return route.max_content_length
        return self.max_content_length

    @property
    def json(self) -> Any:
        """The body as JSON.

        Raises `UnsupportedMediaType` (415) if Content-Type is not JSON, or the body has a Content-Encoding. Raises
        `BadRequest` (400) if the JSON is invalid. A byte order mark is ignored (RFC 8259, section 8.1).

        >>> from werkzeug.test import create_environ
        >>> Request(create_environ(method="POST", json={"id": 7})).json
        {'id': 7}
        """
        environ = self.environ
        if (
            self._cached_json[False] is not Ellipsis
            or environ.get("CONTENT_TYPE") != "application/json"
            or "HTTP_CONTENT_ENCODING" in environ
        ):
            return self.get_json()
        try:
            value = self._codec.loads(self.get_data().removeprefix(codecs.BOM_UTF8))
        except ValueError as error:
            self.on_json_loading_failed(error)
        except RecursionError:
            self.on_json_loading_failed(InvalidJSON(_TOO_DEEP))
        self._cached_json = (value, value)
        return value

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return `json`. `force` ignores Content-Type. With `silent`, a failure returns None."""
        if is_encoded(self.environ):
            if silent:
                return None
            raise UnsupportedCoding
        return super().get_json(force, silent, cache)

    def on_json_loading_failed(self, e: ValueError | None) -> NoReturn:
        """Raise a 400 for invalid JSON, or a 415 for another Content-Type."""
        if e is None:
            raise UnsupportedMediaType("Send JSON, with Content-Type: application/json.")
        raise BadRequest(f"The body is not valid JSON{reason_of(e)}")

    @property
    def json_module(self) -> Any:
        return _StrictCodec(self._codec)


def _unpickled(cls: type[Request], environ: WSGIEnvironment, params: dict[str, Any], state: dict[str, Any]) -> Request:
    request = cls(environ)
    request.params = params
    request.__dict__.update(state)
    return request


class _StrictCodec:
    """A codec whose errors are ValueErrors, which werkzeug answers with 400."""

    def __init__(self, codec: Codec) -> None:
        self.dumps = codec.dumps
        self._loads = codec.loads

    def loads(self, text: bytes) -> Any:
        try:
            return self._loads(text.removeprefix(codecs.BOM_UTF8))
        except RecursionError:
            raise InvalidJSON(_TOO_DEEP) from None


def _text(tunnelled: str) -> str:
    """Return a path as text. Invalid paths have been answered with 400 before."""
    try:
        return decode_path(tunnelled) if tunnelled else ""
    except ValueError:
        return tunnelled.encode("latin-1", "replace").decode("utf-8", "replace")


def _drop(file: IO[bytes]) -> None:
    """Close a temporary file. A full disk is not an error here, since the rest of the file is not needed."""
    with suppress(OSError):
        file.close()
