"""Connections to a store: the SQLite file or the PostgreSQL database, its tables, and a client of DBOS."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
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
"""The version of the records, not of the code: the next deployment executes calls that are still queued."""
_LOCKED = 2.0
"""Seconds that a request waits for a lock of SQLite."""
_CONNECTING = 5
logger = logging.getLogger("microfn.agent")
logging.getLogger("dbos").setLevel(logging.WARNING)  # DBOS logs many lines at each start


def prepare(url: str) -> None:
    """Create the store, or bring its tables up to date. Raise OSError, sqlite3.Error or SQLAlchemyError."""
    path = path_of(url)
    if path is not None:
        _prepare_file(path)
        # SQLAlchemy would decode the path, and open another file.
        url = sa.URL.create("sqlite", database=path).render_as_string()
    else:
        engine = engine_of(url)
        with engine.connect():  # fails early: DBOS would try to connect without a limit of time
            pass
        engine.dispose()
    DBOS.migrate(url)


def _prepare_file(path: str) -> None:
    """Create the file with mode 600 and a write-ahead log. SQLite gives its other files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # Don't open the file: closing it would drop this process's locks (fcntl(2), "Advisory record locking").
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):  # chmod would close a directory or a device to its users
            raise OSError(f"the store must be a regular file, got {path!r}") from None
        if mode & 0o077:
            os.chmod(path, 0o600)
    connection = sqlite3.connect(path, timeout=_LOCKED, isolation_level=None)
    try:
        journal = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if journal != "wal":
            raise OSError(f"the store must be on a local file system for a write-ahead log, got journal {journal!r}")
        # Fail now if the file is locked or read-only, since DBOS would wait for half a minute.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def engine_of(url: str, *, waits: float = _LOCKED, size: int = 5) -> sa.Engine:
    """Return an engine of SQLAlchemy with durable commits. `waits` is the seconds to wait for a lock of SQLite."""
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
        # From Python 3.12 on, DBOS calls unixepoch('subsec'), which needs SQLite 3.42. Debian 12 has 3.40.
        connection.create_function("unixepoch", 1, _unixepoch)

    return engine


def _unixepoch(modifier: str) -> float:  # noqa: ARG001 - DBOS only passes "subsec"
    """Return the seconds since 1970, to the millisecond."""
    return time.time_ns() // 1_000_000 / 1000


def client_of(engine: sa.Engine) -> DBOSClient:
    """Return a client that writes JSON, and raises if the database is unreachable."""
    return DBOSClient(
        system_database_engine=engine,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        lazy=True,
        retry_connection_errors=False,
    )


@contextmanager
def failing(what: str) -> Iterator[None]:
    """Log errors of the store, and raise them as `StoreError`. Other errors of DBOS pass through."""
    try:
        yield
    except (OSError, sqlite3.Error, sa.exc.SQLAlchemyError, error.DBOSInitializationError) as caught:
        reason = str(getattr(caught, "orig", None) or caught).partition("\n")[0]
        logger.warning("the store of queued calls cannot be %s: %s", what, reason)
        raise StoreError(f"the store cannot be {what}: {reason}") from caught
