"""The queue of an agent: its store, its queued functions, and the application that tells of their calls."""

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
    """The queue of an agent. The store is opened, and its engine imported, with the first call."""

    def __init__(self, url: str, engine: Engine) -> None:
        self._url = check_url(url)
        self._engine = engine
        self._store: Store | None = None
        self.functions: dict[str, Queued] = {}
        self.calls = Calls(lambda: self.store)

    @property
    def store(self) -> Store:
        """The store of the calls. Raise RuntimeError if the engine is not installed."""
        if self._store is None:
            _find_engine()
            from .store import Store  # noqa: PLC0415 - an extra, and half a second

            self._store = Store(self._url)
        return self._store

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many calls in the store are queued and running, by function; those of this agent are all there.

        There are none if the store fails, which is logged.
        """
        known = {name: {"queued": 0, "running": 0} for name in self.functions}
        try:
            return known | self.store.counts() if known else {}
        except StoreError:
            return {}

    def close(self) -> None:
        """Close the connections of the store; the next call opens new ones."""
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
        """Return the handle that `Agent.queued` makes."""
        _find_engine()
        check_size("retries", retries)
        check_seconds("expires", expires, _LONGEST)
        check_seconds("keep", keep, _LONGEST)
        if timeout is not None:
            check_seconds("timeout", timeout)
        if scope is not None and not callable(scope):
            raise TypeError(f"scope must be called with a request, got {scope!r:.200}")
        checked = self._checked(function)
        name = _name_of(checked)
        if name in self.functions:
            hint = "say name= to give another function a name of its own"
            raise ValueError(f"function must be queued once, got {name!r} again; {hint}")
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
        """Return a function of this agent, or one that calls a handle. Raise TypeError or ValueError for others."""
        if isinstance(function, FunctionApp):
            if function.function not in self._engine.functions:
                raise ValueError(f"function must be one of this agent, got {function!r:.200} of another")
            return function
        if isinstance(function, Queued) or not callable(function):
            raise TypeError(f"function must be a handle, or what agent.cold() made, got {function!r:.200}")
        return HandleFunction(self._engine, function)


def _name_of(function: FunctionApp | HandleFunction) -> str:
    """Return the name by which the store knows a function."""
    return function.function.name if isinstance(function, FunctionApp) else function.name


def _find_engine() -> None:
    """Raise RuntimeError if the engine is not installed. It is not imported, which takes half a second."""
    if find_spec("dbos") is None:
        raise RuntimeError('queued calls need an extra: pip install "microfn[queue]"')
