"""The request as a handle sees it: werkzeug's, but nothing of it is computed before it is asked for."""

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
    """PERF: what every request gets is set in a third of the time where no dict has to be made for it."""

    __slots__ = ("_miss", "_snapshot", "environ", "params", "route")

    _miss: Any
    """What was found where there is no route; there where middleware sees the request."""
    _snapshot: Any
    """What the request is answered from; there where middleware sees the request."""


class Context(SimpleNamespace):
    """What middleware hands on to handles, by names of its own: `context.user`, or `context["user"]`."""

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def get(self, name: str, default: Any = None) -> Any:
        """What is there under a name, or the default."""
        return self.__dict__.get(name, default)


class _SentHeaders(EnvironHeaders):
    """Headers, of which one that is missing is a 400 like a field of a form: werkzeug's is a KeyError."""

    def __getitem__(self, key: str) -> str:  # type: ignore[override] # werkzeug's too
        try:
            return self._get_key(key)
        except KeyError:
            raise BadRequestKeyError(key) from None


class Request(_Slots, GuardedRequest):
    """A request: all of `werkzeug.wrappers.Request`, and what the router knows of it.

    >>> from werkzeug.test import create_environ
    >>> request = Request(create_environ("/search?q=tree", headers={"Accept": "text/html"}))
    >>> request.args["q"], request.path, request.route
    ('tree', '/search', None)
    """

    route: Route | None
    """The route that matched: its `method`, `pattern`, `name`, `handle` and `where`. None where none did."""
    params: dict[str, Any]
    """The parameters of the route, in path order: the same dict that its handle gets. Empty where there is no route."""
    _close_callbacks: Sequence[Callable[[], object]] = ()
    """What is called when the body of the answer has been sent, or the client has gone."""
    _is_complete = False
    """Whether the server has taken the whole body of the answer."""
    _is_for_mount = False
    """Whether a mounted application answers, which may read the body again."""
    error: Exception | None = None
    """What was raised, or what the framework answered with; also where a handler made an answer of it."""
    router: Any = None
    """The Router that serves the request."""
    deadline: Any
    """When the call ends, for a request that an agent has admitted."""
    form_data_parser_class = FormParser
    _codec: Codec = JSON()
    max_content_length: int | None = MAX_CONTENT_LENGTH
    """Bytes that a body may have; more is a 413. The route's own limit comes first."""

    shallow = False

    def __init__(self, environ: WSGIEnvironment, populate_request: bool = False, shallow: bool = False) -> None:
        self.environ = environ
        self.route = None
        self.params = {}
        if shallow:
            self.shallow = True
        if populate_request:
            environ["werkzeug.request"] = self

    # What werkzeug's constructor computes. Read with `.get`: hosts leave out what the standard calls required.

    @cached_property
    def method(self) -> str:
        method: str = self.environ.get("REQUEST_METHOD", "GET")
        return method  # as it was routed; methods are case-sensitive (RFC 9110, section 9.1)

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
        """The host that the client asked for, with the port where it is not the scheme's own.

        Raises `SecurityError` (400) where the header is no host, or not one of the `trusted_hosts`.
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
        """The body, never more of it than was promised and than is allowed.

        Raises `BadRequest` (400) where CONTENT_LENGTH is no number, and while it is read where fewer bytes come
        than were promised; `RequestEntityTooLarge` (413) over the limit.
        """
        if self._cached_data is not None:
            return io.BytesIO()
        if self.shallow:
            raise RuntimeError("the body of a request with shallow=True cannot be read")
        return open_body(self.environ, self._body_limit())

    _cached_data: bytes | None = None  # type: ignore[assignment] # werkzeug's is None too, until the body is read

    @overload
    def get_data(self, cache: bool = ..., as_text: Literal[False] = ..., parse_form_data: bool = ...) -> bytes: ...

    @overload
    def get_data(self, cache: bool = ..., as_text: Literal[True] = ..., parse_form_data: bool = ...) -> str: ...

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> bytes | str:
        """Return the whole body. PERF: one of a known length is read without a stream around it, which saves 3 µs."""
        if parse_form_data and is_encoded(self.environ):  # it is no form yet
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
        """A place for what middleware hands on, fresh for each request."""
        return Context()

    @cached_property
    def query(self) -> Any:
        """The object that the route's `query` made of `args`, when it is first read.

        Raises `InvalidData` (422) if the query is not as the type says. The query as it came is `args`.
        """
        return self._check("query").run(self.args, "query")

    @cached_property
    def valid(self) -> Any:
        """The object that the route's `valid` made of the JSON, when it is first read.

        Raises `InvalidData` (422) if the JSON is not as the type says, and what `json` raises.
        """
        return self._check("valid").run(self.json, "body")

    def _check(self, option: str) -> Any:
        """Return the check of the route. Raises RuntimeError if it has none."""
        check = self.route.checks.get(option) if self.route is not None else None
        if check is None:
            raise RuntimeError(f"request.{option} needs a route that is registered with {option}=")
        return check

    def url_for(self, target: str | Handle, /, *, query: Query | str | None = None, **params: object) -> str:
        """`Router.url_for`, behind the SCRIPT_NAME that this request came with.

        Of a Router that was included under several prefixes it is the route below the prefix of the request's own, also
        where the request has no route.
        """
        url: str = self.router._url_for(self.environ.get("SCRIPT_NAME"), target, params, query, self)
        return url

    def __reduce__(self) -> Any:
        """A pickled request is a plain one when it comes back: it has neither Router nor route."""
        cls = Request if self.router is not None else type(self)
        return _unpickled, (cls, self.environ, self.params, self.__dict__)

    def __copy__(self) -> Request:
        copied = _unpickled(type(self), self.environ, self.params, self.__dict__)
        copied.route = self.route
        return copied

    def call_on_close(self, callback: Callable[[], object]) -> None:
        """Call this, without arguments, when the body of the answer has been sent, or the client has gone.

        What it raises is logged.
        """
        self._close_callbacks = [*self._close_callbacks, callback]

    def _close(self) -> None:
        """Call all that waits for the end, in order and each once, also where one of them fails."""
        while self._close_callbacks:  # what is called may have more to be called
            callback, *self._close_callbacks = self._close_callbacks
            try:
                callback()
            except Exception as error:  # the answer is sent, so that a failure can only be logged
                log_exception(error, self.environ)
            except BaseException:
                self._close()
                raise

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Where werkzeug puts an uploaded file, on disk if it is large; it is closed when the request is done with."""
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
                    self.get_data()  # it is kept for the application
            super()._load_form_data()
        except Exception as error:
            self._fail_again(error)
            raise

    def _fail_again(self, failure: Exception) -> None:
        """Let what is read after a failure fail too: the rest of a body is not to be taken for the whole."""
        if not self.shallow:  # such a request has no body to be read, and needs none
            self.stream = cast("IO[bytes]", Body.failed(io.BytesIO(), failure))

    def _sent(self) -> list[object]:
        """All that has been read of what the client sent, by keys."""
        return [self.__dict__[name] for name in _BY_KEY if name in self.__dict__]

    def _body_limit(self) -> int | None:
        route = self.route
        if route is not None and route.max_content_length is not None:
            return route.max_content_length
        return self.max_content_length

    @property
    def json(self) -> Any:
        """The body as JSON.

        Raises `UnsupportedMediaType` (415) where it is not said to be JSON, or has a Content-Encoding, `BadRequest`
        (400) where it is none. A byte order mark before it is no part of it (RFC 8259, section 8.1).

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
        """The same as `json`; `force` disregards Content-Type, and a `silent` failure is None."""
        if is_encoded(self.environ):
            if silent:
                return None
            raise UnsupportedCoding
        return super().get_json(force, silent, cache)

    def on_json_loading_failed(self, e: ValueError | None) -> NoReturn:
        """Answer a body that is no JSON with 400, one that is not said to be JSON with 415."""
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
    """A codec whose every refusal is the ValueError that werkzeug answers with 400."""

    def __init__(self, codec: Codec) -> None:
        self.dumps = codec.dumps
        self._loads = codec.loads

    def loads(self, text: bytes) -> Any:
        try:
            return self._loads(text.removeprefix(codecs.BOM_UTF8))
        except RecursionError:
            raise InvalidJSON(_TOO_DEEP) from None


def _text(tunnelled: str) -> str:
    """A path for people to read; a broken one was answered with 400 before."""
    try:
        return decode_path(tunnelled) if tunnelled else ""
    except ValueError:
        return tunnelled.encode("latin-1", "replace").decode("utf-8", "replace")


def _drop(file: IO[bytes]) -> None:
    """Close a temporary file. Nobody wants what is still to be written to it, so a full disk is no failure here."""
    with suppress(OSError):
        file.close()
