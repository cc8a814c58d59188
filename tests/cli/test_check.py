"""`microfn check`: the warnings and notes of microfn.cli.findings, without a request."""

from __future__ import annotations

import sys

import pytest

from .shop import typed


@pytest.mark.usefixtures("here")
def test_check_tells_what_goes_before_what():
    shown = typed("check")
    assert shown.startswith(
        "app:app: 6 routes\nNote: GET /users/me (app.py:14) matches before GET /users/:id (app.py:9).\n"
    )
    assert shown.endswith("No problems found.\n")


CHECKED = [
    ("", 1, "Warning: The application has no routes."),
    ("app.get('/x')(h)", 0, "app: 1 route\n"),
    (
        "a = app.group('/admin', use=[lambda handle: handle])\na.get('/')(h)\na.mount('/old', app2, bare=True)",
        0,
        "Note: The middleware of the group around the mount /admin/old (checked.py:7) does not see its requests.",
    ),
    (
        "a = app.group('/admin', use=[lambda handle: handle])\na.get('/')(h)\napp.mount('/admin/old', app2)",
        0,
        "Note: The middleware of the group around the mount /admin/old (checked.py:7) does not see its requests.",
    ),
    (
        "a = app.group('/admin', use=[lambda handle: handle])\na.get('/')(h)\na.mount('/old', app2)",
        0,
        "No problems found.",
    ),
    (
        "app.get('/:page')(h)\napp.mount('/old', app2)",
        1,
        "the mount /old (checked.py:6) hides paths that match GET /:page",
    ),
    ("app.get('/a/:x')(h)\napp.get('/a/b:x')(h)\napp.get('/c:x/d')(h)", 0, "Note: GET /a/b:x"),
    (
        "app.get('/*rest')(h)\napp.get('/a/b')(h)\napp.post('/a')(h)",
        0,
        "Note: GET /a/b (checked.py:6) matches before GET /*rest",
    ),
    ("app.get('/a/:b/c')(h)\napp.get('/a/:b')(h)\napp.get('/x/:b')(h)", 0, "No problems found."),
    (
        "import os\nos.mkdir('public')\nopen('public/.env', 'wb').close()\napp.serve_files('/static/*f', 'public')",
        1,
        "Warning: GET /static/*f (checked.py:8) serves .env to everyone; move public files to their own directory",
    ),
    ("app.serve_files('/all/*f', '.')", 1, "GET /all/*f (checked.py:5) serves app.py, checked.py, other.py to "),
    (
        "import os\nos.makedirs('__pycache__', exist_ok=True)\napp.serve_files('/all/*f', '.')",
        1,
        "GET /all/*f (checked.py:7) serves app.py, checked.py, other.py to everyone",
    ),
    (
        "import os\nos.makedirs('public/__pycache__')\napp.serve_files('/all/*f', 'public')",
        1,
        "GET /all/*f (checked.py:7) serves __pycache__ to everyone",
    ),
    ("app.get('/')(lambda request, params: request.remote_addr)", 0, "GET / (checked.py:5) reads request.remote_addr,"),
    (
        "from werkzeug.middleware.proxy_fix import ProxyFix as P\napp.get('/')(lambda r, p: r.url)\napp = P(app)",
        0,
        "app: 1 route\nNo problems found.\n",
    ),
    (
        "app2.get('/:page')(h)\napp2.mount('/old', Router())\napp.mount('/v1', app2)",
        1,
        "Warning: the mount /old (checked.py:6) hides paths that match GET /:page (checked.py:5).",
    ),
    ("app2.get('/')(lambda r, p: r.url)\napp.mount('/v1', app2)", 0, "Note: GET / (checked.py:5) reads request.url,"),
    # some versions of Python don't know the parameters of a builtin
    ("app.get('/')(print)\napp.get('/a')(lambda r, p: p.url)", 0, "No problems found."),
    ("app.get('/')(lambda request, params: request.args['q'])", 0, "app: 1 route\nNo problems found.\n"),
    ("app.use(lambda handle: None)", 1, "did you forget to return the handle?"),
    ("app.get('/a/:b')(h)\napp.get('/a/:c')(h)", 1, "RouteConflict"),
]


@pytest.mark.parametrize(("source", "code", "shown"), CHECKED)
def test_check_finds_what_is_probably_not_meant(here, source, code, shown):
    begin = "from microfn import Router\napp = Router(overlap=True)\napp2 = Router()\ndef h(request, params): pass\n"
    (here / "checked.py").write_text(begin + source + "\n", "utf-8")
    assert shown in typed("check", "checked", code=code)


def test_check_loads_what_a_factory_makes(here):
    source = (
        "from microfn import Router\ndef create(path):\n    app = Router()\n    app.get(path)(print)\n    return app\n"
    )
    (here / "made.py").write_text(source, "utf-8")
    assert typed("check", "made:create('/a')") == "made:create('/a'): 1 route\nNo problems found.\n"
    assert "InvalidPattern: invalid pattern 'a'" in typed("check", "made:create('a')", code=1)


def test_nothing_is_left_behind_by_a_check(here):
    before = sys.getprofile()
    typed("check")
    typed("check", "nothing", code=1)
    assert sys.getprofile() is before
