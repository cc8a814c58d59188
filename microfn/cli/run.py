"""`microfn run`: werkzeug's server for development, with pages that tell what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from markupsafe import escape
from werkzeug.debug.tbtools import DebugTraceback
from werkzeug.exceptions import InternalServerError
from werkzeug.serving import is_running_from_reloader, run_simple

from ..problems import preferred_type
from ..request import Request
from ..response import html
from ..router import Router
from .application import APP, layers, load
from .explanation import explain

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["command", "for_development"]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>404 {path}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 10vh auto; padding: 0 1rem;
color: #222 }} li {{ margin: .3rem 0 }} .rest {{ color: #b00 }}
code {{ font-family: ui-monospace, monospace; overflow-wrap: anywhere }}
footer {{ color: #666; margin-top: 3rem; font-size: .9rem }}</style>
<h1>404: no route for {method}</h1>
<p><code>{reached}<span class="rest">{rest}</span></code>
<p>The walk through the tree of {method} stops where it turns red.
{nearest}
<footer>This page is shown by <code>microfn run</code> alone.</footer>
"""


@click.command("run")
@APP
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--no-reload", is_flag=True, help="Do not start again when a file changes.")
def command(app: str | None, host: str, port: int, no_reload: bool) -> None:
    r"""Serve an application while it is developed: it is loaded again when a file changes, and errors are shown.

    \b
    microfn run
    microfn run shop.app:app --port 5000
    """
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
            for key, handler in (404, _explain_404), (500, _show_traceback):
                if not router.handles(key):
                    router.error(key)(handler)

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
    found = explain(request.router, request.method, request.path)
    listed = "".join(f"<li><code>{escape(str(route))}</code>" for route in found.nearest)
    return html(
        _PAGE.format(
            method=escape(request.method),
            path=escape(request.path),
            reached=escape(found.reached),
            rest=escape(request.path[len(found.reached) :]),
            nearest=f"<p>These are near:<ul>{listed}</ul>" if listed else "",
        )
    )


def _show_traceback(request: Request, error: InternalServerError) -> Any:
    if error.original_exception is None or not _is_for_a_browser(request):
        raise error
    return html(DebugTraceback(error.original_exception).render_traceback_html())


def _is_for_a_browser(request: Request) -> bool:
    return preferred_type(request.environ.get("HTTP_ACCEPT", "")).startswith("text/html")


def _broken(message: str) -> WSGIApplication:
    """What is served until the next change, where a change has broken the application."""

    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:  # noqa: ARG001 - WSGI
        start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
        return [message.encode("utf-8", "backslashreplace")]

    click.secho(message, fg="red", err=True)
    return broken
