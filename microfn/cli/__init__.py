"""The command line, `microfn` or `python -m microfn`. Each command is a module that is imported at its first use."""

from __future__ import annotations

import os
from importlib import import_module

import click

from .. import __version__

__all__ = ["main"]

_COMMANDS = ("run", "serve", "work", "calls", "routes", "match", "check", "openapi", "new", "deploy")


class _Commands(click.Group):
    """A group that imports its commands on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f".{cmd_name}", __name__).command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="microfn")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Work with microfn applications.

    APP is `module:name`, or `module:factory(...)` with constant arguments, as for gunicorn. Without it, the command
    looks for `app` or `application` in app.py, wsgi.py and passenger_wsgi.py of this directory.
    """
    if os.environ.get("NO_COLOR"):  # no-color.org
        ctx.color = False
