from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .process import WORKERS, Gunicorn

# A server imports these modules in its own environment. If pytest collects doctests, it must not import them here.
collect_ignore = ["called.py", "cold.py", "hot.py", "hot_preloaded.py"]

StartGunicorn = Callable[..., Gunicorn]


@pytest.fixture(scope="module", params=WORKERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Yield a gunicorn that tests share, for each worker class."""
    gunicorn = Gunicorn(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield gunicorn
    finally:
        gunicorn.stop()


@pytest.fixture(params=WORKERS)
def start_gunicorn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartGunicorn]:
    """Yield a function that starts a gunicorn with options and an application, for tests that end it."""
    started: list[Gunicorn] = []

    def start(*options: str, **kwargs: Any) -> Gunicorn:
        started.append(Gunicorn(request.param, tmp_path, *options, **kwargs))
        return started[0]

    yield start
    for gunicorn in started:
        gunicorn.stop()


@pytest.fixture
def key() -> str:
    """Return a unique key for a test's lines in the record and in the logs."""
    return uuid.uuid4().hex
