"""URLs of stores."""

import pytest

from microfn.agent import Agent
from microfn.agent.queue.url import check_url, path_of

GOOD = [
    "sqlite:////var/lib/app/calls.db",
    "sqlite:////var/lib/a%20b/é.db",
    "postgresql://user@host/database",
    "postgresql://user:secret@[::1]:5433/database?sslmode=require",
    "postgres://host/database",
]
BAD = [
    "",
    "sqlite://",
    "sqlite:///calls.db",
    "sqlite:////",
    "sqlite:////var/lib/",
    "sqlite:////calls.db?mode=memory",
    "sqlite:///:memory:",
    "sqlite:////calls\0.db",
    "sqlite:////calls\udce9.db",
    "postgresql://host",
    "postgresql://host/",
    "postgresql://host/a b",
    "postgresql+psycopg://host/database",
    "mysql://host/database",
    "redis://host/0",
    "/var/lib/app/calls.db",
]


@pytest.mark.parametrize("url", GOOD)
def test_url_of_a_store_is_taken_as_it_is(url):
    assert check_url(url) == url


@pytest.mark.parametrize("url", BAD)
def test_agent_refuses_other_urls_when_it_is_made(url):
    with pytest.raises(ValueError, match=r'^queue must be "sqlite:////absolute/path" or'):
        Agent(queue=url)


@pytest.mark.parametrize("url", [7, b"sqlite:////calls.db", ["sqlite:////calls.db"], True])
def test_agent_refuses_a_url_that_is_no_text(url):
    with pytest.raises(TypeError, match="queue must be"):
        Agent(queue=url)


def test_password_of_a_refused_url_is_not_told():
    with pytest.raises(ValueError, match="mysql://…@host") as caught:
        check_url("mysql://user:secret@host/database")
    assert "secret" not in str(caught.value)


def test_path_of_a_url_is_that_of_sqlite_alone():
    assert path_of("sqlite:////srv/calls.db") == "/srv/calls.db"
    assert path_of("postgresql://host/database") is None
