"""`microfn serve`: gunicorn with defaults that fit the machine, or waitress on Windows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from urllib.parse import quote, unquote_to_bytes

import click

from ..server_log import NO_LOG
from .address import ADDRESS
from .app_name import APP, AppName
from .loading import load

__all__ = ["command"]

# gunicorn's format without the name of Basic auth, which would be logged unescaped, including line breaks.
_LINE = '%(h)s - - %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
_PROGRAMS = {"gunicorn": "gunicorn", "waitress": "waitress-serve"}


class _WithOptions(click.Command):
    """A command that passes all arguments after "--" to the server."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.obj = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- OPTIONS OF THE SERVER]"]


@click.command("serve", cls=_WithOptions, short_help="Serve an application in production.")
@APP
@click.option(
    "--bind", default="127.0.0.1:8000", show_default=True, help="Address to listen on: HOST:PORT or unix:PATH."
)
@click.option("--workers", type=click.IntRange(1), help="Number of processes.  [default: one for each core]")
@click.option(
    "--threads", type=click.IntRange(1), default=4, show_default=True, help="Number of threads in each process."
)
@click.option(
    "--no-log", "unlogged", multiple=True, metavar="PATH", help="Path to omit from the access log, matched exactly."
)
@click.option("--print", "is_printed", is_flag=True, help="Print the command instead of running it.")
@click.pass_obj
def command(  # noqa: PLR0917 - click names them all
    options: list[str],
    app: str | None,
    bind: str,
    workers: int | None,
    threads: int,
    unlogged: tuple[str, ...],
    is_printed: bool,
) -> None:
    """Serve an application with gunicorn, or with waitress on Windows.

    \b
    microfn serve
    microfn serve shop.app:app --bind 0.0.0.0:8000
    microfn serve 'shop.app:create("production")' --no-log /healthz
    microfn serve shop.app:app -- --max-requests 10000 --certfile cert.pem --keyfile key.pem

    The access log has a line for each request, unless the application's access_log has logged it. --no-log can be
    repeated, for example for health checks. It applies to both logs.

    A worker whose main loop stops for 30 seconds is replaced; a handle that hangs keeps its thread. At a stop, requests
    have 30 seconds to end. All options of gunicorn can follow after "--" and override others. On Windows, they are the
    options of waitress, which has no workers.
    """  # noqa: D301 - click wants the character
    if not re.fullmatch(ADDRESS, bind):
        raise click.UsageError(f"--bind must be HOST:PORT or unix:PATH, got {bind!r}.")
    paths = " ".join(map(_checked_path, unlogged)) if unlogged else os.environ.get(NO_LOG, "")
    name, _ = load(app)
    is_windows = sys.platform == "win32"
    if is_windows:
        server, arguments = (
            "waitress",
            [*_for_waitress(bind, threads), *options, *_named_for_waitress(AppName.parse(name))],
        )
    else:
        server, arguments = "gunicorn", [*_for_gunicorn(bind, workers, threads, paths), *options, name]
    if is_printed:
        variable = f'set "{NO_LOG}={paths}" && ' if is_windows and paths else ""
        click.echo(variable + shlex.join([_PROGRAMS[server], *arguments]))
        return
    if find_spec(server) is None:
        raise click.ClickException(f'{server} is not installed; run pip install "microfn[{server}]".')
    sys.stdout.flush()
    # This interpreter, with arguments of the user, and without a shell that would parse them again.
    words = [sys.executable, "-m", server, *arguments]
    if is_windows:  # execv would return the console to the shell
        code = subprocess.call(words, env={**os.environ, NO_LOG: paths})  # noqa: S603 # nosec B603
        raise SystemExit(code)
    os.execv(sys.executable, words)  # noqa: S606 # nosec B606


def _checked_path(path: str) -> str:
    """Return a path in the form of a URL. The argument can be a URL path or text. Raises `click.UsageError`."""
    if not path.startswith("/") or "?" in path or "#" in path:
        raise click.UsageError(f"--no-log must be a path that begins with a slash, without a query, got {path!r}.")
    return quote(unquote_to_bytes(os.fsencode(path)), safe="/:@!$&'()*+,;=")


def _for_waitress(bind: str, threads: int) -> list[str]:
    return [f"--listen={bind}", f"--threads={threads}"]


def _named_for_waitress(app: AppName) -> list[str]:
    app.refuse_arguments("waitress")
    return [str(app)] if app.call is None else ["--call", f"{app.module}:{app.name}"]


def _for_gunicorn(bind: str, workers: int | None, threads: int, unlogged: str) -> list[str]:
    return [
        *("--bind", bind, "--worker-class", "gthread", "--workers", str(workers or os.cpu_count() or 1)),
        *("--threads", str(threads), "--timeout", "30", "--graceful-timeout", "30"),
        # By default, every user of the machine can connect to gunicorn's socket and act as the proxy.
        *(("--umask", "0o117") if bind.startswith("unix:") else ()),
        *("--no-control-socket", "--access-logfile", "-", "--access-logformat", _LINE),
        # Even if it is empty, it also omits a line for each request that the application's access_log writes.
        *("--env", f"{NO_LOG}={unlogged}"),
    ]
