"""The command line, as it is typed."""

from __future__ import annotations

import json
import os
import re
import runpy
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner
from markupsafe import escape
from werkzeug.exceptions import HTTPException, NotFound

from microfn import Router, __version__, cli
from microfn.cli import run
from microfn.cli.trusted_hosts import TrustedHosts

from ..wsgi import call

SHOP = """
from microfn import Router
import other

app = Router(overlap=True)
app.get("/", name="home")(lambda request, params: "home")


@app.get("/users/:id", name="user", convert={"id": int})
def user(request, params):
    raise AssertionError("a handle was called")


app.get("/users/me")(user)
app.delete("/users/:id")(user)
app.mount("/old", other.application)
group = app.group("/käse")
group.get("/*rest")(user)


@app.error(404)
def nothing(request, error):
    raise AssertionError("an error handler was called")


@app.use
def middleware(handle):
    def called(request, params):
        raise AssertionError("a middleware was called")

    return called


def create():
    return app


number = 7
"""
OTHER = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"old"]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A directory with an application, in which commands are typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "app.py").write_text(SHOP, "utf-8")
    (tmp_path / "other.py").write_text(OTHER, "utf-8")
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def typed(*words, code=0):
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code == code, result.output
    return result.output


def test_help_shows_every_command_with_examples():
    shown = typed("--help")
    for name in "run", "serve", "routes", "match", "check", "new", "deploy":
        assert f"  {name} " in shown
        assert f"microfn {name}" in typed(name, "--help")
    assert "0.1.0" in typed("--version")
    assert "No such command 'nothing'" in typed("nothing", code=2)


@pytest.mark.usefixtures("here")
def test_routes_are_a_table():
    lines = typed("routes").splitlines()
    assert lines[0] == "GET     /            home  app.<lambda>       app.py:6"
    assert lines[1] == "GET     /users/:id   user  app.user           app.py:9"
    assert lines[-1] == "*       /old/…             other.application  app.py:16"
    assert len(lines) == 6


@pytest.mark.usefixtures("here")
def test_routes_without_names_have_no_column_for_them(here):
    (here / "wsgi.py").write_text("from microfn import Router\napplication = Router()\n", "utf-8")
    assert typed("routes", "wsgi") == "There are no routes.\n"
    (here / "plain.py").write_text(
        "from microfn import Router\napp = Router()\napp.handle('GET', '/', lambda request, params: '')\n", "utf-8"
    )
    assert typed("routes", "plain") == "GET  /  plain.<lambda>  plain.py:3\n"


@pytest.mark.usefixtures("here")
def test_routes_are_json_and_a_tree():
    listed = json.loads(typed("routes", "app:create()", "--json"))
    assert listed[0].items() >= {"method": "GET", "pattern": "/", "name": "home", "line": 6}.items()
    drawn = typed("routes", "--tree")
    assert drawn.startswith("GET\n")
    assert "[/users/:id]" in drawn


MATCHES = [
    (("GET", "/users/7"), 0, "GET /users/:id (app.py:9)\n  handle  app.user\n  id  7\n"),
    (("GET", "/users/me"), 0, "GET /users/me (app.py:14)\n  handle  app.user\n"),
    (("HEAD", "/users/7?x=1"), 0, "GET /users/:id (app.py:9)\n  handle  app.user\n  id  7\n"),
    (("GET", "/k%C3%A4se/a%20b"), 0, "GET /käse/*rest (app.py:18)\n  handle  app.user\n  rest  '/a b'\n"),
    (("POST", "/old/x"), 0, "the mount /old (app.py:16)\n"),
    (("GET", "/users/7/"), 1, "301 Moved Permanently\n  to      /users/7\n"),
    (("DELETE", "/USERS/7?a=b"), 1, "308 Permanent Redirect\n  to      /users/7?a=b\n"),
    (("POST", "/users/7"), 1, "405 Method Not Allowed\n  allowed DELETE, GET, HEAD, OPTIONS\n"),
    (("OPTIONS", "/users/7"), 1, "204 No Content\n  allowed DELETE, GET, HEAD, OPTIONS\n"),
    (("GET", "/%FF"), 1, "400 Bad Request\n"),
    (("BREW", "/"), 1, "405 Method Not Allowed\n  allowed GET, HEAD, OPTIONS\n"),
]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("words", "code", "shown"), MATCHES)
def test_match_tells_what_a_request_leads_to_and_calls_nothing(words, code, shown):
    assert typed("match", *words, code=code).startswith(shown)


