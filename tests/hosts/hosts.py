"""The hosts: how each is started with the very file that `microfn deploy` prints, or that its page shows."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..documents import ROOT, blocks
from .site import Site

SOURCE = Path(__file__).with_name("app.py")
DEADLINE = 20.0
MODULES = Path("/usr/lib/apache2/modules")
IS_ROOT = os.geteuid() == 0
USER = "www-data" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name


class Place:
    """A directory with the application, and what is written and started there."""

    def __init__(self, directory: Path, prefix: str) -> None:
        self.directory = directory
        self.prefix = prefix
        self.port = free_port()
        self.log = directory / "log"
        self.record = directory / "record"
        self._processes: list[subprocess.Popen[bytes]] = []
        directory.chmod(0o755)
        shutil.copy(SOURCE, directory / "app.py")
        self.record.touch()
        self.record.chmod(0o666)

    def deploy(self, target: str, *options: str) -> str:
        command = [sys.executable, "-m", "microfn", "deploy", target, "app:app", *options]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def start(self, command: list[str], **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)

    def start_unit(self, unit: str) -> None:
        """What systemd would start."""
        settings = dict(re.findall(r"^(\w+)=(.*)$", unit.replace("\\\n", " "), re.MULTILINE))
        assert settings["WorkingDirectory"] == str(self.directory)
        (environment,) = shlex.split(settings.get("Environment", "A=")) or ("A=",)
        name, _, value = environment.partition("=")
        self.start(shlex.split(settings["ExecStart"]), **{name: value})

    def wait(self) -> None:
        """Until the application answers."""
        site, deadline, seen = Site(self.port, self.prefix, self.record), time.monotonic() + DEADLINE, ""
        while time.monotonic() < deadline:
            for process in self._processes:
                assert process.poll() is None, f"it ended: {self.log.read_text(errors='replace')}"
            try:
                answer = site.ask("GET", "/docs")
            except (OSError, ValueError, IndexError) as error:
                seen = repr(error)
            else:
                if answer.status == 200:
                    return
                seen = repr(answer)
            time.sleep(0.05)
        raise AssertionError(f"no answer in {DEADLINE} s: {seen}\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
                raise


@dataclass(frozen=True)
class Host:
    name: str
    start: Callable[[Place], None]
    needs: tuple[str, ...]
    """Programs and modules of Python."""
    install: str
    page: str
    takes_prefix: bool = True

    @property
    def missing(self) -> list[str]:
        return [need for need in self.needs if not (shutil.which(need) or _is_module(need))]

    @contextmanager
    def serving(self, directory: Path, prefix: str) -> Iterator[Site]:
        place = Place(directory, prefix)
        with ExitStack() as stack:
            stack.callback(place.stop)
            self.start(place)
            place.wait()
            yield Site(place.port, prefix, place.record)


def _is_module(name: str) -> bool:
    if name.startswith("mod_"):
        return (MODULES / f"{name}.so").exists()
    return find_spec(name) is not None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def with_prefix(place: Place) -> list[str]:
    return ["--prefix", place.prefix] if place.prefix else []


def shown(page: str, language: str, number: int = 0) -> str:
    """A block of a page."""
    document = ROOT / "docs/deployment" / f"{page}.md"
    return [text for name, text in blocks(document) if name == language][number]


def gunicorn(place: Place, worker_class: str = "gthread", bind: str = "") -> None:
    unit = place.deploy("gunicorn", "--bind", bind or f"127.0.0.1:{place.port}", *with_prefix(place))
    assert "--worker-class gthread" in unit
    place.start_unit(unit.replace("--worker-class gthread", f"--worker-class {worker_class}"))


def waitress(place: Place) -> None:
    place.start_unit(place.deploy("waitress", "--bind", f"127.0.0.1:{place.port}", *with_prefix(place)))


def nginx(place: Place, site: str) -> None:
    place.write("site.conf", site)
    temporary = "".join(
        f"    {name}_temp_path {place.directory}/nginx-{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = place.write(
        "nginx.conf",
        f"daemon off;\npid {place.directory}/nginx.pid;\nerror_log stderr;\nevents {{ }}\n"
        f"http {{\n    access_log off;\n{temporary}    include {place.directory}/site.conf;\n}}\n",
    )
    place.start([shutil.which("nginx") or "", "-e", "stderr", "-c", str(main)])


def nginx_before_gunicorn(place: Place) -> None:
    bind = f"unix:{place.directory}/http.sock"
    gunicorn(place, bind=bind)
    nginx(place, place.deploy("nginx", "--port", str(place.port), "--bind", bind, *with_prefix(place)))


def uwsgi(place: Place, *options: str) -> None:
    place.write("uwsgi.ini", place.deploy("uwsgi", "--bind", f"127.0.0.1:{place.port}", *with_prefix(place)))
    program = Path(sys.executable).with_name("uwsgi")
    place.start([str(program), "uwsgi.ini", *options])


def apache(place: Place, site: str, modules: tuple[str, ...], above: str = "") -> None:
    place.write("site.conf", site)
    loaded = "".join(f"LoadModule {name.removeprefix('mod_')}_module {MODULES}/{name}.so\n" for name in modules)
    main = place.write(
        "apache.conf",
        f"ServerRoot {place.directory}\nServerName a.example\nPidFile {place.directory}/apache.pid\n"
        f"Listen 127.0.0.1:{place.port}\nErrorLog {place.log}\nDocumentRoot {place.directory}\n"
        f"LoadModule mpm_event_module {MODULES}/mod_mpm_event.so\n"
        f"LoadModule authz_core_module {MODULES}/mod_authz_core.so\n{loaded}"
        f"User {USER}\nGroup {USER}\n{above}Include {place.directory}/site.conf\n",
    )
    place.start([shutil.which("apache2") or "", "-f", str(main), "-DFOREGROUND"])


def apache_daemon(place: Place) -> None:
    venv = system_venv(place)
    site = place.deploy("apache", "--venv", str(venv), "--user", USER, "--port", str(place.port), *with_prefix(place))
    _write_application(place, site)
    apache(place, site, ("mod_wsgi",), f"WSGISocketPrefix {place.directory}/wsgi\n")


def _write_application(place: Place, site: str) -> None:
    """The script that the comment on top of the file shows."""
    found = re.search(r"^# (/.*/application\.wsgi):\n#   (.*)$", site, re.MULTILINE)
    assert found is not None
    Path(found[1]).write_text(f"{found[2]}\n")


def system_venv(place: Place) -> Path:
    """A virtual environment of the system's Python, as Apache's mod_wsgi needs it, that its user can read."""
    venv = place.directory / "venv"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(venv)], check=True, timeout=60)
    (packages,) = venv.glob("lib/python*/site-packages")
    for name in "microfn", "click", "werkzeug", "markupsafe":
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(Path(spec.origin).parent, packages / name, ignore=shutil.ignore_patterns("__pycache__"))
    return venv


HOSTS = [
    Host(
        f"gunicorn {name}",
        lambda place, name=name: gunicorn(place, name),  # type: ignore[misc]
        ("gunicorn", *(("gevent", "packaging") if name == "gevent" else ())),
        "pip install 'microfn[hosts]'",
        "gunicorn",
    )
    for name in ("sync", "gthread", "gevent")
]
HOSTS += [
    Host("nginx, gunicorn", nginx_before_gunicorn, ("nginx", "gunicorn"), "apt install nginx-light", "nginx"),
    Host("waitress", waitress, ("waitress",), "pip install 'microfn[hosts]'", "waitress"),
    Host("uWSGI", uwsgi, ("uwsgi",), "pip install 'microfn[hosts]'", "uwsgi"),
    Host(
        "Apache mod_wsgi, daemon",
        apache_daemon,
        ("apache2", "mod_wsgi"),
        "apt install apache2 libapache2-mod-wsgi-py3",
        "apache",
    ),
]
