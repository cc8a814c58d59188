"""The hosts: how each is started with the very file that `microfn deploy` prints, or that its page shows."""

from __future__ import annotations

import getpass
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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..documents import ROOT, blocks
from .site import Site

PAGES = ROOT / "docs/deployment"
SOURCE = Path(__file__).with_name("app.py")
DEADLINE = 20.0
LAST_MOMENT = 5.0
MODULES = Path("/usr/lib/apache2/modules")
IS_ROOT = os.geteuid() == 0
USER = "www-data" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name


class Place:
    """A directory with the application, with the files written and the processes started there."""

    def __init__(self, directory: Path, prefix: str, addition: str = "") -> None:
        self.directory = directory
        self.prefix = prefix
        self.port = free_port()
        self.log = directory / "log"
        self.record = directory / "record"
        self._processes: list[subprocess.Popen[bytes]] = []
        directory.chmod(0o755)
        self.write("app.py", SOURCE.read_text("utf-8") + addition)
        self.record.touch()
        self.record.chmod(0o666)

    def deploy(self, target: str, *options: str) -> str:
        command = [sys.executable, "-m", "microfn", "deploy", target, "app:app", *options]
        done = subprocess.run(
            command, cwd=self.directory, capture_output=True, timeout=60, check=True, encoding="utf-8"
        )
        return done.stdout

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.directory / name
        path.write_text(text, "utf-8")
        path.chmod(mode)
        return path

    def start(self, command: list[str], group: str | None = None, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in ("GUNICORN_CMD_ARGS", "SCRIPT_NAME")}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                group=group,
            )
        self._processes.append(process)

    def start_unit(self, unit: str) -> None:
        """Start the command of a systemd unit."""
        settings = dict(re.findall(r"^(\w+)=(.*)$", unit.replace("\\\n", " "), re.MULTILINE))
        assert settings["WorkingDirectory"] == str(self.directory)
        environment = re.findall(r'^Environment="(\w+)=(.*)"$', unit, re.MULTILINE)
        # Only root may start a process in another group; nginx of another user is in the same group anyway.
        group = settings.get("Group") if os.geteuid() == 0 else None
        self.start(shlex.split(settings["ExecStart"].replace("%%", "%")), group, **dict(environment))

    def wait(self) -> None:
        """Until the application answers."""
        site, deadline, seen = Site(self.port, self.prefix, self.record), time.monotonic() + DEADLINE, ""
        while time.monotonic() < deadline:
            for process in self._processes:
                assert process.poll() is None, f"it ended: {self._logged()}"
            try:
                answer = site.ask("GET", "/docs")
            except (OSError, ValueError, IndexError) as error:
                seen = repr(error)
            else:
                if answer.status == 200:
                    return
                seen = repr(answer)
            time.sleep(0.05)
        raise AssertionError(f"no answer in {DEADLINE} s: {seen}\n{self._logged()[-2000:]}")

    def _logged(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in reversed(self._processes):
            _wait_for(process)

    def check_that_all_ended(self) -> None:
        """Every process started here runs in this directory, or writes to the log. Launchers and functions do too."""
        deadline = time.monotonic() + LAST_MOMENT
        while left := self._running():
            assert time.monotonic() < deadline, f"these have not ended: {left}\n{self._logged()}"
            time.sleep(0.05)

    def _running(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if any(_is_below(link, self.directory) for link in (process / "cwd", process / "fd/2")):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        return found


def _is_below(link: Path, directory: Path) -> bool:
    return os.readlink(link).startswith(f"{directory}/") or os.readlink(link) == str(directory)


def _wait_for(process: subprocess.Popen[bytes]) -> None:
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
    """Programs, modules of Apache, modules of Python."""
    install: str
    where: str = ""
    """The only place for an application: `at /`, or empty for anywhere."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        return ("",) if self.where else ("", "/svc")

    @property
    def missing(self) -> list[str]:
        return [need for need in self.needs if not _is_there(need)]

    @contextmanager
    def serving(self, directory: Path, prefix: str, addition: str = "") -> Iterator[Site]:
        place = Place(directory, prefix, addition)
        with ExitStack() as stack:
            stack.callback(place.stop)
            self.start(place)
            place.wait()
            yield Site(place.port, prefix, place.record)
        place.check_that_all_ended()


def _is_there(name: str) -> bool:
    if name.startswith("mod_"):
        return (MODULES / f"{name}.so").exists()
    return bool(shutil.which(name) or Path(sys.executable).with_name(name).exists() or find_spec(name))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def with_prefix(place: Place) -> list[str]:
    return ["--prefix", place.prefix] if place.prefix else []


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
        f"{'user www-data;' if os.geteuid() == 0 else ''}\n"  # as Debian's own file has it
        f"daemon off;\npid {place.directory}/nginx.pid;\nerror_log stderr;\nevents {{ }}\n"
        f"http {{\n    access_log off;\n{temporary}    include {place.directory}/site.conf;\n}}\n",
    )
    place.start([shutil.which("nginx") or "", "-e", "stderr", "-c", str(main)])


def nginx_before_gunicorn(place: Place) -> None:
    bind = f"unix:{place.directory}/http.sock"
    gunicorn(place, bind=bind)
    nginx(place, place.deploy("nginx", "--port", str(place.port), "--bind", bind, *with_prefix(place)))


def uwsgi(place: Place, *options: str, bind: str = "") -> None:
    bind = bind or f"127.0.0.1:{place.port}"
    place.write("uwsgi.ini", place.deploy("uwsgi", "--bind", bind, "--user", getpass.getuser(), *with_prefix(place)))
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
    Path(found[1]).write_text(f"{found[2]}\n", "utf-8")


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


def shown_for(place: Place, page: str, language: str, number: int = 0) -> str:
    """A block of a page, for this place instead of /srv/shop."""
    (text,) = [text for name, text in blocks(PAGES / f"{page}.md") if name == language][number : number + 1]
    here = {"/srv/shop": str(place.directory), " /shop ": f" {place.prefix or '/'} ", "shop:app": "app:app"}
    if not place.prefix:
        here |= {'"/shop" =>': '"/" =>', '/app.cgi" )': '/app.cgi/" )'}
    here |= {"/shop": place.prefix, "listen 80": f"listen {place.port}"}
    here["*:80"] = f"*:{place.port}"
    for there, instead in here.items():
        text = text.replace(there, instead)
    return text


def nginx_before_uwsgi(place: Place) -> None:
    port = free_port()
    uwsgi(place, "--socket", f"127.0.0.1:{port}", bind=f"127.0.0.1:{free_port()}")
    nginx(place, shown_for(place, "uwsgi", "nginx").replace("127.0.0.1:8001", f"127.0.0.1:{port}"))


def nginx_before_flup(place: Place) -> None:
    bind = f"127.0.0.1:{free_port()}"
    program = place.write("app.fcgi", place.deploy("fastcgi", "--bind", bind), 0o755)
    place.start([str(program)])
    nginx(place, shown_for(place, "fastcgi", "nginx").replace("127.0.0.1:8000", bind))


def apache_embedded(place: Place) -> None:
    site = shown_for(place, "apache", "apache").replace(f"{place.directory}/.venv", str(system_venv(place)))
    _write_application(place, place.deploy("apache"))
    apache(place, site, ("mod_wsgi",))


def apache_cgi(place: Place) -> None:
    place.write("app.cgi", place.deploy("cgi", "--venv", str(system_venv(place))), 0o755)
    sockets = f"ScriptSock {place.directory}/cgid.sock\n"
    apache(place, shown_for(place, "cgi", "apache"), ("mod_alias", "mod_cgid", "mod_env"), sockets)


def lighttpd(place: Place, site: str) -> None:
    main = place.write(
        "lighttpd.conf",
        f'server.document-root = "{place.directory}"\nserver.port = {place.port}\nserver.bind = "127.0.0.1"\n'
        f'server.errorlog = "{place.log}"\nserver.upload-dirs = ( "{place.directory}" )\n{site}',
    )
    place.start([shutil.which("lighttpd") or "", "-D", "-f", str(main)])


def lighttpd_cgi(place: Place) -> None:
    place.write("app.cgi", place.deploy("cgi"), 0o755)
    lighttpd(place, shown_for(place, "cgi", "lighttpd"))


def lighttpd_flup(place: Place) -> None:
    place.write("app.fcgi", place.deploy("fastcgi"), 0o755)
    lighttpd(place, shown_for(place, "fastcgi", "lighttpd"))


def passenger(place: Place) -> None:
    venv = system_venv(place)
    options = ["--venv", str(venv), "--user", USER, "--port", str(place.port), *with_prefix(place)]
    text = place.deploy("passenger", *options)
    place.write("passenger_wsgi.py", text)
    (place.directory / "public").mkdir()
    (site,) = re.findall(r"^    <VirtualHost.*?</VirtualHost>\n", text, re.MULTILINE | re.DOTALL)
    root = Path("/usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini")
    above = (
        f"PassengerRoot {root}\nPassengerDisableAnonymousTelemetry on\nPassengerInstanceRegistryDir {place.directory}\n"
    )
    apache(place, site, ("mod_alias", "mod_passenger"), above)


def simple(place: Place, server: str) -> None:
    """One of those that take no file: the command of its row."""
    rows = re.findall(r"^\| (\S+) \| [^|]* \| `([^|`]*)`", (PAGES / "others.md").read_text("utf-8"), re.MULTILINE)
    command = dict(rows)[server].replace("8000", str(place.port)).replace("shop", "app")
    place.write("asgi.py", shown_for(place, "others", "text").replace("shop", "app"))
    words = [word for word in shlex.split(command) if word != "PYTHONPATH=."]
    if words[0] == "python":
        words[0] = sys.executable
    else:
        words[0] = str(Path(sys.executable).with_name(words[0]))
    place.start(words, PYTHONPATH=str(place.directory))


PIP = "pip install 'microfn[hosts]'"
HOSTS = [
    Host("gunicorn sync", partial(gunicorn, worker_class="sync"), ("gunicorn",), PIP),
    Host("gunicorn gthread", gunicorn, ("gunicorn",), PIP),
    Host("gunicorn gevent", partial(gunicorn, worker_class="gevent"), ("gunicorn", "gevent", "packaging"), PIP),
    Host("nginx, gunicorn", nginx_before_gunicorn, ("nginx", "gunicorn"), "apt install nginx-light"),
    Host("waitress", waitress, ("waitress",), PIP),
    Host("uWSGI", uwsgi, ("uwsgi",), PIP),
    Host("nginx, uWSGI", nginx_before_uwsgi, ("nginx", "uwsgi"), f"apt install nginx-light; {PIP}"),
    Host("mod_wsgi, daemon", apache_daemon, ("apache2", "mod_wsgi"), "apt install apache2 libapache2-mod-wsgi-py3"),
    Host("mod_wsgi, embedded", apache_embedded, ("apache2", "mod_wsgi"), "apt install apache2 libapache2-mod-wsgi-py3"),
    Host("Apache CGI", apache_cgi, ("apache2", "mod_cgid"), "apt install apache2"),
    Host("lighttpd CGI", lighttpd_cgi, ("lighttpd",), "apt install lighttpd"),
    Host("lighttpd FastCGI", lighttpd_flup, ("lighttpd", "flup"), f"apt install lighttpd; {PIP}"),
    Host("nginx FastCGI", nginx_before_flup, ("nginx", "flup"), f"apt install nginx-light; {PIP}"),
    Host("Passenger", passenger, ("apache2", "mod_passenger"), "apt install libapache2-mod-passenger"),
    Host("wsgiref", partial(simple, server="wsgiref"), (), "", "at /"),
    Host("bjoern", partial(simple, server="bjoern"), ("bjoern",), PIP, "at /"),
    Host("cheroot", partial(simple, server="cheroot"), ("cheroot",), PIP, "at /"),
    Host("granian", partial(simple, server="granian"), ("granian",), PIP, "at /"),
    Host("uvicorn, a2wsgi", partial(simple, server="uvicorn"), ("uvicorn", "a2wsgi"), PIP, "at /"),
]