@pytest.mark.usefixtures("here")
def test_match_tells_where_the_walk_stops_and_what_is_near():
    walk, *near = typed("match", "GET", "/user/7", code=1).splitlines()[1:]
    assert walk == "  the walk through the tree stops behind '/user' of '/user/7'"
    assert sorted(near) == [
        "  near    DELETE /users/:id (app.py:15)",
        "  near    GET /users/:id (app.py:9)",
        "  near    GET /users/me (app.py:14)",
    ]
    assert "stops behind '/users/7'" in typed("match", "GET", "/users/7/posts", code=1)
    assert "stops behind '/'" in typed("match", "GET", "/zzz", code=1)
    assert "stops behind '/'" in typed("match", "BREW", "/zzz", code=1)
    assert "did you mean GET?" in typed("match", "get", "/", code=2)
    refused = typed("match", "GET", "/users/ann", code=1)
    assert refused == "404 Not Found\n  GET /users/:id (app.py:9) matches, but its convert refuses what is there\n"


def test_match_where_there_are_no_routes(here):
    (here / "empty.py").write_text("from microfn import Router\napp = Router()\n", "utf-8")
    assert "stops behind ''" in typed("match", "GET", "/", "empty", code=1)


@pytest.mark.usefixtures("here")
def test_check_tells_what_goes_before_what():
    shown = typed("check")
    assert shown.startswith(
        "app:app: 6 routes\nnote: GET /users/me (app.py:14) goes before GET /users/:id (app.py:9)\n"
    )
    assert shown.endswith("nothing is wrong\n")


CHECKED = [
    ("", 1, "warning: there are no routes"),
    ("app.get('/x')(h)", 0, "app: 1 route\n"),
    (
        "admin = app.group('/admin', use=[lambda handle: handle])\nadmin.get('/')(h)\nadmin.mount('/old', app2)",
        0,
        "note: the mount /admin/old (checked.py:7) is not seen by the middleware of the group around it",
    ),
    ("app.get('/:page')(h)\napp.mount('/old', app2)", 1, "the mount /old (checked.py:6) takes paths that GET /:page"),
    ("app.get('/a/:x')(h)\napp.get('/a/b:x')(h)\napp.get('/c:x/d')(h)", 0, "note: GET /a/b:x"),
    (
        "app.get('/*rest')(h)\napp.get('/a/b')(h)\napp.post('/a')(h)",
        0,
        "note: GET /a/b (checked.py:6) goes before GET /*rest",
    ),
    ("app.get('/a/:b/c')(h)\napp.get('/a/:b')(h)\napp.get('/x/:b')(h)", 0, "nothing is wrong"),
    (
        "import os\nos.mkdir('public')\nopen('public/.env', 'wb').close()\napp.serve_files('/static/*f', 'public')",
        1,
        "warning: GET /static/*f (checked.py:8) serves .env to everyone: keep public files in a directory",
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
        "app: 1 route\nnothing is wrong\n",
    ),
    # what a builtin takes is not told by every Python
    ("app.get('/')(print)\napp.get('/a')(lambda r, p: p.url)", 0, "nothing is wrong"),
    ("app.get('/')(lambda request, params: request.args['q'])", 0, "app: 1 route\nnothing is wrong\n"),
    ("app.use(lambda handle: None)", 1, "did you forget to return the handle?"),
    ("app.get('/a/:b')(h)\napp.get('/a/:c')(h)", 1, "RouteConflict"),
]


@pytest.mark.parametrize(("source", "code", "shown"), CHECKED)
def test_check_finds_what_is_probably_not_meant(here, source, code, shown):
    begin = "from microfn import Router\napp = Router(overlap=True)\napp2 = Router()\ndef h(request, params): pass\n"
    (here / "checked.py").write_text(begin + source + "\n", "utf-8")
    assert shown in typed("check", "checked", code=code)


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


def test_serve_finds_what_it_serves_and_leaves_the_rest_to_the_server(here):
    assert typed("serve", "--print", "--", "--max-requests", "5").endswith(" --max-requests 5 app:app\n")
    (here / "only.py").write_text("from app import app as application\n", "utf-8")
    assert typed("serve", "--print", "only").endswith(" only:application\n")
    assert "No such option" in typed("serve", "--max-requests", "5", code=2)
    assert "is a file; a module is meant: 'app:app'" in typed("serve", "app.py:app", code=2)


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


