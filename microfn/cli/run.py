"""`microfn run`: werkzeug's server for development, with pages that tell what went wrong."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.serving import is_running_from_reloader, run_simple

from ..http.problems import preferred_type
from ..http.request import Request
from ..router import Router
from .app_name import APP
from .explanation import explain
from .loading import layers, load
from .pages import of_exception, of_miss
from .trusted_hosts import TrustedHosts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["command", "for_development", "without_colours"]

_IS_TRUSTED = "microfn.is_trusted"
"""Where the environ says whether its request may see what went wrong. No client can write there."""


@click.command("run")
@APP
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--no-reload", is_flag=True, help="Do not reload when a file changes.")
@click.option(
    "--trusted-host",
    "trusted",
    multiple=True,
    help='Host to trust, for example ".example.com" for it and its subdomains.',
)
def command(app: str | None, host: str, port: int, no_reload: bool, trusted: tuple[str, ...]) -> None:
    """Serve an application while it is developed: it is loaded again when a file changes, and errors are shown.

    \b
    microfn run
    microfn run shop.app:app --port 5000
    microfn run --host 0.0.0.0 --trusted-host laptop.example.com

    What went wrong is shown to who asks for localhost, for an address of this machine's own, or for the --host given;
    other names may have been made to lead here by another site.
    """  # noqa: D301 - click wants the character
    if not is_running_from_reloader():
        click.secho("For development only: browsers see tracebacks. To deploy: microfn serve", fg="red")
    try:
        hosts = TrustedHosts(host, trusted)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        _, application = load(app)
    except click.ClickException as error:
        if not is_running_from_reloader():
            raise
        application = _broken(error.format_message())
    without_colours()
    run_simple(host, port, for_development(application, hosts), use_reloader=not no_reload, threaded=True)


def for_development(application: Any, hosts: TrustedHosts) -> WSGIApplication:
    """The application with pages for its developer, where it has none of its own, and without redirects that stay.

    The pages are for requests made to the `hosts`, as they come here: what WSGI middleware makes of them is not asked.
    """
    for router in layers(application):
        if isinstance(router, Router):
            for handler, *keys in _PAGES:
                if not any(map(router._handles, keys)):
                    router.error(keys[0])(handler)

    def served(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if status.startswith(("301", "308")):
                headers = [*headers, ("Cache-Control", "no-store")]
            return start_response(status, headers, exc_info)

        environ[_IS_TRUSTED] = hosts.made(environ)
        found: Iterable[bytes] = application(environ, start)
        return found

    return served


def _explain_404(request: Request, error: Exception) -> Any:
    if not _is_shown(request.environ):
        raise error
    return of_miss(request, explain(request.router, request.method, request.path))


def _show_traceback(request: Request, error: InternalServerError) -> Any:
    if error.original_exception is None or not _is_shown(request.environ):
        raise error
    return of_exception(request, error.original_exception)


_PAGES: list[Any] = [
    (_explain_404, 404, NotFound, HTTPException),
    (_show_traceback, 500, InternalServerError, Exception),
]
"""Each page, what it is registered for, and what people may have registered in its place."""


def _is_shown(environ: WSGIEnvironment) -> bool:
    """Whether it is a browser that asks, and its developer's."""
    return preferred_type(environ.get("HTTP_ACCEPT", "")).startswith("text/html") and _is_trusted(environ)


def _is_trusted(environ: WSGIEnvironment) -> bool:
    is_trusted = bool(environ.get(_IS_TRUSTED))
    if not is_trusted:
        sent, reason = environ.get("HTTP_HOST"), "which is not a --trusted-host"
        if environ.get("HTTP_ORIGIN"):
            sent, reason = environ["HTTP_ORIGIN"], "which is neither on this machine nor the Host of the request"
        click.secho(f"The error is not shown to {sent!a:.200}, {reason}.", fg="red", err=True)
    return is_trusted


def _broken(message: str) -> WSGIApplication:
    """What is served until the next change, where a change has broken the application."""

    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
        shown = message if _is_trusted(environ) else "The application cannot be loaded."
        return [shown.encode("utf-8", "backslashreplace")]

    click.secho(message, fg="red", err=True)
    return broken


class _Unstyled(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return click.unstyle(super().format(record))


def without_colours() -> None:
    """Take its colours from the log of werkzeug's server where nobody wants them, unless logging is set up."""
    logger = logging.getLogger("werkzeug")
    is_plain = bool(os.environ.get("NO_COLOR")) or not sys.stderr.isatty()
    if is_plain and not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(_Unstyled())
        logger.addHandler(handler)
