"""`microfn run`: werkzeug's server for development, with pages that tell what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound
from werkzeug.serving import is_running_from_reloader, run_simple

from ..problems import preferred_type
from ..request import Request
from ..router import Router
from .application import APP, layers, load
from .explanation import explain
from .pages import of_exception, of_miss

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["command", "for_development"]


@click.command("run")
@APP
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--no-reload", is_flag=True, help="Do not start again when a file changes.")
def command(app: str | None, host: str, port: int, no_reload: bool) -> None:
    """Serve an application while it is developed: it is loaded again when a file changes, and errors are shown.

    \b
    microfn run
    microfn run shop.app:app --port 5000
    """  # noqa: D301 - click wants the character
    if not is_running_from_reloader():
        click.secho("For development only: tracebacks are shown to whoever asks. To deploy: microfn serve", fg="red")
    try:
        _, application = load(app)
    except click.ClickException as error:
        if not is_running_from_reloader():
            raise
        application = _broken(error.format_message())
    run_simple(host, port, for_development(application), use_reloader=not no_reload, threaded=True)


def for_development(application: Any) -> WSGIApplication:
    """The application with pages for its developer, where it has none of its own, and without redirects that stay."""
    for router in layers(application):
        if isinstance(router, Router):
            for handler, *keys in _PAGES:
                if not any(map(router.handles, keys)):
                    router.error(keys[0])(handler)

    def served(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if status.startswith(("301", "308")):
                headers = [*headers, ("Cache-Control", "no-store")]
            return start_response(status, headers, exc_info)

        found: Iterable[bytes] = application(environ, start)
        return found

    return served


def _explain_404(request: Request, error: Exception) -> Any:
    if not _is_for_a_browser(request):
        raise error
    return of_miss(request, explain(request.router, request.method, request.path))


def _show_traceback(request: Request, error: InternalServerError) -> Any:
    if error.original_exception is None or not _is_for_a_browser(request):
        raise error
    return of_exception(request, error.original_exception)


_PAGES: list[Any] = [
    (_explain_404, 404, NotFound, HTTPException),
    (_show_traceback, 500, InternalServerError, Exception),
]
"""Each page, what it is registered for, and what people may have registered in its place."""


def _is_for_a_browser(request: Request) -> bool:
    return preferred_type(request.environ.get("HTTP_ACCEPT", "")).startswith("text/html")


def _broken(message: str) -> WSGIApplication:
    """What is served until the next change, where a change has broken the application."""

    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:  # noqa: ARG001 - WSGI
        start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
        return [message.encode("utf-8", "backslashreplace")]

    click.secho(message, fg="red", err=True)
    return broken
