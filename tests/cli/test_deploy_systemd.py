"""Units of systemd that `microfn deploy` prints: the rights of a service, and systemd's own checks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from .shop import typed

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="apt install systemd")
UNITS = pytest.mark.parametrize("target", ["gunicorn", "waitress"])
BINDS = {
    "a port": "127.0.0.1:8000",
    "a low port": "[::]:80",
    "a socket in a directory of its own": "unix:/run/shop/http.sock",
    "a socket in /run": "unix:/run/shop.sock",
    "a socket in /tmp": "unix:/tmp/shop.sock",
    "a socket in /srv": "unix:/srv/shop/http.sock",
}


def settings(target, *options):
    """Each setting of a unit, and its values."""
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", typed("deploy", target, "app:app", *options), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@needs_systemd
@UNITS
@pytest.mark.parametrize("bind", BINDS.values(), ids=BINDS)
@pytest.mark.parametrize("app", ["app:app", "app:create()"])
def test_systemd_has_nothing_to_say_about_a_unit(target, bind, app, here):
    options = ["--bind", bind, "--prefix", "/shop", "--user", "daemon", "--env-file", "/etc/my shop.env"]
    (here / "shop.service").write_text(typed("deploy", target, app, *options), "utf-8")
    assert analyzed("verify", "./shop.service") == ""


@needs_systemd
@UNITS
@pytest.mark.parametrize("bind", BINDS.values(), ids=BINDS)
def test_exposure_that_is_left_is_low(target, bind, here):
    """systemd calls up to 2.0 "ok"; without hardening it is 9.2, "unsafe"."""
    (here / "shop.service").write_text(typed("deploy", target, "app:app", "--bind", bind), "utf-8")
    shown = analyzed("security", "--offline=true", "--no-pager", "--threshold=20", "./shop.service")
    assert re.search(r"Overall exposure level for shop.service: [12]\.\d OK", shown)


@needs_systemd
@pytest.mark.parametrize("text", ["a b", 'a"b', "a'b", "a\\b", "a%h", "a$HOME", "a\\x41", "${HOME}", "käse", "\n"])
def test_arguments_of_a_factory_are_words_for_systemd(text, here):
    """systemd refuses unmatched quotes and unknown escapes."""
    (here / "factory.py").write_text("def create(text): ...", "utf-8")
    (here / "shop.service").write_text(typed("deploy", "gunicorn", f"factory:create({text!r})"), "utf-8")
    assert analyzed("verify", "./shop.service") == ""


@needs_systemd
@pytest.mark.parametrize(
    ("right", "wrong", "shown"),
    [
        ("ProtectClock", "ProtectClok", "Unknown key 'ProtectClok'"),
        ("PrivateTmp=yes", "PrivateTmp=maybe", "Failed to parse boolean value"),
        ("@system-service", "@systems", "Unknown system call group"),
    ],
)
def test_systemd_would_tell_of_a_mistake(right, wrong, shown, here):
    (here / "shop.service").write_text(typed("deploy", "gunicorn", "app:app").replace(right, wrong), "utf-8")
    assert shown in analyzed("verify", "./shop.service")


def analyzed(*words):
    kept = {**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, timeout=60, check=False, env=kept)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode() + done.stderr.decode()


WRITES = [
    ([], None, ["yes"], []),
    (["--bind", "unix:/run/shop/http.sock"], None, ["yes"], ["shop"]),
    (["--bind", "unix:/run/shop.sock"], ["/run"], ["yes"], []),
    (["--bind", "unix:/srv/my.d/http.sock"], ["/srv/my.d"], ["yes"], []),
    (["--bind", "unix:/tmp/http.sock"], ["/tmp"], ["no"], []),
    (["--bind", "unix:/var/tmp/a/http.sock"], ["/var/tmp/a"], ["no"], []),
    (["--bind", "unix:/tmpfiles/http.sock"], ["/tmpfiles"], ["yes"], []),
]


@UNITS
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("options", "writable", "private", "runtime"), WRITES)
def test_socket_can_be_made_in_spite_of_hardening(target, options, writable, private, runtime):
    found = settings(target, *options)
    assert found["ProtectSystem"] == ["strict"]
    assert found.get("ReadWritePaths") == writable
    assert found["PrivateTmp"] == private
    assert found.get("RuntimeDirectory", []) == runtime


@UNITS
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("bind", "capability"),
    [
        ("127.0.0.1:1023", "CAP_NET_BIND_SERVICE"),
        ("[::]:80", "CAP_NET_BIND_SERVICE"),
        ("127.0.0.1:1024", ""),
        ("127.0.0.1:0", ""),
        ("unix:/run/80", ""),
    ],
)
def test_low_port_can_be_bound(target, bind, capability):
    found = settings(target, "--bind", bind)
    assert found["CapabilityBoundingSet"] == [capability]
    assert found.get("AmbientCapabilities", [""]) == [capability]


HOMES = [
    (["--directory", "/srv/shop", "--venv", "/srv/venv"], "yes"),
    (["--directory", "/home/me/shop", "--venv", "/srv/venv"], "read-only"),
    (["--directory", "/srv/shop", "--venv", "/root/venv"], "read-only"),
    (["--directory", "/srv/shop", "--venv", "/srv/venv", "--bind", "unix:/home/me/http.sock"], "read-only"),
    (["--directory", "/homes/shop", "--venv", "/srv/venv"], "yes"),
]


@UNITS
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("options", "protection"), HOMES)
def test_home_directories_are_hidden_if_nothing_is_there(target, options, protection):
    assert settings(target, *options)["ProtectHome"] == [protection]


@UNITS
def test_home_directory_with_the_python_of_a_venv_is_not_hidden(target, here, monkeypatch):
    """The Python of an environment may be a link to one that lies elsewhere, as uv makes them."""
    (here / "venv/bin").mkdir(parents=True)
    (here / "venv/bin/python").symlink_to("/home/me/.local/share/uv/python/bin/python3")
    options = ["--directory", "/srv/shop", "--venv", str(here / "venv")]
    assert settings(target, *options)["ProtectHome"] == ["read-only"]
    monkeypatch.setattr(sys, "executable", "/home/me/.venv/bin/python")
    monkeypatch.setattr(sys, "prefix", "/srv/venv")
    assert settings(target, "--directory", "/srv/shop")["ProtectHome"] == ["read-only"]


STATES = [
    ("/srv/shop", "shop"),
    ("/var/lib/other/shop", "shop"),
    ("/var/lib/shop", None),
    ("/var/lib/shop/", None),
    ("/var/lib/app/app", None),
    ("/", "microfn"),
]


@UNITS
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("directory", "state"), STATES)
def test_state_directory_is_never_that_of_the_code(target, directory, state):
    """systemd makes the state directory the user's own, with all that is in it."""
    found = settings(target, "--directory", directory)
    assert found.get("StateDirectory") == (state and [state])
    text = typed("deploy", target, "app:app", "--directory", directory)
    assert ("# The application writes only to /tmp; ReadWritePaths=" in text) is (state is None)
    assert (f"writes only to /tmp and /var/lib/{state} ($STATE_DIRECTORY);" in text) is (state is not None)


