"""`microfn deploy`, which prints the configuration file of a server, with its pitfalls avoided and explained."""

from __future__ import annotations

import os
import re
import sys
from importlib.resources import files
from keyword import iskeyword
from string import Template
from typing import Any

import click

from ..arguments import nearest
from .address import ADDRESS
from .app_name import APP, AppName, find
from .source import resolve

__all__ = ["command"]

_TARGETS = ("gunicorn", "waitress", "nginx", "apache", "uwsgi", "cgi", "fastcgi", "passenger", "lambda", "work")
_BIND = "127.0.0.1:8000"
_LONGEST_SHEBANG = 125
_PROGRAMS = ("apache", "cgi", "fastcgi", "passenger", "lambda")
_WITHOUT_ARGUMENTS = ("waitress", "uwsgi", "work")
# Valid values of each option. They have no special meaning in any of the files, as quoted there.
_ALLOWED = {
    "prefix": (r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*", "a path like /shop"),
    "server_name": (r"[A-Za-z0-9*_][A-Za-z0-9.*_-]*", "the name of a host"),
    "bind": (ADDRESS, "HOST:PORT or unix:PATH"),
    "directory": (r"/[\w ./+~-]*", "an absolute path of letters, digits, spaces and any of ./_+~-"),
    "venv": (r"/[\w ./+~-]*", "an absolute path of letters, digits, spaces and any of ./_+~-"),
    "user": (r"[A-Za-z_][A-Za-z0-9_-]*", "the name of a user"),
    "group": (r"[A-Za-z_][A-Za-z0-9_-]*", "the name of a group"),
    "env_file": (r"/[\w ./+~-]*\w", "an absolute path of letters, digits, spaces and any of ./_+~-"),
}
# The names in templates that need each option.
_VALUES = {
    "prefix": {"prefix", "pattern"},
    "server_name": {"server_name"},
    "port": {"port", "site_port"},
    "bind": {"bind", "listen", "socket", "runtime", "address"},
    "directory": {"directory", "name"},
    "venv": {"venv", "python", "shebang"},
    "user": {"user"},
    "group": {"group"},
    "env_file": {"env_file"},
}
# Our own files are never there.
_TEMPORARY = ("/tmp/", "/var/tmp/")  # noqa: S108  # nosec B108


class _File(Template):
    """Text with `@name` for a value. Lines after `?name ` need that value, and lines after `!name ` its absence."""

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
    hardening = _template("hardening")
    return _File(_template(target).replace("@hardening\n", hardening))


def _template(name: str) -> str:
    return (files(__package__) / "templates" / f"{name}.txt").read_text("utf-8")


def _checked_target(ctx: click.Context, param: click.Parameter, given: str) -> str:  # noqa: ARG001 - click's
    if given in _TARGETS:
        return given
    near = nearest(given.lower(), _TARGETS)
    hint = f"; did you mean {near}?" if near else ""
    raise click.UsageError(f"TARGET must be one of {', '.join(_TARGETS)}, got {given!r}{hint or '.'}")


@click.command("deploy")
@click.argument("target", callback=_checked_target)
@APP
@click.option("--prefix", default="", help="URL prefix, for example /shop.  [default: the whole site]")
@click.option("--server-name", default="example.com", show_default=True, help="Host name of the site.")
@click.option("--port", type=click.IntRange(1, 65535), default=80, show_default=True, help="Port of the site.")
@click.option("--bind", help=f"Address of the server: HOST:PORT or unix:PATH.  [default: {_BIND}; fastcgi: none]")
@click.option("--directory", help="Directory of the application on the target machine.  [default: this directory]")
@click.option("--venv", help="Virtual environment on the target machine.  [default: that of this command]")
@click.option("--user", default="www-data", show_default=True, help="User to run as.")
@click.option(
    "--group",
    default="www-data",
    show_default=True,
    help="Group that can connect to a Unix socket: that of the web server.",
)
@click.option(
    "--env-file",
    help="File of settings and secrets, a KEY=value in each line.  [default: /etc/DIRECTORY.env, if it exists]",
)
@click.pass_context
def command(ctx: click.Context, /, target: str, app: str | None, **options: Any) -> None:
    """Print the file that a host needs to serve an application. Its first lines say where to put the file.

    \b
    TARGET is one of
      gunicorn, waitress   a unit of systemd
      nginx                a site that passes requests to an HTTP server
      apache               a site, with mod_wsgi
      uwsgi                uwsgi.ini
      cgi, fastcgi         a program
      passenger            passenger_wsgi.py
      lambda               lambda_function.py
      work                 a unit of systemd for the workers of queued calls

    \b
    microfn deploy gunicorn > shop.service
    microfn deploy nginx --server-name shop.example.com --bind unix:/run/shop/http.sock
    microfn deploy apache shop.app:app --prefix /shop --directory /srv/shop
    microfn deploy work shop.app:agent > shop-work.service

    The command reads the source of the application and does not import it, so it needs no secrets. Nothing is
    installed or written.
    """  # noqa: D301 - click wants the character
    file = _file_for(target)
    for option in _VALUES:
        if not file.uses(option) and ctx.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            fitting = ", ".join(one for one in _TARGETS if _file_for(one).uses(option))
            raise click.UsageError(f"{_flag(option)} must be used with {fitting}, got {target}.")
    if target == "work" and (app is None or ":" not in app or "(" in app):
        raise click.UsageError(f"The agent must be given as MODULE:NAME for work, got {app!r}.")
    click.echo(file.fill(_values(target, _checked_app(target, resolve(find(app))), options)), nl=False)


def _checked_app(target: str, app: AppName) -> AppName:
    """Return the name if a target supports it. Raises `click.UsageError`."""
    if not re.fullmatch(r"[\w-]+(?:\.[\w-]+)*", app.module):
        raise click.UsageError(f"The module must have only letters, digits and any of _-., got {app.module!r}.")
    if target in _PROGRAMS and not all(part.isidentifier() and not iskeyword(part) for part in app.module.split(".")):
        raise click.UsageError(f"The module must have a name that an import statement accepts, got {app.module!r}.")
    if target in _WITHOUT_ARGUMENTS:
        app.refuse_arguments(target)
    return app


def _values(target: str, app: AppName, options: dict[str, Any]) -> dict[str, str]:
    """Return the values of all names in templates."""
    given = {
        **options,
        "prefix": options["prefix"].rstrip("/"),
        "bind": options["bind"] or ("" if target == "fastcgi" else _BIND),
        "directory": os.path.abspath(options["directory"] or ""),
        "venv": options["venv"] or sys.prefix,
    }
    if options["port"] == 443:
        raise click.UsageError(
            "--port must not be 443, which needs certificates; certbot adds them to the file for port 80."
        )
    for option, (pattern, meant) in _ALLOWED.items():
        if given[option] and not re.fullmatch(pattern, given[option]):
            raise click.UsageError(f"{_flag(option)} must be {meant}, got {given[option]!r}.")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", os.path.basename(given["directory"])).strip("-") or "microfn"
    listening = _listening(given["bind"])
    python = f"{given['venv']}/bin/python" if options["venv"] else sys.executable
    return {
        **{option: str(value) for option, value in given.items()},
        **listening,
        **_importing(app),
        **_hardening(name, given["directory"], [given["venv"], python], listening),
        "name": name,
        "env_file": given["env_file"] or f"/etc/{name}.env",
        "env_given": given["env_file"] or "",
        "pattern": given["prefix"].replace(".", r"\."),
        "python": python,
        "shebang": _shebang(python),
        "site_port": "" if given["port"] == 80 else f":{given['port']}",
    }


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _shebang(python: str) -> str:
    """Return a first line that starts a program with `python`, even if its path is long or has spaces."""
    # Linux splits the first line at spaces, and before 5.1 reads 127 bytes of it. The shell has no such limits. It runs
    # the second line, which for Python is the start of a string.
    if " " in python or len(os.fsencode(python)) > _LONGEST_SHEBANG:
        return f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''"
    return f"#!{python}"


def _listening(bind: str) -> dict[str, str]:
    """Return the address in the form of each server."""
    host, _, port = bind.rpartition(":")
    if host != "unix":
        capability = "CAP_NET_BIND_SERVICE" if port and 0 < int(port) < 1024 else ""
        address = f'("{host.strip("[]")}", {port})'
        return {"listen": bind, "socket": "", "runtime": "", "address": address, "capability": capability}
    runtime = re.match(r"/run/([^/]+)/[^/]+$", port)
    return {
        "listen": port,
        "socket": port,
        "runtime": runtime[1] if runtime else "",
        "address": f'"{port}"',
        "capability": "",
    }


def _hardening(name: str, directory: str, programs: list[str], listening: dict[str, str]) -> dict[str, str]:
    """Return the exceptions from the hardening that a service needs."""
    socket = listening["socket"]
    # A virtual environment can refer to a Python in another directory, such as that of uv.
    used = [directory, socket, *programs, *map(os.path.realpath, programs)]
    state = f"/var/lib/{name}"
    return {
        "writable": "" if listening["runtime"] else os.path.dirname(socket),
        "protect_home": "read-only" if _any_below(used, "/home/", "/root/", "/run/user/") else "yes",
        # A socket in /tmp is hidden from nginx if the unit has a private /tmp.
        "private_tmp": "no" if _any_below([socket], *_TEMPORARY) else "yes",
        # systemd would change the owner of code there to the user.
        "state": "" if _any_below([f"{directory}/"], f"{state}/") else state,
    }


def _any_below(paths: list[str], *directories: str) -> bool:
    return any(path.startswith(directories) for path in paths)


def _importing(app: AppName) -> dict[str, str]:
    """Return the import of an application, in Python and as a word for systemd."""
    if app.call is not None:
        lines = [f"from {app.module} import {app.name}", f"application = {app.call}"]
    else:
        as_application = " as application" if app.name != "application" else ""
        lines = [f"from {app.module} import {app.name}{as_application}"]
    factory = f"{app.module}:{app.name}" if app.call is not None else ""
    return {
        "app": str(app),
        "title": f"{factory}(...)" if app.has_arguments else str(app),
        "factory": factory,
        "exec_app": _within_quotes(str(app)),
        "importing": "\n\n".join(lines),
        "importing_in_a_line": "; ".join(lines),
    }


def _within_quotes(text: str) -> str:
    """Return text for a double-quoted string of systemd (systemd.service, "Command lines")."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("%", "%%").replace("$", "$$")
