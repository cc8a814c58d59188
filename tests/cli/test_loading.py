"""The application of a command: named, or looked for, or refused with a hint."""

from __future__ import annotations

import pytest

from .shop import typed

WRONG = [
    ("nothing:app", 1, "there is no module 'nothing'"),
    ("app:ap", 1, "there is no 'ap' in app; did you mean app:app?"),
    ("app:number", 1, "app:number is no application but 7"),
    ("other", 1, "other:application is no Router but a function"),
    ("app.py", 2, "'app.py' is a file; a module is meant: 'app'"),
    ("./shop/app.py:app", 2, "a module is meant: 'shop.app:app'"),
    ("broken", 1, "broken cannot be imported:\nTraceback"),
    ("lacking", 1, "No module named 'nothing_like_it'"),
    ("syntax", 1, "SyntaxError"),
    ("without", 1, "there is no 'app' or 'application' in without; did you mean without:api?"),
    ("bare", 1, "there is no 'app' or 'application' in bare\n"),
]


@pytest.mark.parametrize(("given", "code", "shown"), WRONG)
def test_what_is_no_application_is_told(here, given, code, shown):
    (here / "broken.py").write_text("def fail():\n    1 / 0\n\n\nfail()\n", "utf-8")
    (here / "lacking.py").write_text("import nothing_like_it\n", "utf-8")
    (here / "syntax.py").write_text("def (\n", "utf-8")
    (here / "without.py").write_text("from microfn import Router\napi = Router()\n", "utf-8")
    (here / "bare.py").write_text("", "utf-8")
    output = typed("routes", given, code=code)
    assert shown in output
    assert "importlib" not in output
    assert "microfn/cli" not in output


def test_without_an_application_it_is_looked_for(here):
    (here / "app.py").rename(here / "passenger_wsgi.py")
    assert "/users/:id" in typed("routes")
    (here / "passenger_wsgi.py").unlink()
    assert "there is no app.py, wsgi.py, passenger_wsgi.py here" in typed("routes", code=2)


def test_of_app_and_what_is_put_around_it_the_latter_is_served(here):
    wrapped = (
        "import app\nfrom werkzeug.middleware.proxy_fix import ProxyFix\napp = app.app\napplication = ProxyFix(app)\n"
    )
    (here / "wrapped.py").write_text(wrapped, "utf-8")
    assert typed("check", "wrapped").startswith("wrapped:application: ")
    (here / "apart.py").write_text("import app\napp = app.app\nfrom other import application\n", "utf-8")
    assert typed("check", "apart").startswith("apart:app: ")


def test_a_module_that_ends_the_program_is_told(here):
    (here / "ends.py").write_text("import sys\nsys.exit(0)\n", "utf-8")
    for command in ("check", "ends"), ("routes", "ends"), ("deploy", "gunicorn", "ends"), ("serve", "ends:app"):
        assert "ends cannot be imported:" in typed(*command, code=1)
    assert "':app' names no module; APP is module:name" in typed("routes", ":app", code=2)
