"""Stores for the tests of the queue: SQLite, and PostgreSQL if it is installed."""

import time
import uuid

import pytest

from microfn.agent import Agent
from microfn.agent.queue.record import QueuedCall
from microfn.agent.queue.store import Store

from .postgres import serving


@pytest.fixture(scope="session")
def postgres():
    """One server for all tests, or None if PostgreSQL is not installed."""
    with serving() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/calls.db"


@pytest.fixture
def postgres_url(postgres):
    """The URL of an empty PostgreSQL database. Without PostgreSQL, the test is skipped."""
    if postgres is None:
        pytest.skip("PostgreSQL is not installed")
    postgres.create()
    return postgres.url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def url(request):
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def store(url):
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def agent(sqlite_url):
    agent = Agent(ram="256M", queue=sqlite_url)
    yield agent
    agent.close(5)
    agent.queue.store.close()


@pytest.fixture
def make_call():
    """A factory of valid records."""

    def make(**changes):
        now = time.time()
        defaults = {
            "id": uuid.uuid4().hex,
            "function": "cat",
            "method": "POST",
            "path": "/",
            "headers": {},
            "params": {},
            "body": b"asked",
            "digest": "digest",
            "enqueued_at": now,
            "expires_at": now + 600,
            "retries": 2,
            "keep": 60.0,
        }
        return QueuedCall(**defaults | changes)

    return make