def test_new_writes_a_project_that_runs_at_once(tmp_path):
    shop = tmp_path / "my shop"
    assert "Next: cd" in typed("new", str(shop))
    assert sorted(os.listdir(shop)) == [".gitignore", "Makefile", "app.py", "requirements.txt", "test_app.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=shop, capture_output=True, timeout=60, check=False, encoding="utf-8")
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    (shop / "app.py").write_text("mine", "utf-8")
    assert "app.py, test_app.py, Makefile" in typed("new", str(shop), code=1)
    assert (shop / "app.py").read_text("utf-8") == "mine"
    (tmp_path / "file").write_text("", "utf-8")
    assert "cannot be written" in typed("new", str(tmp_path / "file" / "x"), code=1)


# microfn run

BROWSER = "text/html,*/*;q=0.8"


def broken(request, params):
    local_value = "<secret>"
    return {}[local_value]


def for_development(application):
    return run.for_development(application, TrustedHosts("site.test"))


def developed(**handlers):
    app = Router()
    app.get("/users/:id")(lambda request, params: "user")
    app.get("/broken")(broken)
    for key, text in handlers.items():
        app.error(int(key[1:]))(lambda request, error, text=text: text)
    return for_development(app)


def test_a_developer_sees_where_the_walk_stops(caplog):
    page = call(developed(), path="/user/<b>", HTTP_ACCEPT=BROWSER)
    assert page.code == 404
    assert '/user<span class="rest">/&lt;b&gt;</span>' in page.text
    assert "GET /users/:id" in page.text
    assert "near" not in call(developed(), "GET", "/%%%%%%%%%%%%%%%%", HTTP_ACCEPT=BROWSER).text
    assert "     2  /" in page.text
    assert "<secret>" not in page.text


def test_a_developer_sees_which_converter_refused_a_path():
    app = Router()
    app.get("/users/:id", convert={"id": int})(lambda request, params: "user")
    page = call(for_development(app), path="/users/ann", HTTP_ACCEPT=BROWSER)
    assert page.code == 404
    assert "<code>GET /users/:id (" in page.text
    assert "matches, but its <code>convert</code> refuses" in page.text
    assert "turns red" not in page.text


def test_the_tree_of_many_routes_is_not_drawn():
    app = Router()
    for number in range(101):
        app.get(f"/{number}/x")(lambda request, params: "")
    assert "<details>" not in call(for_development(app), path="/nothing", HTTP_ACCEPT=BROWSER).text


def test_a_developer_sees_where_an_exception_was_raised(caplog):
    page = call(developed(), path="/broken", HTTP_ACCEPT=BROWSER)
    assert page.code == 500
    assert "<h1>KeyError: &#39;&lt;secret&gt;&#39;</h1>" in page.text
    assert "<code>GET /broken (" in page.text
    assert 'class="filename">"' + str(escape(__file__)) in page.text
    assert "dispatch.py" not in page.text.split("As text")[0]
    assert "<secret>" not in page.text
    assert len(caplog.records) == 1


def test_what_microfn_itself_raises_has_its_frames(caplog):
    app = Router()
    app.get("/")(lambda request, params: None)
    page = call(for_development(app), HTTP_ACCEPT=BROWSER)
    assert "<h1>TypeError: " in page.text
    assert "conversion.py" in page.text.split("As text")[0]


def test_a_program_gets_what_it_would_get_deployed(caplog):
    for path in "/nothing", "/broken":
        got = call(developed(), path=path)
        assert got.headers["content-type"] == "application/problem+json"
        assert "secret" not in got.text
    assert len(caplog.records) == 1


def test_handlers_of_ones_own_stay(caplog):
    app = developed(e404="mine", e500="mine too")
    assert call(app, path="/nothing", HTTP_ACCEPT=BROWSER).text == "mine"
    assert call(app, path="/broken", HTTP_ACCEPT=BROWSER).text == "mine too"


def test_an_abort_with_500_is_no_traceback():
    app = Router()
    from microfn import abort

    app.get("/")(lambda request, params: abort(500))
    assert "Traceback" not in call(for_development(app), HTTP_ACCEPT=BROWSER).text


def test_no_browser_keeps_a_redirect():
    assert call(developed(), path="/users/7/").headers["cache-control"] == "no-store"
    assert "cache-control" not in call(developed(), path="/users/7").headers


def test_another_wsgi_application_is_served_as_it_is():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"other"]

    assert call(for_development(application)).text == "other"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(port, path, until, seconds=30):
    """What is served there, as soon as it holds `until`."""
    deadline, seen = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                seen = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                seen = error.read().decode()
        except OSError as error:
            seen = str(error)
        if until in seen:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"{until!r} did not come: {seen}")


