"""The public types: handles, middleware and error handlers, as type checkers know them.

Only type checkers read what stands below `if TYPE_CHECKING`, and nothing here is used while a request is served.
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
        """An object that is HTML: a Markup, a field of a form."""

        def __html__(self) -> str: ...

    HeaderValue: TypeAlias = str | int | Sequence[str | int]
    """The value of a header; a list is a header for each."""

    class HasItems(Protocol):
        """Headers, as a dict or werkzeug's Headers have them."""

        def items(self) -> Iterable[tuple[str, HeaderValue]]: ...

    GivenHeaders: TypeAlias = HasItems | Sequence[tuple[str, HeaderValue] | list[str]]
    Status: TypeAlias = int | str
    Body: TypeAlias = (
        str
        | bytes
        | bytearray
        | memoryview
        | Mapping[Any, Any]  # a type checker takes no TypedDict for a dict
        | list[Any]
        | DataclassInstance
        | HasHTML
        | Iterator[str | bytes | bytearray | memoryview]
        | WerkzeugResponse
        | WSGIApplication
    )
    """A result without a status and headers."""
    Result: TypeAlias = Body | tuple[Body, Status] | tuple[Body, GivenHeaders] | tuple[Body, Status, GivenHeaders]
    """A value that a handle may return: a body, or a tuple of it and a status, headers, or both.

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
"""The params of a route by their names: each is a text, or the value that its converter made of the text."""
Handle = Callable[[Request, Params], ResultT]
"""A handle, called as `handle(request, params)`.

It returns a `Result`; `Handle[Response]` is one that returns a Response, as a middleware is given it.
"""
ErrorHandler = Callable[[Request, ErrorT], Result]
"""An error handler, called as `handler(request, error)`, which returns a `Result`.

`ErrorHandler[KeyError]` takes a KeyError. Without a class, the type of the error is not checked.
"""
Middleware = Callable[[Callable[[Request, Any], Response]], Callable[[Any, Params], Result]]
"""A middleware: it takes a handle that returns a Response, and returns the handle that is called instead."""

if TYPE_CHECKING:

    class RouteOptions(PlainOptions, total=False):
        """What may be said of a route beside its method, pattern and handle."""

        use: Iterable[Middleware] | None

    class IsTypedDict(Protocol):
        """Any TypedDict: there is no class that each of them is above, so that a handle could be asked to take it."""

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
        """A lambda that takes these two arguments.

        No callable is an instance of it. In a union it tells pyright the types of a lambda's parameters, which a type
        variable does not. mypy needs no such help, and its messages are better without: it takes MYPY for true.
        """

        def __call__(self, first: First_contra, second: Second_contra, /) -> object: ...

    MYPY = False

    class CalledWith(Protocol[First_contra, Second_contra, Signature, Returned_co]):
        """A callable that takes these two arguments, and has this signature.

        A decorator has to return a handle with its own type, and to check it with types of its own: a subclass of
        Request, a TypedDict, the class of an exception. The bound of a type variable cannot name other variables, so
        the handle is required to be two overloads at once: the first is checked, the second is what is returned.
        """

        @overload
        def __call__(self, first: First_contra, second: Second_contra, /) -> Returned_co: ...
        @overload
        def __call__(self, *args: Signature.args, **kwargs: Signature.kwargs) -> Returned_co: ...

    # mypy's message is about the first overload, pyright's about the last, so that these are the plainest.

    class RouteDecorator(Protocol):
        """What `get` and the others return."""

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
        """What `error` returns for a status."""

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
        """What `error` returns for a class of exceptions."""

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
