"""Values that no handle can return: each is a 500."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from microfn import Params, Request, Router

app = Router()


class Colour(enum.Enum):
    RED = 1


class Plain:
    pass


@app.get("/none")  # wrong
def nothing(request: Request, params: Params) -> None:
    pass


@app.get("/set")  # wrong
def set_of_int(request: Request, params: Params) -> set[int]:
    return {1}


@app.get("/frozenset")  # wrong
def frozen(request: Request, params: Params) -> frozenset[str]:
    return frozenset("a")


@app.get("/int")  # wrong
def number(request: Request, params: Params) -> int:
    return 7


@app.get("/bool")  # wrong
def flag(request: Request, params: Params) -> bool:
    return True


@app.get("/float")  # wrong
def real(request: Request, params: Params) -> float:
    return 7.5


@app.get("/decimal")  # wrong
def decimal(request: Request, params: Params) -> Decimal:
    return Decimal("7.5")


@app.get("/date")  # wrong
def day(request: Request, params: Params) -> date:
    return date(2026, 11, 24)


@app.get("/path")  # wrong
def path(request: Request, params: Params) -> Path:
    return Path("a")


@app.get("/enum")  # wrong
def colour(request: Request, params: Params) -> Colour:
    return Colour.RED


@app.get("/object")  # wrong
def instance(request: Request, params: Params) -> Plain:
    return Plain()


@app.get("/range")  # wrong
def numbers(request: Request, params: Params) -> range:
    return range(3)


@app.get("/iterable")  # wrong
def iterable(request: Request, params: Params) -> Iterable[str]:
    return {"a"}


@app.get("/sequence")  # wrong
def sequence(request: Request, params: Params) -> Sequence[int]:
    return range(3)


@app.get("/iterator-of-int")  # wrong
def iterator_of_int(request: Request, params: Params) -> Iterator[int]:
    return iter([1])


@app.get("/optional")  # wrong
def optional(request: Request, params: Params) -> dict[str, str] | None:
    return None


@app.get("/function")  # wrong
def function(request: Request, params: Params) -> Callable[[Request, Params], str]:
    return lambda request, params: "a"


@app.get("/none-with-status")  # wrong
def none_with_status(request: Request, params: Params) -> tuple[None, int]:
    return None, 204


@app.get("/set-with-status")  # wrong
def set_with_status(request: Request, params: Params) -> tuple[set[int], int]:
    return {1}, 200


@app.get("/status-as-float")  # wrong
def status_as_float(request: Request, params: Params) -> tuple[str, float]:
    return "a", 200.0


@app.get("/status-first")  # wrong
def status_first(request: Request, params: Params) -> tuple[int, str]:
    return 200, "a"


@app.get("/headers-before-status")  # wrong
def headers_before_status(request: Request, params: Params) -> tuple[str, dict[str, str], int]:
    return "a", {"X-A": "1"}, 200


@app.get("/headers-as-text")  # wrong
def headers_as_text(request: Request, params: Params) -> tuple[str, int, str]:
    return "a", 200, "X-A: 1"


@app.get("/headers-as-set")  # wrong
def headers_as_set(request: Request, params: Params) -> tuple[str, int, set[str]]:
    return "a", 200, {"X-A"}


@app.get("/header-of-none")  # wrong
def header_of_none(request: Request, params: Params) -> tuple[str, int, dict[str, None]]:
    return "a", 200, {"X-A": None}


@app.get("/tuple-of-one")  # wrong
def tuple_of_one(request: Request, params: Params) -> tuple[str]:
    return ("a",)


@app.get("/tuple-of-four")  # wrong
def tuple_of_four(request: Request, params: Params) -> tuple[str, int, dict[str, str], int]:
    return "a", 200, {}, 1


@app.get("/tuple-of-any-length")  # wrong
def tuple_of_any_length(request: Request, params: Params) -> tuple[str, ...]:
    return ("a", "b", "c", "d")
