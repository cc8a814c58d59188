"""`microfn run`: werkzeug's development server, with pages for errors."""

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
"""The key of the environ that is true if the client may see errors. Clients cannot set it."""


@click.command("run", short_help="Serve an application during development.")
@APP
@click.option("--host", default="127.0.0.1", show_default=True, help="Address or name to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 is any free port.")
@click.option("--no-reload", is_flag=True, help="Do not reload when a file changes.")
@click.option(
    "--trusted-host",
    "trusted",
    multiple=True,
    help='Host to trust, for example ".example.com" for it and its subdomains. Can be repeated.',
)
def command(app: str | None, host: str, port: int, no_reload: bool, trusted: tuple[str, ...]) -> None:
    """Serve an application during development: reload it when a file changes, and show errors.

    \b
    microfn run
    microfn run shop.app:app --port 5000
    microfn run --host 0.0.0.0 --trusted-host laptop.example.com

    Errors are shown to requests for localhost, for an address of this machine, or for the --host. Other names are
    refused, because an attacker can point a host name at this machine.
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
    """Return the application with pages for its developer, unless it has its own, and without permanent redirects.

    The pages are for requests to the `hosts`, as they arrive. Changes of WSGI middleware don't count.
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
"""Each page, its key for registration, and the keys that users may have registered instead."""


def _is_shown(environ: WSGIEnvironment) -> bool:
    """Return True if the client is the browser of the developer."""
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
    """Return the application that reports a broken one until the next change."""

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
    """Remove colours from the log of werkzeug's server if they are unwanted, unless logging is configured."""
    logger = logging.getLogger("werkzeug")
    is_plain = bool(os.environ.get("NO_COLOR")) or not sys.stderr.isatty()
    if is_plain and not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(_Unstyled())
        logger.addHandler(handler)
