"""The public types of handles, middleware and error handlers, and the decorators that check them.

Only type checkers read the parts below `if TYPE_CHECKING`. Requests use nothing of this module.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .request import Request
from .response import Response

__all__ = ["ErrorHandler", "Handle", "Middleware", "Params", "Result"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import ClassVar, Generic, Protocol, TypeAlias, overload

    from _typeshed import DataclassInstance
    from _typeshed.wsgi import WSGIApplication
    from typing_extensions import ParamSpec, TypeVar
    from werkzeug.exceptions import HTTPException
    from werkzeug.wrappers import Response as WerkzeugResponse

    from ..routing.route import PlainOptions

    class HasHTML(Protocol):
        """An object with HTML, such as a Markup or a field of a form."""

        def __html__(self) -> str: ...

    HeaderValue: TypeAlias = str | int | Sequence[str | int]
    """The value of a header. A list means several headers with this name."""

    class HasItems(Protocol):
        """A dict of headers, or werkzeug's Headers."""

        def items(self) -> Iterable[tuple[str, HeaderValue]]: ...

    GivenHeaders: TypeAlias = HasItems | Sequence[tuple[str, HeaderValue] | list[str]]
    Status: TypeAlias = int | str
    Body: TypeAlias = (
        str
        | bytes
        | bytearray
        | memoryview
        | Mapping[Any, Any]  # type checkers don't accept a TypedDict as a dict
        | list[Any]
        | DataclassInstance
        | HasHTML
        | Iterator[str | bytes | bytearray | memoryview]
        | WerkzeugResponse
        | WSGIApplication
    )
    """A result without a status and headers."""
    Result: TypeAlias = Body | tuple[Body, Status] | tuple[Body, GivenHeaders] | tuple[Body, Status, GivenHeaders]
    """A result of a handle: a body, or a tuple of a body and a status, headers, or both.

    A body is a str, bytes, a dict, a list, a dataclass, an object with `__html__`, an iterator of str or bytes, a
    Response, or a WSGI application. A status is an int or "404 Not Found". Headers are a dict, a list of pairs, or
    werkzeug's Headers.
    """

    ResultT = TypeVar("ResultT", bound=Result, default=Result)
    ErrorT = TypeVar("ErrorT", bound=Exception, default=Any)
else:
    from typing import TypeVar

    Result = Any
    ResultT, ErrorT = TypeVar("ResultT"), TypeVar("ErrorT")

Params = dict[str, Any]
"""The params of a route by name. Each is a str, or the result of its converter."""
Handle = Callable[[Request, Params], ResultT]
"""A handle, called as `handle(request, params)`.

A handle returns a `Result`. `Handle[Response]` returns a Response, and middleware receives such handles.
"""
ErrorHandler = Callable[[Request, ErrorT], Result]
"""An error handler, called as `handler(request, error)`, which returns a `Result`.

`ErrorHandler[KeyError]` accepts a KeyError. Without a class, the type of the error is not checked.
"""
Middleware = Callable[[Callable[[Request, Any], Response]], Callable[[Any, Params], Result]]
"""A middleware: it accepts a handle that returns a Response, and returns the handle that replaces it."""

