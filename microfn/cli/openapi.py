"""`microfn openapi`, which prints the OpenAPI document of an application."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from ..openapi import document
from ..openapi.documents import served_documents
from ..router import Router
from .app_name import APP
from .loading import failed, load_router

__all__ = ["command"]


@click.command("openapi")
@APP
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML, which needs microfn[openapi].")
@click.option("--path", help="The path of the document, if the application serves several.")
@click.option("--title", help="The title of the API.  [default: as served, or APP]")
@click.option("--version", help="The version of the API.  [default: as served, or 0.1.0]")
def command(app: str | None, as_yaml: bool, path: str | None, title: str | None, version: str | None) -> None:
    """Print the OpenAPI 3.1 document that an application serves.

    An application that serves none gets one of all its routes.

    \b
    microfn openapi > openapi.json
    microfn openapi shop.app:app --yaml --title Shop --version 2.0
    microfn openapi shop.app:app --path /v2/openapi.json
    """  # noqa: D301 - click wants the character
    name, router = load_router(app)
    info = {key: text for key, text in (("title", title), ("version", version)) if text is not None}
    make = _chosen(name, router, path, info)
    try:
        text = json.dumps(make(), indent=1, ensure_ascii=False)
    except (TypeError, ValueError, ModuleNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    except Exception:
        raise failed("the document cannot be made") from None
    click.echo(_as_yaml(json.loads(text)) if as_yaml else text)


def _chosen(name: str, router: Router, path: str | None, info: dict[str, str]) -> Callable[[], dict[str, Any]]:
    """Return a function that makes the document that was asked for. Raises ClickException if none is at the path."""
    served = served_documents(router)
    if path is None and not served:
        title, version = info.get("title", name), info.get("version", "0.1.0")
        return partial(document, router, title=title, version=version)
    if path is None and len(served) == 1:
        (path,) = served
    if path not in served:
        given = "needs a path" if path is None else f"must be the path of a document, got {path!r}"
        raise click.ClickException(f"--path {given}; {name} serves {', '.join(sorted(served)) or 'none'}.")
    mount, handle = served[path]
    return partial(handle.document, mount, **info)


def _as_yaml(made: dict[str, Any]) -> str:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.ClickException('--yaml needs PyYAML; run pip install "microfn[openapi]".') from None
    text: str = yaml.safe_dump(made, allow_unicode=True, sort_keys=False)
    return text.rstrip("\n")
