"""The queue of an agent: its store, its queued functions, and the application that tells of their calls."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...arguments import check_seconds, check_size
from .calls import Calls
from .queued import Queued
from .url import check_url

if TYPE_CHECKING:
    from ...http.request import Request
    from ..wsgi.application import FunctionApp
    from .store import Store

__all__ = ["AgentQueue"]

_LONGEST = 1e9


class AgentQueue:
    """The queue of an agent. The store is opened, and its engine imported, with the first call."""

    def __init__(self, url: str) -> None:
        self._url = check_url(url)
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

    def close(self) -> None:
        """Close the connections of the store; the next call opens new ones."""
        if self._store is not None:
            self._store.close()

    def queued(
        self,
        function: FunctionApp,
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
        name = _name_of(function)
        if name in self.functions:
            hint = "say name= to give another function a name of its own"
            raise ValueError(f"function must be queued once, got {name!r} again; {hint}")
        made = Queued(
            lambda: self.store,
            self.calls,
            function,
            name,
            retries=retries,
            expires=expires,
            keep=keep,
            timeout=timeout,
            scope=scope,
        )
        self.functions[name] = made
        return made


def _name_of(function: object) -> str:
    """Return the name by which the store knows a function. Raise TypeError for anything else."""
    made = getattr(function, "function", None)
    name = getattr(made, "name", None)
    if not isinstance(name, str):
        hint = "; did you mean agent.cold(handle, …)?" if callable(function) else ""
        raise TypeError(f"function must be what agent.cold() made, got {function!r:.200}{hint}")
    return name


def _find_engine() -> None:
    """Raise RuntimeError if the engine is not installed. It is not imported, which takes half a second."""
    if find_spec("dbos") is None:
        raise RuntimeError('queued calls need an extra: pip install "microfn[queue]"')
