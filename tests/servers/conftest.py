from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .process import WORKERS, Gunicorn

# They are what a server imports, in an environment of its own; who collects doctests would import them here.
collect_ignore = ["called.py", "cold.py"]

StartGunicorn = Callable[..., Gunicorn]


@pytest.fixture(scope="module", params=WORKERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """A gunicorn that tests share; each worker class has its turn."""
    gunicorn = Gunicorn(request.param, tmp_path_factory.mktemp(request.param))
    try:
        yield gunicorn
    finally:
        gunicorn.stop()


@pytest.fixture(params=WORKERS)
def start_gunicorn(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartGunicorn]:
    """For tests that end what they start: call it with options and an application."""
    started: list[Gunicorn] = []

    def start(*options: str, **kwargs: Any) -> Gunicorn:
        started.append(Gunicorn(request.param, tmp_path, *options, **kwargs))
        return started[0]

    yield start
    for gunicorn in started:
        gunicorn.stop()


@pytest.fixture
def key() -> str:
    """What a test's lines in the record and in the logs are known by."""
    return uuid.uuid4().hex
