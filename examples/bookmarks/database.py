"""The engine, and a session for each request."""

from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from microfn import Handle, Middleware, Params, Request, Response

from .models import Base


def connect(url: str) -> Engine:
    """Create an engine. It connects at its first query, so that forked processes don't share a connection."""
    is_sqlite = url.startswith("sqlite")
    # A pooled connection would silently keep using a SQLite file that has been moved or deleted.
    pool = NullPool if is_sqlite else None
    # Errors and their SQL are logged. The parameters contain data of users and hashes of passwords.
    engine = create_engine(url, poolclass=pool, pool_pre_ping=True, hide_parameters=True)
    if is_sqlite:
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    return engine


def create_tables(engine: Engine) -> None:
    """Create the missing tables. Use Alembic as soon as a table must change."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Readers and a writer don't wait for each other. The file stores this mode.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        Base.metadata.create_all(connection)


def sessions(engine: Engine) -> Middleware:
    """Give each request a session, which is committed unless the response is an error."""
    new_session = sessionmaker(engine)

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def with_session(request: Request, params: Params) -> Response:
            with new_session() as session:  # connects at its first query
                request.context.session = session
                response = handle(request, params)
                if response.status_code < 400:
                    session.commit()
                return response

        return with_session

    return middleware


def session_of(request: Request) -> Session:
    """Return the session of a request."""
    session: Session = request.context.session
    return session
