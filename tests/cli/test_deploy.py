"""`microfn deploy`: its output, and its errors."""

from __future__ import annotations

import compileall
import configparser
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from microfn import cli

SHOP = """
import os

from microfn import Router

PASSWORD = os.environ["SHOP_PASSWORD"]
app = Router()
application = app


def create(mode=""):
    return app
"""
TARGETS = "gunicorn waitress nginx apache uwsgi cgi fastcgi passenger lambda".split()
PLACE = ("--directory", "/srv/shop", "--venv", "/srv/shop/.venv")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A directory with an application that cannot be imported here, since it needs a secret."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop_for_deploy.py").write_text(SHOP, "utf-8")
    return tmp_path


def printed(target, *options, app="shop_for_deploy:app", code=0):
    result = CliRunner().invoke(cli.main, ["deploy", target, *([app] if app else []), *options])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("app", ["shop_for_deploy:app", "shop_for_deploy:create()"])
def test_everything_of_a_template_is_filled_in(target, app):
    text = printed(target, *([] if target in ("nginx", "lambda") else PLACE), app=app)
    assert text.endswith("\n")
    assert "@" not in text.replace("=@system-service\n", "")
    assert not [line for line in text.splitlines() if line.startswith(("?", "!")) and not line.startswith("#!")]
    assert text.isascii()


@pytest.mark.parametrize("target", ["cgi", "fastcgi", "passenger", "lambda"])
@pytest.mark.parametrize("name", ["app", "application", "create()", "create('a\"b\\nä')"])
def test_programs_are_python(target, name, here):
    (here / "program.py").write_text(printed(target, app=f"shop_for_deploy:{name}"), "utf-8")
    assert compileall.compile_file(here / "program.py", quiet=1)


