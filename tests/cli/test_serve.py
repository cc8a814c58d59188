"""`microfn serve`: the command of a server, printed or run."""

from __future__ import annotations

import os
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
        """--access-logformat '%(h)s - - %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"' app:app\n"""
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
    assert "is a file; a module is meant: 'app:app'" in typed("serve", "app.py:app", code=2)


@pytest.mark.usefixtures("here")
def test_serve_lets_only_its_group_connect_to_a_unix_socket():
    assert " --umask 0o117 " in typed("serve", "--print", "--bind", "unix:/run/http.sock")
    assert "--umask" not in typed("serve", "--print")


@pytest.mark.usefixtures("here")
def test_serve_is_waitress_on_windows(monkeypatch):
    ran = []
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("microfn.cli.serve.subprocess.call", lambda command: ran.append(command) or 3)
    assert typed("serve", "--print") == "waitress-serve --listen=127.0.0.1:8000 --threads=4 app:app\n"
    monkeypatch.setattr("microfn.cli.serve.find_spec", lambda name: name == "waitress")
    typed("serve", "app:app", "--threads", "9", "--", "--ident=me", code=3)
    assert ran == [
        [sys.executable, "-m", "waitress", "--listen=127.0.0.1:8000", "--threads=9", "--ident=me", "app:app"]
    ]
    monkeypatch.setattr("microfn.cli.serve.find_spec", lambda name: None)
    assert 'pip install "microfn[waitress]"' in typed("serve", code=1)


def test_serve_says_what_is_wrong_with_what_it_is_to_serve(here):
    assert "did you mean app:app?" in typed("serve", "app:ap", code=1)
    assert "there is no module 'nope'" in typed("serve", "nope:app", code=1)
