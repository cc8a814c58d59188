"""The queue of an agent: its store, its queued functions, and the application that reports their calls."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...arguments import check_seconds, check_size
from ..wsgi.application import FunctionApp
from .calls import Calls
from .handle_function import HandleFunction
from .queued import Queued
from .record import StoreError
from .url import check_url

if TYPE_CHECKING:
    from ...http.request import Request
    from ...routing.handle import Handle
    from ..engine import Engine
    from .store import Store

__all__ = ["AgentQueue"]

_LONGEST = 1e9


class AgentQueue:
    """The queue of an agent. The first call imports DBOS and opens the store."""

    def __init__(self, url: str, engine: Engine) -> None:
        self._url = check_url(url)
        self._engine = engine
        self._store: Store | None = None
        self.functions: dict[str, Queued] = {}
        self.calls = Calls(lambda: self.store)

    @property
    def store(self) -> Store:
        """The store of the calls. Raise RuntimeError if DBOS is not installed."""
        if self._store is None:
            _find_engine()
            from .store import Store  # noqa: PLC0415 - an extra, and half a second

            self._store = Store(self._url)
        return self._store

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers of queued and running calls in the store, by function.

        All functions of this agent are included. If the store fails, the error is logged and the result is empty.
        """
        known = {name: {"queued": 0, "running": 0} for name in self.functions}
        try:
            return known | self.store.counts() if known else {}
        except StoreError:
            return {}

    def close(self) -> None:
        """Close the connections of the store. The next call opens new ones."""
        if self._store is not None:
            self._store.close()

    def queued(
        self,
        function: FunctionApp | Handle,
        *,
        retries: int,
        expires: float,
        keep: float,
        timeout: float | None,
        scope: Callable[[Request], str] | None,
    ) -> Queued:
        """Return the handle for `Agent.queued`, which describes the options and errors."""
        _find_engine()
        check_size("retries", retries)
        check_seconds("expires", expires, _LONGEST)
        check_seconds("keep", keep, _LONGEST)
        if timeout is not None:
            check_seconds("timeout", timeout)
        if scope is not None and not callable(scope):
            raise TypeError(f"scope must be a function of the request, got {scope!r:.200}")
        checked = self._checked(function)
        name = _name_of(checked)
        if name in self.functions:
            hint = "pass name= to cold() to queue another function"
            raise ValueError(f"function must have a name that is not queued yet, got {name!r}; {hint}")
        made = Queued(
            lambda: self.store,
            self.calls,
            checked,
            name,
            retries=retries,
            expires=expires,
            keep=keep,
            timeout=timeout,
            scope=scope,
        )
        self.functions[name] = made
        return made

    def _checked(self, function: FunctionApp | Handle) -> FunctionApp | HandleFunction:
        """Return a function of this agent, or wrap a handle. Raise TypeError or ValueError for other values."""
        if isinstance(function, FunctionApp):
            if function.function not in self._engine.functions:
                raise ValueError(f"function must be a function of this agent, got {function!r:.200} of another agent")
            return function
        if isinstance(function, Queued) or not callable(function):
            raise TypeError(f"function must be a handle or a return value of cold() or hot(), got {function!r:.200}")
        return HandleFunction(self._engine, function)


def _name_of(function: FunctionApp | HandleFunction) -> str:
    """Return the name of a function in the store."""
    return function.function.name if isinstance(function, FunctionApp) else function.name


def _find_engine() -> None:
    """Raise RuntimeError if DBOS is not installed. Importing it would take half a second."""
    if find_spec("dbos") is None:
        raise RuntimeError("queued calls need DBOS, which is not installed; run pip install 'microfn[queue]'")