if TYPE_CHECKING:

    class RouteOptions(PlainOptions, total=False):
        """The options of a route."""

        use: Iterable[Middleware] | None

    class IsTypedDict(Protocol):
        """A TypedDict of params."""

        __required_keys__: ClassVar[frozenset[str]]

    HandleT = TypeVar("HandleT", bound=Callable[[Request, Params], Result])
    MiddlewareT = TypeVar("MiddlewareT", bound=Middleware)
    RequestT = TypeVar("RequestT", bound=Request)
    ParamsT = TypeVar("ParamsT", bound=IsTypedDict)
    HTTPExceptionT = TypeVar("HTTPExceptionT", bound=HTTPException)
    Signature = ParamSpec("Signature")
    First_contra = TypeVar("First_contra", contravariant=True)
    Second_contra = TypeVar("Second_contra", contravariant=True)
    Returned_co = TypeVar("Returned_co", covariant=True)

    CallableOf: TypeAlias = Callable[[First_contra, Second_contra], Returned_co]

    class LambdaOf(Generic[First_contra, Second_contra]):
        """A lambda that accepts these two arguments.

        No callable is an instance. In a union, it tells pyright the types of a lambda's parameters, which a type
        variable does not. mypy doesn't need it, and its messages are better without it.
        """

        def __call__(self, first: First_contra, second: Second_contra, /) -> object: ...

    MYPY = False
    """True in mypy."""

    class CalledWith(Protocol[First_contra, Second_contra, Signature, Returned_co]):
        """A callable that accepts these two arguments and has this signature.

        A decorator checks a handle, and returns it with its own type. The arguments can have other types: a subclass of
        Request, a TypedDict, or a class of exceptions. No bound of a type variable can express this, since a bound
        cannot contain other variables. So the handle must match two overloads. The first checks it, and the second is
        the type that the decorator returns.
        """

        @overload
        def __call__(self, first: First_contra, second: Second_contra, /) -> Returned_co: ...
        @overload
        def __call__(self, *args: Signature.args, **kwargs: Signature.kwargs) -> Returned_co: ...

    # mypy reports the first overload and pyright the last, so these two are plain.

    class RouteDecorator(Protocol):
        """The decorator that `get` and similar methods return."""

        if not MYPY:

            @overload
            def __call__(self, handle: HandleT | LambdaOf[Request, Params], /) -> HandleT: ...

        @overload
        def __call__(self, handle: HandleT, /) -> HandleT: ...
        @overload
        def __call__(
            self, handle: CalledWith[Request, ParamsT, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...
        @overload
        def __call__(
            self, handle: CalledWith[RequestT, ParamsT, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...
        @overload
        def __call__(
            self, handle: CalledWith[RequestT, Params, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...

    StatusHandlerT = TypeVar("StatusHandlerT", bound=Callable[[Request, HTTPException], Result])
    ErrorHandlerT = TypeVar("ErrorHandlerT", bound=Callable[[Request, Exception], Result])
    ErrorClass_co = TypeVar("ErrorClass_co", covariant=True)

    class StatusDecorator(Protocol):
        """The decorator that `error` returns for a status."""

        if not MYPY:

            @overload
            def __call__(self, handler: StatusHandlerT | LambdaOf[Request, HTTPException], /) -> StatusHandlerT: ...

        @overload
        def __call__(self, handler: StatusHandlerT, /) -> StatusHandlerT: ...
        @overload
        def __call__(
            self, handler: CalledWith[Request, HTTPExceptionT, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...
        @overload
        def __call__(
            self, handler: CalledWith[RequestT, HTTPExceptionT, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...
        @overload
        def __call__(
            self, handler: CalledWith[RequestT, HTTPException, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...

    class ErrorDecorator(Protocol[ErrorClass_co]):
        """The decorator that `error` returns for a class of exceptions."""

        if not MYPY:

            @overload
            def __call__(self, handler: ErrorHandlerT | LambdaOf[Request, ErrorClass_co], /) -> ErrorHandlerT: ...
            @overload
            def __call__(
                self,
                handler: CalledWith[Request, ErrorClass_co, Signature, ResultT] | LambdaOf[Request, ErrorClass_co],
                /,
            ) -> Callable[Signature, ResultT]: ...

        @overload
        def __call__(self, handler: ErrorHandlerT, /) -> ErrorHandlerT: ...
        @overload
        def __call__(
            self, handler: CalledWith[Request, ErrorClass_co, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...
        @overload
        def __call__(
            self, handler: CalledWith[RequestT, ErrorClass_co, Signature, ResultT], /
        ) -> Callable[Signature, ResultT]: ...
