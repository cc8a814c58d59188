"""`microfn deploy`: the file that a host wants, with its traps avoided and told."""

from __future__ import annotations

import os
import re
import sys
from importlib.resources import files
from string import Template
from typing import Any

import click

from ..arguments import nearest
from .address import ADDRESS
from .app_name import APP
from .loading import load

__all__ = ["command"]

_TARGETS = ("gunicorn", "waitress", "nginx", "apache", "uwsgi", "cgi", "fastcgi", "passenger", "lambda")
_BIND = "127.0.0.1:8000"
_LONGEST_SHEBANG = 125
# What may be written, for each option. Nothing of it means anything else in one of the files, quoted as it is there.
_ALLOWED = {
    "prefix": (r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", "a path like /shop"),
    "server_name": (r"[A-Za-z0-9*_][A-Za-z0-9.*_-]*", "the name of a host"),
    "bind": (ADDRESS, "HOST:PORT or unix:PATH"),
    "directory": (r"/[\w ./+~-]*", "an absolute path of letters, digits, blanks and any of ./_+~-"),
    "venv": (r"/[\w ./+~-]*", "an absolute path of letters, digits, blanks and any of ./_+~-"),
    "user": (r"[A-Za-z_][A-Za-z0-9_-]*", "the name of a user"),
    "group": (r"[A-Za-z_][A-Za-z0-9_-]*", "the name of a group"),
}
# What the templates use of each option.
_VALUES = {
    "prefix": {"prefix", "pattern"},
    "server_name": {"server_name"},
    "port": {"port", "site_port"},
    "bind": {"bind", "listen", "socket", "runtime", "address"},
    "directory": {"directory", "name"},
    "venv": {"venv", "python", "shebang"},
    "user": {"user"},
    "group": {"group"},
}


class _File(Template):
    """Text with `@name` for a value. Lines behind `?name ` are there only with that value, behind `!name ` without."""

    delimiter = "@"

    def uses(self, option: str) -> bool:
        names = re.findall(r"(?:@|^[?!])(\w+)", self.template, re.MULTILINE)
        return not _VALUES[option].isdisjoint(names)

    def fill(self, values: dict[str, str]) -> str:
        lines = []
        for line in self.template.splitlines(keepends=True):
            condition = re.match(r"([?!])(\w+) ", line)
            if condition is None:
                lines.append(line)
            elif bool(values[condition[2]]) == (condition[1] == "?"):
                lines.append(line[condition.end() :])
        return _File("".join(lines)).substitute(values)


def _file_for(target: str) -> _File:
    return _File((files(__package__) / "templates" / f"{target}.txt").read_text("utf-8"))


def _checked_target(ctx: click.Context, param: click.Parameter, given: str) -> str:  # noqa: ARG001 - click's
    if given in _TARGETS:
        return given
    near = nearest(given.lower(), _TARGETS)
    hint = f"; did you mean {near}?" if near else ""
    raise click.UsageError(f"there is nothing for {given!r}, only for {', '.join(_TARGETS)}{hint}")


@click.command("deploy")
@click.argument("target", callback=_checked_target)
@APP
@click.option("--prefix", default="", help="Where it is on the site, as /shop.  [default: everywhere]")
@click.option("--server-name", default="example.com", show_default=True, help="The name of the site.")
@click.option("--port", type=click.IntRange(1, 65535), default=80, show_default=True, help="The port of the site.")
@click.option("--bind", help=f"Where a server listens: HOST:PORT or unix:PATH.  [default: {_BIND}; fastcgi: nowhere]")
@click.option("--directory", help="Where its files are, on that machine.  [default: this directory]")
@click.option("--venv", help="Where its packages are, on that machine.  [default: where this command's are]")
@click.option("--user", default="www-data", show_default=True, help="Whom it runs as.")
@click.option(
    "--group", default="www-data", show_default=True, help="Who may connect to a unix socket: the web server."
)
@click.pass_context
def command(ctx: click.Context, /, target: str, app: str | None, **options: Any) -> None:
    """Print the file with which a host serves an application. Its first lines say where it belongs.

    \b
    TARGET is one of
      gunicorn, waitress   a unit of systemd
      nginx                a site, before a server that speaks HTTP
      apache               a site, with mod_wsgi
      uwsgi                uwsgi.ini
      cgi, fastcgi         a program
      passenger            passenger_wsgi.py
      lambda               lambda_function.py

    \b
    microfn deploy gunicorn > shop.service
    microfn deploy nginx --server-name shop.example.com --bind unix:/run/shop/http.sock
    microfn deploy apache shop.app:app --prefix /shop --directory /srv/shop

    The application is imported, to see that it is there; nothing is installed or written.
    """  # noqa: D301 - click wants the character
    file = _file_for(target)
    for option in _VALUES:
        if not file.uses(option) and ctx.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            fitting = ", ".join(one for one in _TARGETS if _file_for(one).uses(option))
            raise click.UsageError(f"{target} has no use for {_flag(option)}, only {fitting}")
    name, _ = load(app)
    click.echo(file.fill(_values(target, name, options)), nl=False)


def _values(target: str, app: str, options: dict[str, Any]) -> dict[str, str]:
    """All that a template may name."""
    given = {
        **options,
        "prefix": options["prefix"].rstrip("/"),
        "bind": options["bind"] or ("" if target == "fastcgi" else _BIND),
        "directory": os.path.abspath(options["directory"] or ""),
        "venv": options["venv"] or sys.prefix,
    }
    if options["port"] == 443:
        raise click.UsageError(
            "443 is HTTPS, and certificates are not known here: certbot adds them to the file for 80"
        )
    for option, (pattern, meant) in _ALLOWED.items():
        if given[option] and not re.fullmatch(pattern, given[option]):
            raise click.UsageError(f"{_flag(option)} is {meant}, not {given[option]!r}")
    python = f"{given['venv']}/bin/python" if options["venv"] else sys.executable
    return {
        **{option: str(value) for option, value in given.items()},
        **_listening(given["bind"]),
        **_importing(app),
        "name": re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(given["directory"])).strip("-") or "microfn",
        "pattern": given["prefix"].replace(".", r"\."),
        "python": python,
        "shebang": _shebang(python),
        "site_port": "" if given["port"] == 80 else f":{given['port']}",
    }


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _shebang(python: str) -> str:
    """Return a first line that starts a program with `python`, even if its path is long or has spaces."""
    # A kernel splits the first line at spaces, and reads 127 bytes of it (Linux before 5.1). The shell has no such
    # limits: it runs the second line, which Python reads as the beginning of a string.
    if " " in python or len(os.fsencode(python)) > _LONGEST_SHEBANG:
        return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"
    return f"#!{python}"


def _listening(bind: str) -> dict[str, str]:
    """The same address as each server wants it."""
    host, _, port = bind.rpartition(":")
    if host != "unix":
        return {"listen": bind, "socket": "", "runtime": "", "address": f'("{host.strip("[]")}", {port})'}
    runtime = re.match(r"/run/([^/]+)/[^/]+$", port)
    return {"listen": port, "socket": port, "runtime": runtime[1] if runtime else "", "address": f'"{port}"'}


def _importing(app: str) -> dict[str, str]:
    """How an application becomes a name in a file of Python."""
    module, _, name = app.partition(":")
    factory = name.removesuffix("()")
    if factory != name:
        lines = [f"from {module} import {factory}", f"application = {name}"]
    else:
        lines = [f"from {module} import {name}" + (" as application" if name != "application" else "")]
    return {
        "app": app,
        "factory": f"{module}:{factory}" if factory != name else "",
        "importing": "\n\n".join(lines),
        "importing_in_a_line": "; ".join(lines),
    }
