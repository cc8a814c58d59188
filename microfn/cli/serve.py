"""`microfn serve`: gunicorn, with defaults that fit the machine."""

from __future__ import annotations

import os
import shlex
import sys
from importlib.util import find_spec

import click

from .application import APP, find

__all__ = ["command"]


@click.command("serve", context_settings={"ignore_unknown_options": True})
@APP
@click.option("--bind", default="127.0.0.1:8000", show_default=True, help="Where to listen: HOST:PORT or unix:PATH.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one for each core]")
@click.option("--threads", type=click.IntRange(1), default=4, show_default=True, help="Threads of each process.")
@click.option("--print", "is_printed", is_flag=True, help="Print the command instead of running it.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[-- GUNICORN OPTIONS]")
def command(  # noqa: PLR0917 - click names them all
    app: str | None, bind: str, workers: int | None, threads: int, is_printed: bool, options: tuple[str, ...]
) -> None:
    """Serve an application with gunicorn.

    \b
    microfn serve
    microfn serve shop.app:app --bind 0.0.0.0:8000
    microfn serve shop.app:app -- --max-requests 10000 --certfile cert.pem --keyfile key.pem

    A worker that hangs for 30 seconds is replaced, and requests have as many to end when the server is told to stop.
    All options of gunicorn can follow behind "--"; they come last, so they win.
    """  # noqa: D301 - click wants the character
    name = find(app)
    arguments = ["--bind", bind, "--worker-class", "gthread", "--workers", str(workers or os.cpu_count() or 1)]
    arguments += ["--threads", str(threads), "--timeout", "30", "--graceful-timeout", "30"]
    arguments += ["--no-control-socket", "--access-logfile", "-", *options, name if ":" in name else f"{name}:app"]
    if is_printed:
        click.echo(shlex.join(["gunicorn", *arguments]))
        return
    if find_spec("gunicorn") is None:
        raise click.ClickException('gunicorn is not installed: pip install "microfn[gunicorn]"')
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *arguments])  # noqa: S606 - the very interpreter
