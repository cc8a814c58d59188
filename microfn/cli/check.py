"""`microfn check`, which finds problems without a request."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..errors import InvalidHandle
from ..router import Router
from .app_name import APP
from .bindings import Bindings
from .decorators import unused_decorators
from .findings import notes, warnings
from .loading import failed, load, router_in, router_of, routers_below, routers_in
from .middleware_checks import place_of, separate_metrics, wsgi_middleware

__all__ = ["command"]


@click.command("check")
@APP
@click.pass_context
def command(ctx: click.Context, app: str | None) -> None:
    """Import and build an application, and print probable mistakes.

    \b
    microfn check
    microfn check shop.app:app
    microfn check 'shop.app:create("production", debug=False)'

    The import fails for conflicts, for duplicate names, and for invalid patterns and handles. The build fails if a
    factory of middleware, such as cors, was not called. A warning names the file, the line and the fix:

    \b
      a decorator above @app.get, which the route does not use
      WSGI middleware, such as ProxyFix, given to app.use
      several Metrics, some of which are not exposed
      a mount that hides paths of a route
      files that are probably private

    The check includes mounted Routers. The exit code is 1 if there is an error or a warning. Lines
    that begin with Note do not change it.
    """  # noqa: D301 - click wants the character
    bindings = Bindings()
    with bindings.recorded():
        name, application = load(app)
    router = router_in(name, application)
    routers = routers_in(router)
    unused = unused_decorators([route for one in routers for route in one.routes], bindings)
    metrics, remarks = separate_metrics(routers)
    found = [*warnings(routers), *wsgi_middleware(routers), *metrics, *(one.text for one in unused if one.is_certain)]
    remarks += [one.text for one in unused if not one.is_certain]
    below = [one for _, one in routers_below(router)]
    count = sum(len(one.routes) + sum(router_of(mount) is None for mount in one.mounts) for one in below)
    click.echo(f"{name}: {count} route{'' if count == 1 else 's'}")
    for warning in found:
        click.secho(f"Warning: {warning}", fg="yellow")
    _build(routers)
    for note in [*(note for one in routers for note in notes(one, application)), *remarks]:
        click.echo(f"Note: {note}")
    if found:
        ctx.exit(1)
    click.secho("No problems found.", fg="green")


def _build(routers: Sequence[Router]) -> None:
    try:
        for router in routers:
            router.build()
    except InvalidHandle as error:
        place = place_of(routers, error.handle)
        raise click.ClickException(f"{error}{place and f' ({place})'}") from None
    except Exception:
        raise failed("The application cannot be built") from None
