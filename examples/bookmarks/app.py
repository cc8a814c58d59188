"""The application, assembled."""

import logging
from typing import NoReturn

from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, exc, select

from microfn import Params, Request, Router, abort
from microfn.middleware import Metrics, access_log, request_id, security_headers
from microfn.openapi import openapi

from .auth import REFUSED, only_with
from .bookmarks import bookmarks
from .database import session_of, sessions
from .models import User
from .settings import Settings
from .users import users

SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of POST /tokens."},
    "metrics": {"type": "http", "scheme": "bearer", "description": "The token of Prometheus."},
}
"""The security schemes, as pages and tools of the API show them."""


def create_app(settings: Settings, engine: Engine) -> Router:
    """Make an application. Two of them share nothing but the engine."""
    app = Router(
        trusted_hosts=settings.trusted_hosts.split() or None,
        max_content_length=32768,
        responses={503: "The database is not available."},
    )
    metrics = Metrics(registry=CollectorRegistry())
    app.use(request_id())  # the first is the outermost
    app.use(access_log())
    app.use(metrics)
    app.use(security_headers(content_security_policy="default-src 'none'; frame-ancestors 'none'", hsts=31536000))
    app.use(sessions(engine))

    app.include("", users(token_days=settings.token_days), tags=["users"])
    app.include("/bookmarks", bookmarks)
    app.get("/health")(health)
    app.get("/openapi.json")(openapi(app, title="Bookmarks", version="1.0", security_schemes=SCHEMES))
    if settings.metrics_token is not None:
        guard = only_with(settings.metrics_token)
        app.get("/metrics", use=[guard], security=["metrics"], responses=REFUSED)(metrics.expose)
    app.error(exc.OperationalError)(unavailable)
    app.error(exc.TimeoutError)(unavailable)
    return app


def health(request: Request, params: Params) -> str:
    """Respond if the database responds and has its tables. Otherwise a load balancer uses other servers."""
    session_of(request).execute(select(User.id).limit(1))
    return "healthy\n"


def unavailable(request: Request, error: exc.SQLAlchemyError) -> NoReturn:
    """Respond with 503 if the database is locked, full or gone. The log has the reason, which clients don't need."""
    logging.getLogger("bookmarks").error("the database failed", exc_info=error)
    abort(503, "The database is not available. Please try again in a moment.", retry_after=5)