@pytest.fixture
def agents(here):
    """A module with an agent, which no command imports."""
    (here / "agents.py").write_text("agent = open('/missing')\n", "utf-8")
    return here


def test_unit_of_workers_names_the_agent_and_waits_for_calls(agents):
    found = typed("deploy", "work", "agents:agent", "--directory", "/srv/shop", "--venv", "/srv/venv", "--user", "shop")
    assert 'ExecStart="/srv/venv/bin/python" -m microfn work "agents:agent" --processes 2\n' in found
    assert "\nWorkingDirectory=/srv/shop\n" in found
    assert "\nStateDirectory=shop\n" in found
    # 30 seconds for calls, 5 for those that are put back, and 15 more until workers are killed.
    assert "\nTimeoutStopSec=60\n" in found


@needs_systemd
def test_systemd_has_nothing_to_say_about_workers(agents):
    (agents / "shop-work.service").write_text(typed("deploy", "work", "agents:agent", "--user", "daemon"), "utf-8")
    assert analyzed("verify", "./shop-work.service") == ""
    shown = analyzed("security", "--offline=true", "--no-pager", "--threshold=20", "./shop-work.service")
    assert re.search(r"Overall exposure level for shop-work.service: [12]\.\d OK", shown)


@pytest.mark.parametrize("words", [(), ("agents",), ("agents:make()",)])
def test_workers_need_the_name_of_an_agent(agents, words):
    (agents / "agents.py").write_text("agent = app = make = None\n", "utf-8")
    assert "The agent must be given as MODULE:NAME for work, got" in typed("deploy", "work", *words, code=2)
