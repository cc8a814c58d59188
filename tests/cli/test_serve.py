"""`microfn serve`: the command of a server, printed or run."""

from __future__ import annotations

import os
import shlex
import sys

import pytest

from .shop import typed


@pytest.mark.usefixtures("here")
def test_serve_is_gunicorn_with_honest_defaults(monkeypatch):
    ran = []
    monkeypatch.setattr(os, "execv", lambda *arguments: ran.append(arguments))
    assert typed("serve", "--print", "--workers", "3") == (
        "gunicorn --bind 127.0.0.1:8000 --worker-class gthread --workers 3 --threads 4 --timeout 30 "
        "--graceful-timeout 30 --no-control-socket --access-logfile - "
        """--access-logformat '%(h)s - - %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"' """
        "--env MICROFN_NO_LOG= app:app\n"
    )
    typed("serve", "app:create()", "--", "--max-requests", "5")
    ((interpreter, words),) = ran
    assert interpreter == words[0] == sys.executable
    assert words[1:3] == ["-m", "gunicorn"]
    assert words[-3:] == ["--max-requests", "5", "app:create()"]
    assert str(os.cpu_count()) in words
    monkeypatch.setattr("microfn.cli.serve.find_spec", lambda name: None)
    assert 'pip install "microfn[gunicorn]"' in typed("serve", code=1)


def test_serve_finds_the_application_and_passes_options_on(here):
    assert typed("serve", "--print", "--", "--max-requests", "5").endswith(" --max-requests 5 app:app\n")
    (here / "only.py").write_text("from app import app as application\n", "utf-8")
    assert typed("serve", "--print", "only").endswith(" only:application\n")
    assert "No such option" in typed("serve", "--max-requests", "5", code=2)
    assert "did you mean 'app:app'" in typed("serve", "app.py:app", code=2)


@pytest.mark.usefixtures("here")
def test_serve_lets_only_its_group_connect_to_a_unix_socket():
    assert " --umask 0o117 " in typed("serve", "--print", "--bind", "unix:/run/http.sock")
    assert "--umask" not in typed("serve", "--print")


def test_serve_is_waitress_on_windows(here, monkeypatch):
    ran = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("microfn.cli.serve.subprocess.call", lambda command, env: ran.append((command, env)) or 3)
    assert typed("serve", "--print") == "waitress-serve --listen=127.0.0.1:8000 --threads=4 app:app\n"
    monkeypatch.setattr("microfn.cli.serve.find_spec", lambda name: name == "waitress")
    typed("serve", "app:app", "--threads", "9", "--no-log", "/healthz", "--", "--ident=me", code=3)
    ((command, env),) = ran
    words = ["--listen=127.0.0.1:8000", "--threads=9", "--ident=me", "app:app"]
    assert command == [sys.executable, "-m", "waitress", *words]
    assert env == {**os.environ, "MICROFN_NO_LOG": "/healthz"}
    assert typed("serve", "--print", "app:create()").endswith(" --threads=4 --call app:create\n")
    shown = typed("serve", "--print", "--no-log", "/a", "--no-log", "/b")
    assert shown.startswith('set "MICROFN_NO_LOG=/a /b" && waitress-serve ')
    (here / "made.py").write_text("def create(mode): return print\n", "utf-8")
    shown = typed("serve", "--print", "made:create('x')", code=2)
    assert (
        "APP must be a factory without arguments for waitress, got made:create('x'); write application = create('x')"
        in shown
    )
    monkeypatch.setattr("microfn.cli.serve.find_spec", lambda name: None)
    assert 'pip install "microfn[waitress]"' in typed("serve", code=1)


def test_serve_says_what_is_wrong_with_what_it_is_to_serve(here):
    assert "did you mean app:app?" in typed("serve", "app:ap", code=1)
    assert "There is no module 'nope'" in typed("serve", "nope:app", code=1)


UNLOGGED = [
    (["/healthz"], "/healthz"),
    (["/healthz", "/ready/"], "/healthz /ready/"),
    (["/"], "/"),
    (["/a b"], "/a%20b"),
    (["/a%20b"], "/a%20b"),
    (["/käse"], "/k%C3%A4se"),
    (["/k%c3%a4se"], "/k%C3%A4se"),
    (["/%ff"], "/%FF"),
    (["/\udcff"], "/%FF"),
    (["/a\nb"], "/a%0Ab"),
    (["/users/:id/a=1;b"], "/users/:id/a=1;b"),
]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("paths", "shown"), UNLOGGED)
def test_paths_are_left_out_of_the_log(paths, shown):
    options = [word for path in paths for word in ("--no-log", path)]
    printed = shlex.split(typed("serve", "--print", *options, "app:app"))
    assert printed[printed.index("--env") + 1] == f"MICROFN_NO_LOG={shown}"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("path", ["", "healthz", "/healthz?a=1", "/#a", "http://a/healthz", "*"])
def test_what_is_no_path_is_refused(path):
    shown = " ".join(typed("serve", "--print", "--no-log", path, code=2).split())
    assert f"--no-log must be a path that begins with a slash, without a query, got {path!r}" in shown


@pytest.mark.usefixtures("here")
def test_paths_of_the_environment_hold_unless_others_are_typed(monkeypatch):
    monkeypatch.setenv("MICROFN_NO_LOG", "/ready")
    assert " --env MICROFN_NO_LOG=/ready app:app" in typed("serve", "--print")
    assert " --env MICROFN_NO_LOG=/healthz app:app" in typed("serve", "--print", "--no-log", "/healthz")


@pytest.mark.usefixtures("here")
def test_factory_reaches_the_server_with_its_arguments():
    assert typed("serve", "--print", "app:create( )").endswith(" 'app:create()'\n")