@pytest.mark.parametrize("folder", ["plain", "with a space", "käse", "long" * 50])
def test_cgi_program_runs_whatever_the_path_of_python(folder, here):
    """The kernel starts the program as it is printed, with the Python that it names."""
    venv = here / folder
    (venv / "bin").mkdir(parents=True)
    # A link matches the Python itself, which then knows nothing of its environment.
    python = venv / "bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    program = here / "app.cgi"
    program.write_text(printed("cgi", "--venv", str(venv)), "utf-8")
    program.chmod(0o755)
    environ = {
        "SHOP_PASSWORD": "secret",
        "REQUEST_METHOD": "GET",
        "SERVER_NAME": "a",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    done = subprocess.run([program], env={**os.environ, **environ}, capture_output=True, timeout=60, check=True)
    assert done.stdout.startswith(b"Status: 404 Not Found\r\n")


@pytest.mark.parametrize("target", ["gunicorn", "waitress", "uwsgi"])
def test_units_are_ini(target):
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read_string(printed(target, *PLACE))
    if target == "uwsgi":
        assert parser["uwsgi"]["chdir"] == "/srv/shop"
    else:
        assert parser["Service"]["WorkingDirectory"] == "/srv/shop"
        assert parser["Service"]["ExecStart"].startswith(f'"/srv/shop/.venv/bin/python" -m {target} ')


SHOWN = [
    ("gunicorn", ["--prefix", "/shop"], 'Environment="SCRIPT_NAME=/shop"'),
    ("gunicorn", ["--bind", "unix:/run/shop/http.sock"], "RuntimeDirectory=shop"),
    ("waitress", ["--bind", "unix:/run/http.sock"], '"--unix-socket=/run/http.sock"'),
    ("waitress", ["--prefix", "/shop/"], "--url-prefix=/shop \\"),
    ("nginx", ["--prefix", "/v1.0"], r'location ~ "^/v1\.0(/|$)"'),
    ("nginx", ["--prefix", "/"], "location / {\n        # No path"),
    ("nginx", ["--bind", "unix:/run/http.sock"], "proxy_pass http://unix:/run/http.sock;"),
    ("nginx", ["--port", "8080"], "proxy_set_header Host $host:8080;"),
    ("nginx", ["--server-name", "*.example.com"], "server_name *.example.com;"),
    ("apache", ["--prefix", "/shop"], 'WSGIScriptAlias "/shop" "'),
    ("apache", ["--directory", "/srv/my shop"], 'WSGIDaemonProcess "my-shop" '),
    ("apache", ["--directory", "/"], 'WSGIDaemonProcess "microfn" '),
    ("uwsgi", ["--prefix", "/shop"], "mount = /shop=shop_for_deploy:app\nmanage-script-name = true"),
    ("uwsgi", ["--bind", "unix:/run/http.sock"], "http-socket = /run/http.sock\n; Only"),
    ("fastcgi", ["--bind", "[::1]:9000"], 'bindAddress=("::1", 9000)'),
    ("fastcgi", ["--bind", "unix:/run/shop.sock"], 'bindAddress="/run/shop.sock"'),
    ("fastcgi", [], "WSGIServer(application, debug=False).run()"),
    ("passenger", ["--prefix", "/shop"], 'PassengerBaseURI "/shop"'),
    ("cgi", ["--venv", "/srv/venv"], "#!/srv/venv/bin/python\n"),
    (
        "gunicorn",
        ["--directory", "/srv/my shop"],
        '\n# With the "-", the file may be missing.\nEnvironmentFile=-/etc/my-shop.env\n',
    ),
    ("waitress", ["--directory", "/srv/shop"], "\nEnvironmentFile=-/etc/shop.env\n"),
    ("gunicorn", ["--env-file", "/srv/my shop/.env"], "\nEnvironmentFile=/srv/my shop/.env\n#"),
    ("apache", ["--directory", "/srv/shop"], "\n# Write EnvironmentFile=/etc/shop.env below [Service] with"),
    ("gunicorn", ["--prefix", "/shop"], '\nEnvironment="MICROFN_NO_LOG="\n'),
    ("uwsgi", ["--directory", "/srv/shop"], "\nif-exists = /etc/shop.env.d\nenvdir = /etc/shop.env.d\nendif =\n"),
]


@pytest.mark.parametrize(("target", "options", "shown"), SHOWN)
def test_options_reach_the_file(target, options, shown):
    assert shown in printed(target, *options)


def test_without_options_it_is_this_directory_and_this_python(here):
    (here / "app.py").write_text("app = lambda environ, start_response: []\n", "utf-8")
    text = printed("gunicorn", app=None)
    assert "app" not in sys.modules
    assert f"WorkingDirectory={os.getcwd()}\n" in text
    assert f'ExecStart="{sys.executable}" -m gunicorn --bind "127.0.0.1:8000"' in text


@pytest.mark.parametrize("target", ["gunicorn", "waitress", "uwsgi", "fastcgi"])
def test_unix_socket_is_for_its_group_alone(target):
    """Any other user of the machine would be the proxy, whose headers are believed."""
    user = ["--user", "shop"] if target != "fastcgi" else []
    text = printed(target, "--bind", "unix:/run/shop/http.sock", *user, "--group", "nginx")
    modes = {
        "gunicorn": "    --umask 0o117 \\\n",
        "waitress": "--unix-socket-perms=660 ",
        "uwsgi": "\nchmod-socket = 660\nchown-socket = shop:nginx\n",
        "fastcgi": "umask=0o117, ",
    }
    assert modes[target] in text
    assert ("Group=nginx" in text) is (target != "uwsgi")
    assert not re.search("666|777|umask=0,", text)
    text = printed(target, "--bind", "127.0.0.1:8000")
    assert not re.search(r"(?m)^Group=|--group|--umask|chmod-|chown-|perms", text)


HOSTILE = ['a"b', "a'b", "a\nb", "a;b", "a b\n", "$HOME", "%h", "{a}", "a\\b", "a\0b", "#a", "`a`", "a\x85b"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    ("option", "begin", "meant"),
    [
        ("--directory", "/srv/", "--directory must be an absolute path"),
        ("--venv", "/srv/", "--venv must be an absolute path"),
        ("--prefix", "/", "--prefix must be a path like /shop"),
        ("--server-name", "", "--server-name must be the name of a host"),
        ("--user", "", "--user must be the name of a user"),
        ("--env-file", "/etc/", "--env-file must be an absolute path"),
    ],
)
def test_what_would_mean_something_else_in_a_file_is_refused(option, begin, meant, value):
    assert meant in " ".join(printed("apache", option, begin + value, code=2).split())


@pytest.mark.parametrize(
    "value", ["8000", ":8000", "localhost", "unix:http.sock", "unix:/a b", "a:b", "127.0.0.1:8000;"]
)
def test_what_is_no_address_is_refused(value):
    assert "--bind must be HOST:PORT or unix:PATH" in printed("nginx", "--bind", value, code=2)


WRONG = [
    (("ngnix",), "TARGET must be one of gunicorn, waitress, nginx"),
    (("ngnix",), "did you mean nginx?"),
    (("Apache",), "did you mean apache?"),
    (("heroku",), "passenger, lambda, work, got 'heroku'.\n"),
    (("nginx", "--port", "443"), "--port must not be 443, which needs certificates"),
    (
        ("cgi", "--prefix", "/shop"),
        "--prefix must be used with gunicorn, waitress, nginx, apache, uwsgi, passenger, got cgi.",
    ),
    (("nginx", "--user", "me"), "--user must be used with"),
    (("nginx", "--group", "me"), "--group must be used with gunicorn, waitress, uwsgi, fastcgi, got nginx."),
    (("gunicorn", "--group", "a b"), "--group must be the name of a group, got 'a b'"),
    (("apache", "--prefix", "shop"), "--prefix must be a path like /shop, got 'shop'"),
    (("nginx", "--env-file", "/etc/x"), "--env-file must be used with gunicorn, waitress, apache"),
    (("gunicorn", "--env-file", "shop.env"), "--env-file must be an absolute path of letters,"),
    (("uwsgi", "--port", "0"), "Invalid value for '--port'"),
]


@pytest.mark.parametrize(("words", "shown"), WRONG)
def test_what_is_typed_wrong_is_told(words, shown):
    assert shown in printed(*words, code=2)


def test_an_application_that_is_not_there_is_told():
    assert "did you mean shop_for_deploy:app?" in printed("nginx", app="shop_for_deploy:ap", code=1)


WITH_ARGUMENTS = [
    ("gunicorn", """"shop_for_deploy:create('a\\"b$$c%%d\\\\\\\\')"\n"""),
    ("apache", """; application = create('a"b$c%d\\\\')\n"""),
    ("cgi", """\n\napplication = create('a"b$c%d\\\\')\n"""),
    ("lambda", """\n\napplication = create('a"b$c%d\\\\')\n"""),
]


@pytest.mark.parametrize(("target", "shown"), WITH_ARGUMENTS)
def test_arguments_of_a_factory_reach_the_file(target, shown):
    text = printed(target, app="""shop_for_deploy:create("a\\"b$c%d\\\\")""")
    assert shown in text
    assert "shop_for_deploy:create(...) " in text.splitlines()[0] + text.splitlines()[1]


REFUSED = [
    (
        "waitress",
        "shop_for_deploy:create(1)",
        "APP must be a factory without arguments for waitress, got shop_for_deploy:create(1)",
    ),
    (
        "uwsgi",
        "shop_for_deploy:create(mode='x')",
        "write application = create(mode='x') into a module and pass its name",
    ),
    ("cgi", "my-shop:app", "The module must have a name that an import statement accepts, got 'my-shop'"),
    ("lambda", "lambda:app", "that an import statement accepts, got 'lambda'"),
    ("gunicorn", "a b:app", "The module must have only letters, digits and any of _-., got 'a b'"),
]


@pytest.mark.parametrize(("target", "app", "shown"), REFUSED)
def test_application_that_a_target_cannot_name_is_refused(target, app, shown, here):
    for name in "my-shop", "lambda", "a b":
        (here / f"{name}.py").write_text("app = 1", "utf-8")
    assert shown in printed(target, app=app, code=2)


@pytest.mark.parametrize(
    ("target", "app"), [("gunicorn", "my-shop:app"), ("uwsgi", "lambda:app"), ("uwsgi", "my-shop:app")]
)
def test_servers_import_modules_of_any_name(target, app, here):
    for name in "my-shop", "lambda":
        (here / f"{name}.py").write_text("app = 1", "utf-8")
    assert app in printed(target, app=app)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("app", ["shop_for_deploy:app", "shop_for_deploy:create()", "shop_for_deploy"])
def test_application_is_not_imported(target, app, monkeypatch):
    monkeypatch.setenv("OTHER_SECRET", "hunter2")
    text = printed(target, app=app)
    assert "shop_for_deploy" not in sys.modules
    assert "hunter2" not in text