@pytest.mark.slow
@pytest.mark.server
def test_run_reloads_what_changes_and_survives_what_is_broken(tmp_path):
    source = tmp_path / "app.py"
    say = "from microfn import Router\napp = Router()\napp.get('/')(lambda request, params: {!r})\n"
    source.write_text(say.format("first"), "utf-8")
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONUNBUFFERED": "1"}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "microfn", "run", "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        assert fetch(port, "/", "first") == "first"
        time.sleep(1.1)  # the reloader compares times of files, some of which have seconds
        source.write_text("1 / 0\n", "utf-8")
        fetch(port, "/", "ZeroDivisionError")
        time.sleep(1.1)
        source.write_text(say.format("second"), "utf-8")
        assert fetch(port, "/", "second") == "second"
        assert "For development only" in (tmp_path / "log").read_text("utf-8")
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def test_run_refuses_at_its_start_what_cannot_be_loaded(here):
    (here / "broken.py").write_text("1 / 0\n", "utf-8")
    shown = typed("run", "broken", code=1)
    assert re.search("For development only.*\nError: broken cannot be imported", shown)


def test_run_starts_werkzeugs_server(here, monkeypatch):
    ran = []
    monkeypatch.setattr("microfn.cli.run.run_simple", lambda *arguments, **options: ran.append((arguments, options)))
    (here / "plain.py").write_text("from microfn import Router\napp = Router()\n", "utf-8")
    typed("run", "plain", "--port", "5000", "--no-reload")
    (host, port, _), options = ran[0]
    assert (host, port, options) == ("127.0.0.1", 5000, {"use_reloader": False, "threaded": True})
    monkeypatch.setattr("microfn.cli.run.is_running_from_reloader", lambda: True)
    (here / "broken.py").write_text("1 / 0\n", "utf-8")
    assert "For development" not in typed("run", "broken")
    got = call(ran[1][0][2], HTTP_HOST="localhost:5000")
    assert got.code == 500
    assert "ZeroDivisionError" in got.text
    got = call(ran[1][0][2], HTTP_HOST="evil.example:5000")
    assert (got.code, got.text) == (500, "The application cannot be loaded.")


def test_python_m_is_the_command_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["microfn", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("microfn", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"microfn, version {__version__}\n"


@pytest.mark.parametrize("key", [404, NotFound, HTTPException])
def test_a_page_of_ones_own_is_shown_while_developing(key):
    app = Router()
    app.error(key)(lambda request, error: "my own page")
    assert call(for_development(app), path="/nothing", HTTP_ACCEPT=BROWSER).text == "my own page"


def test_of_app_and_what_is_put_around_it_the_latter_is_served(here):
    wrapped = (
        "import app\nfrom werkzeug.middleware.proxy_fix import ProxyFix\napp = app.app\napplication = ProxyFix(app)\n"
    )
    (here / "wrapped.py").write_text(wrapped, "utf-8")
    assert typed("check", "wrapped").startswith("wrapped:application: ")
    (here / "apart.py").write_text("import app\napp = app.app\nfrom other import application\n", "utf-8")
    assert typed("check", "apart").startswith("apart:app: ")


def test_match_where_a_path_ends_within_the_text_of_a_node(here):
    (here / "notes.py").write_text("from microfn import Router\napp = Router()\napp.get('/notes')(print)\n", "utf-8")
    assert "  the walk through the tree ends with it\n  near    GET /notes" in typed(
        "match", "GET", "/note", "notes", code=1
    )


def test_a_module_that_ends_the_program_is_told(here):
    (here / "ends.py").write_text("import sys\nsys.exit(0)\n", "utf-8")
    for command in ("check", "ends"), ("routes", "ends"), ("deploy", "gunicorn", "ends"), ("serve", "ends:app"):
        assert "ends cannot be imported:" in typed(*command, code=1)
    assert "':app' names no module; APP is module:name" in typed("routes", ":app", code=2)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "bind", ["nonsense", "127.0.0.1:99999", "a:08000", "127.0.0.1:", ":80", "unix:", "unix:a b", "a:b:80"]
)
def test_where_a_server_cannot_listen_is_told(bind):
    for command in ("serve", "--print"), ("deploy", "nginx"):
        assert "--bind is HOST:PORT or unix:PATH" in typed(*command, "--bind", bind, code=2)
    assert " --bind '[::1]:65535' " in typed("serve", "--print", "--bind", "[::1]:65535")


def test_serve_says_what_is_wrong_with_what_it_is_to_serve(here):
    assert "did you mean app:app?" in typed("serve", "app:ap", code=1)
    assert "there is no module 'nope'" in typed("serve", "nope:app", code=1)


def test_what_to_type_next_can_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "Next: cd 'a b' && microfn run" in typed("new", "a b")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("GET", "users"),
            "METHOD PATH [APP]: 'users' is no path, which begins with a slash; did you mean GET /users?\n",
        ),
        (("GET", "http://127.0.0.1/users"), "'http://127.0.0.1/users' is no path, which begins with a slash\n"),
        (("/users", "GET"), "METHOD PATH [APP]: the method comes first\n"),
    ],
)
def test_match_tells_a_path_from_what_is_none(words, told):
    assert typed("match", *words, code=2).endswith(told)
