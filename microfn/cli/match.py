"""`microfn match`, which prints the route of a request, or the reason if there is none."""

from __future__ import annotations

from urllib.parse import unquote

import click

from ..errors import name_of
from .app_name import APP
from .explanation import Explanation, explain
from .loading import load_router, router_of

__all__ = ["command"]


@click.command("match", short_help="Print the route that a request matches.")
@click.argument("method")
@click.argument("path")
@APP
@click.pass_context
def command(ctx: click.Context, method: str, path: str, app: str | None) -> None:
    """Print the route that a request matches, or the reason if none does.

    PATH may be percent-encoded, and may have a query.

    \b
    microfn match GET /users/7
    microfn match DELETE '/caf%C3%A9?x=1' shop.app:app

    The command also searches mounted Routers, whose patterns and paths are shown without the prefix of the mount. The
    exit code is 0 if a route gets the request, or a mounted application that is no Router, and 1 otherwise.
    """  # noqa: D301 - click wants the character
    if method.startswith("/"):
        raise click.UsageError("The arguments must be METHOD PATH [APP], with the method first.")
    if path[:1] != "/" and path != "*":
        hint = f"; did you mean {method} /{path}?" if "://" not in path else ""
        raise click.UsageError(f"PATH must begin with a slash, got {path!r}{hint or '.'}")
    _, router = load_router(app)
    if method != method.upper():
        raise click.UsageError(f"METHOD must be in upper case, got {method!r}; did you mean {method.upper()}?")
    text, _, query = path.partition("?")
    path, prefix = unquote(text, errors="surrogateescape"), ""
    found = explain(router, method, path, query)
    while found.mount is not None and (inner := router_of(found.mount)) is not None:
        click.echo(str(found.mount))
        prefix, path = prefix + found.mount.prefix, path[len(found.mount.prefix) :]
        found = explain(inner, method, path, query, prefix)
    if found.route is not None:
        click.echo(f"{found.route}\n  handle  {name_of(found.route.handle)}")
        for name, value in found.params.items():
            click.echo(f"  {name}  {value!r}")
    elif found.mount is not None:
        click.echo(str(found.mount))
    else:
        _print_miss(found, path)
        ctx.exit(1)


def _print_miss(found: Explanation, path: str) -> None:
    click.secho(found.status, fg="yellow")
    if found.location is not None:
        click.echo(f"  to      {found.location}")
    elif found.allow is not None:
        click.echo(f"  allowed {found.allow}")
    elif found.refused is not None:
        click.echo(f"  {found.refused} matches, but its converter rejects the value")
    elif found.status.startswith("404"):
        click.echo(f"  {_reason(found.reached, path)}")
        for route in found.nearest:
            click.echo(f"  near    {route}")


def _reason(reached: str, path: str) -> str:
    """Return the reason for a 404. `reached` is the part of the path that patterns have."""
    if not reached:
        return f"no pattern begins like {path!r}"
    if reached == path:
        return f"patterns begin like {path!r}, but none ends there"
    return f"patterns begin like {reached!r}, but none continues with {path[len(reached) :]!r}"
