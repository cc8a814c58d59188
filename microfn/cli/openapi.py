"""`microfn openapi`, which prints the OpenAPI document of an application."""

from __future__ import annotations

import json
from typing import Any

import click

from ..openapi import document
from .app_name import APP
from .loading import load_router

__all__ = ["command"]


@click.command("openapi")
@APP
@click.option("--yaml", "as_yaml", is_flag=True, help="Print YAML. Needs microfn[openapi].")
@click.option("--title", help="Title of the API.  [default: APP]")
@click.option("--version", default="0.1.0", show_default=True, help="Version of the API.")
def command(app: str | None, as_yaml: bool, title: str | None, version: str) -> None:
    """Print the OpenAPI 3.1 document of an application.

    \b
    microfn openapi > openapi.json
    microfn openapi shop.app:app --yaml --title Shop --version 2.0
    """  # noqa: D301 - click wants the character
    name, router = load_router(app)
    try:
        made = document(router, title=name if title is None else title, version=version)
    except (TypeError, ModuleNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(_as_yaml(made) if as_yaml else json.dumps(made, indent=1, ensure_ascii=False))


def _as_yaml(made: dict[str, Any]) -> str:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise click.ClickException('--yaml needs PyYAML; run pip install "microfn[openapi]".') from None
    plain = json.loads(json.dumps(made))  # a copy, since YAML writes aliases for shared objects
    text: str = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False)
    return text.rstrip("\n")
