"""The engine, and a session for each request."""

from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from microfn import Handle, Middleware, Params, Request, Response

from .models import Base


def connect(url: str) -> Engine:
    """Make an engine. It connects with its first query, so that processes that a server forks share no connection."""
    is_sqlite = url.startswith("sqlite")
    # A pooled connection would go on with a file of SQLite that has been moved or deleted, and nobody would notice.
    pool = NullPool if is_sqlite else None
    # Errors and their SQL are logged. The parameters are what people sent, and hashes of passwords.
    engine = create_engine(url, poolclass=pool, pool_pre_ping=True, hide_parameters=True)
    if is_sqlite:
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    return engine


def create_tables(engine: Engine) -> None:
    """Create the tables that are missing. Alembic takes over as soon as one has to change."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Readers and a writer do not wait for each other; the file remembers it.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        Base.metadata.create_all(connection)


def sessions(engine: Engine) -> Middleware:
    """Give each request a session, which is committed unless the response is an error."""
    new_session = sessionmaker(engine)

    def middleware(handle: Handle[Response]) -> Handle[Response]:
        def with_session(request: Request, params: Params) -> Response:
            with new_session() as session:  # it takes a connection with its first query
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
