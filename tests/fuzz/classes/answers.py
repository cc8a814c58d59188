"""Results of handles, right and wrong: failures at any point, clients that disconnect, and HEAD for all of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random
from typing import Any

from werkzeug.exceptions import HTTPException

from microfn import Response, Router, abort, html, redirect

from ...wsgi import Reply
from .exchange import SECRET, Exchange, Pair


class Unprintable(Exception):
    """Even its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


RAISED = [
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    OSError,
    RecursionError,
    MemoryError,
    StopIteration,
    LookupError,
    Unprintable,
]


class Log(logging.Handler):
    """Counts the lines of the logger."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


LOG = Log()


class Program:
    """The plan of a handle: a stream of chunks, in a form of WSGI or of microfn, that fails at a given point."""

    def __init__(
        self, chunks: list[bytes], shape: str, *, fails_at: int | None = None, error: Any = RuntimeError
    ) -> None:
        self.chunks, self.shape, self.fails_at, self.error = chunks, shape, fails_at, error
        self.at = self.closed = self.ended = self.begun = 0

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        if self.at == self.fails_at:
            raise RuntimeError(SECRET) if self.error is StopIteration else self.error(SECRET)
        if self.at == len(self.chunks):
            raise StopIteration
        self.at += 1
        return self.chunks[self.at - 1]

    def close(self) -> None:
        self.closed += 1

    def _end(self) -> None:
        self.ended += 1

    def run(self, request: Any) -> Any:
        request.call_on_close(self._end)
        if self.shape == "raise":
            raise self.error(SECRET)
        self.begun = 1
        return getattr(self, f"_{self.shape}")()

    def _iterator(self) -> Any:
        return self

    def _tuple(self) -> Any:
        return self, 201, {"X-Own": "1"}

    def _response(self) -> Any:
        return Response(self, 202, headers={"X-Own": "2"})

    def _application(self) -> Any:
        def application(environ, start_response):
            start_response("203 Own", [("Content-Type", "text/plain")])
            return self

        return application

    def _late(self) -> Any:
        return lambda environ, start_response: Late(self, start_response)

    def _write(self) -> Any:
        def application(environ, start_response):
            start_response("203 Own", [("Content-Type", "text/plain")])(b"written")
            return self

        return application

    @property
    def whole(self) -> bytes:
        return b"written" * (self.shape == "write") + b"".join(self.chunks)

    def fails_before_the_first_chunk(self) -> bool:
        if self.shape == "write":  # written data goes with the first chunk, even an empty one
            return self.fails_at == 0
        return self.shape == "raise" or not any(self.chunks[: self.fails_at])


class Late:
    """The body of an application that tells its status with the first chunk, and no sooner (PEP 3333)."""

    def __init__(self, program: Program, start_response: Any) -> None:
        self._program, self._start_response = program, start_response

    def __iter__(self):
        return self

    def __next__(self) -> bytes:
        if not self._program.at:
            self._start_response("203 Own", [("Content-Type", "text/plain")])
        return next(self._program)

    def close(self) -> None:
        self._program.close()


SHAPES = ["iterator", "tuple", "response", "application", "late", "write"]


def run(request, params):
    return request.environ["test.program"].run(request)


def _applications() -> list[Router]:
    def layer(handle):
        return lambda request, params: handle(request, params)

    plain, layered, handled = Router(), Router(), Router()
    layered.use(layer)
    handled.error(500)(lambda request, error: ({"error": "sorry"}, 500))
    for app in plain, layered, handled:
        app.route("/run", methods=["GET", "POST"])(run)
    return [plain, layered, handled]


APPS = _applications()


def exchange(chance: Random, program: Program, check: Callable[[Reply], None], **options: Any) -> Exchange:
    extra = {
        "test__program": program,
        "HTTP_ACCEPT": chance.choice(["*/*", "text/html", "text/plain", "\xff", "a;q=x", None]),
    }
    return Exchange(chance.choice(APPS), check, path="/run", extra=extra, **options)


def some_chunks(chance: Random) -> list[bytes]:
    return [chance.choice([b"", b"a", b"chunk;", b"\0\xff", b"x" * 1000]) for _ in range(chance.randint(0, 5))]


def served(chance: Random) -> Exchange:
    program = Program(some_chunks(chance), chance.choice(SHAPES))

    def check(reply: Reply) -> None:
        assert (reply.code, reply.body) == (
            {"iterator": 200, "tuple": 201, "response": 202}.get(program.shape, 203),
            program.whole,
        )
        assert (program.closed, program.ended) == (1, 1)

    return exchange(chance, program, check)


def handler(chance: Random) -> Pair:
    """Before the first chunk a failure is a 500 that tells nothing, and later one that the server gets to know of."""
    kind = chance.random()
    if kind < 0.25:
        return Pair(_leaving(chance), served(chance))
    if kind < 0.5:
        return Pair(_wrong(chance), served(chance))
    chunks = some_chunks(chance)
    shape = chance.choice([*SHAPES, "raise"])
    program = Program(chunks, shape, fails_at=chance.randint(0, len(chunks)), error=chance.choice(RAISED))
    before = LOG.count

    def check(reply: Reply) -> None:
        assert program.ended == 1
        assert program.closed == program.begun
        if program.fails_before_the_first_chunk():
            assert (reply.code, reply.error) == (500, None)
            assert LOG.count == before + 1
        else:
            assert reply.error is not None, "the end of a broken stream looked like the end of a whole one"
            assert program.whole.startswith(reply.body)

    made = exchange(chance, program, check, method=chance.choice(["GET", "POST"]), may_fail=True)
    judge = made.judge

    def counted() -> Reply:
        nonlocal before
        before = LOG.count
        return judge()

    made.judge = counted  # type: ignore[method-assign]
    return Pair(made, served(chance))


def _leaving(chance: Random) -> Exchange:
    """The client goes after some chunks."""
    program = Program([b"chunk;"] * chance.randint(2, 6), chance.choice(SHAPES))

    def check(reply: Reply) -> None:
        assert (program.closed, program.ended) == (1, 1)
        assert program.whole.startswith(reply.body)

    return exchange(chance, program, check, chunks=chance.randint(1, 2))


WRONG: list[Callable[[], Any]] = [
    lambda: None,
    lambda: 5,
    object,
    lambda: (1, 2, 3, 4),
    lambda: (),
    lambda: ("a", "x"),
    lambda: ("a", 99),
]
WRONG += [
    lambda: ("a", 1000),
    lambda: {"a": {1}},
    lambda: [float("nan")],
    lambda: "\ud800",
    lambda: ("", 200, {"A": None}),
    lambda: ("", 200, "A: b"),
]
WRONG += [
    lambda: ("", 200, {"A": "b\n"}),
    lambda: ("", "200 \r\nX: y"),
    lambda: iter([5]),
    lambda: iter(["\ud800"]),
    lambda: ("", 100),
    lambda: 1.5,
]
WRONG += [
    lambda: ("", 200, {"Transfer-Encoding": "chunked"}),
    lambda: ("", 200, {"A": "日"}),
    lambda: ("", 200, {"": "x"}),
    lambda: True,
    lambda: set(),
]
WRONG += [
    lambda: lambda environ, start_response: [],
    lambda: lambda environ, start_response: None,
    lambda: ("", True + 0.5),
    lambda: Router,
]


def _wrong(chance: Random) -> Exchange:
    """An invalid result is a 500, and a line of the log names it."""
    make = chance.choice(WRONG)

    class Returning(Program):
        def run(self, request: Any) -> Any:
            request.call_on_close(self._end)
            return make()

    program = Returning([], "iterator")

    def check(reply: Reply) -> None:
        assert (reply.code, reply.error) == (500, None), make()
        assert program.ended == 1

    return exchange(chance, program, check, may_fail=True)


def teapot(request, params):
    abort(418, "short and stout")


def unauthorized(request, params):
    raise HTTPException(response=Response("who?", 401, headers={"WWW-Authenticate": "Basic"}))


ANSWERS: dict[str, Any] = {
    "text": lambda request, params: "texté",
    "empty": lambda request, params: "",
    "bytes": lambda request, params: b"\0\1",
    "json": lambda request, params: {"a": [1, None]},
    "html": lambda request, params: html("<p>é"),
    "none": lambda request, params: ("", 204),
    "reset": lambda request, params: ("ignored", 205),
    "same": lambda request, params: ("ignored", 304, {"ETag": '"x"'}),
    "created": lambda request, params: ({"id": 1}, 201, [("Location", "/é"), ("X-A", "1"), ("X-A", "2")]),
    "elsewhere": lambda request, params: redirect("/text"),
    "cookie": lambda request, params: Response("x", headers=[("Set-Cookie", "a=b"), ("Set-Cookie", "c=d")]),
    "teapot": teapot,
    "unauthorized": unauthorized,
    "failing": lambda request, params: 1 / 0,
    "told": lambda request, params: Response(iter([b"12", b"3"]), headers={"Content-Length": "3"}),
}
HEADS = Router()
LAYERED = Router()
LAYERED.use(lambda handle: lambda request, params: handle(request, params))
for _app in HEADS, LAYERED:
    for _name, _handle in ANSWERS.items():
        _app.get(f"/{_name}")(_handle)
    _app.get("/Slash/:x/")(lambda request, params: params["x"])
    _app.post("/post")(lambda request, params: "")


def head(chance: Random) -> Pair:
    """The response to GET without the content (RFC 9110, section 9.3.2). A stream is closed unread."""
    if chance.random() < 0.3:
        return _streamed_head(chance)
    app = chance.choice([HEADS, LAYERED])
    path = "/" + chance.choice(
        [*ANSWERS, "Slash/x", "slash/x/", "Slash//x/", "post", "nothing", "Slash/x/", "\xff", "a" * 9000]
    )
    extra = {"HTTP_ACCEPT": chance.choice([None, "text/html", "text/plain", "*/*;q=0"])}
    got: list[Reply] = []
    twin = Exchange(app, got.append, path=path, extra=extra, may_fail=path == "/failing")

    def check(reply: Reply) -> None:
        twin.judge()
        assert reply.status == got[-1].status
        assert reply.lasting == got[-1].lasting or reply.code == 405
        assert reply.body == b""

    return Pair(Exchange(app, check, "HEAD", path, extra=extra, may_fail=twin.may_fail), twin)


def _streamed_head(chance: Random) -> Pair:
    chunks = some_chunks(chance)
    program = Program(chunks, chance.choice(SHAPES), fails_at=chance.choice([None, chance.randint(0, len(chunks))]))

    def check(reply: Reply) -> None:
        assert (program.closed, program.ended) == (1, 1)
        assert reply.error is None
        fails = program.fails_at is not None and program.fails_before_the_first_chunk()
        assert (reply.code == 500) is fails or (fails and program.shape == "response")  # which is not begun for a HEAD

    return Pair(exchange(chance, program, check, method="HEAD", may_fail=True), served(chance))


GENERATORS = {"handler": handler, "head": head}
