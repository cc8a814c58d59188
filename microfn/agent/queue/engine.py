"""Connections to a store: the file or the database, its tables, and a client of DBOS."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, error

from .record import StoreError
from .url import path_of

__all__ = ["APPLICATION", "QUEUE", "VERSION", "WORKFLOW", "InUse", "client_of", "engine_of", "failing", "prepare"]

InUse = error.DBOSWorkflowIDInUseError

APPLICATION = QUEUE = "microfn"
WORKFLOW = "microfn.call"
VERSION = "1"
"""Of the records, not of the code: calls that wait are executed by the next deployment."""
_LOCKED = 2.0
"""Seconds that a request waits for a lock of the store."""
_CONNECTING = 5
logger = logging.getLogger("microfn.agent")
logging.getLogger("dbos").setLevel(logging.WARNING)  # it tells of each start at length


def prepare(url: str) -> None:
    """Create the store, or bring its tables up to date. Raise OSError, sqlite3.Error or SQLAlchemyError."""
    path = path_of(url)
    if path is not None:
        _prepare_file(path)
    else:
        engine = engine_of(url)
        with engine.connect():  # the engine's own attempt has no limit of time
            pass
        engine.dispose()
    DBOS.migrate(url)


def _prepare_file(path: str) -> None:
    """Create the file for its owner alone, with a write-ahead log. SQLite gives these files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # To open it again would drop SQLite's locks of this process (fcntl, section "Advisory record locking").
        if os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o600)
    connection = sqlite3.connect(path, timeout=_LOCKED, isolation_level=None)
    try:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise OSError(f"the store must be on a file system with shared memory for a write-ahead log, got {mode!r}")
        # Fail now if the file is locked or read-only: the engine waits for half a minute.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def engine_of(url: str, *, waits: float = _LOCKED, size: int = 5) -> sa.Engine:
    """Return an engine whose connections wait for a lock for so many seconds, and whose commits are durable."""
    path = path_of(url)
    if path is None:
        address = sa.make_url(url).set(drivername="postgresql+psycopg")
        arguments = {"connect_timeout": _CONNECTING, "tcp_user_timeout": 10_000, "application_name": APPLICATION}
        return sa.create_engine(
            address, connect_args=arguments, pool_size=size, max_overflow=0, pool_timeout=30, pool_pre_ping=True
        )
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=path),
        connect_args={"timeout": waits},
        poolclass=sa.QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=30,
    )

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        # From Python 3.12 on the engine asks for the time as SQLite does since 3.42; Debian 12 has 3.40.
        connection.create_function("unixepoch", 1, _unixepoch)

    return engine


def _unixepoch(modifier: str) -> float:  # noqa: ARG001 - the engine passes "subsec" alone
    """Return the seconds since 1970, to the millisecond."""
    return time.time_ns() // 1_000_000 / 1000


def client_of(engine: sa.Engine) -> DBOSClient:
    """Return a client that writes JSON and raises when the database is gone."""
    return DBOSClient(
        system_database_engine=engine,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        lazy=True,
        retry_connection_errors=False,
    )


@contextmanager
def failing(what: str) -> Iterator[None]:
    """Raise `StoreError` for errors of the store; those of the engine's protocol stay as they are."""
    try:
        yield
    except (OSError, sqlite3.Error, sa.exc.SQLAlchemyError, error.DBOSInitializationError) as caught:
        reason = str(getattr(caught, "orig", None) or caught).partition("\n")[0]
        logger.warning("the store of queued calls cannot be %s: %s", what, reason)
        raise StoreError(f"the store cannot be {what}: {reason}") from caught
