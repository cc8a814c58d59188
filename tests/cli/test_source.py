"""The name of an application, found in source that is never run."""

from __future__ import annotations

import importlib.machinery
import sys
import zipfile
from types import SimpleNamespace

import click
import pytest

from microfn.cli.app_name import AppName
from microfn.cli.source import resolve

FAILS = "raise SystemExit('the application was imported')\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resolved(here, source, given="shop"):
    (here / "shop.py").write_text(FAILS + source, "utf-8")
    app = resolve(AppName.parse(given))
    assert "shop" not in sys.modules
    return str(app)


BOUND = [
    "app = Router()",
    "app: Router = Router()",
    "first = app = Router()",
    "app, other = Router(), 1",
    "[*app] = Router()",
    "def app(environ, start_response): ...",
    "async def app(): ...",
    "class app: ...",
    "import app",
    "import app.web",
    "import shop.web as app",
    "from shop import app",
    "from shop import other as app",
    "from shop import *",
    "if True:\n    pass\nelse:\n    app = Router()",
    "try:\n    app = Router()\nfinally:\n    pass",
    "with open('x') as app: ...",
    "for app in [Router()]: ...",
    "print(app := Router())",
    "def make():\n    global app\n    app = Router()\nmake()",
    "globals()['app'] = Router()",
    "def make():\n    globals()['app'] = Router()\nmake()",
    "exec('app = Router()')",
    "def __getattr__(name): ...",
]


@pytest.mark.parametrize("source", BOUND)
@pytest.mark.parametrize("given", ["shop:app", "shop", "shop:app()"])
def test_name_that_a_module_binds_is_found(here, source, given):
    assert resolved(here, source, given) == ("shop:app()" if "(" in given else "shop:app")


UNBOUND = [
    "",
    "app",
    "app: Router",
    "del app",
    "[app for app in range(3) if app]",
    "def make(app):\n    app = Router()",
    "class Make:\n    app = Router()",
    "make = lambda app: (app := 1)",
    "other = Router()",
    "import other.app",
    "shop.app = Router()",
    "shop['app'] = Router()",
]


@pytest.mark.parametrize("source", UNBOUND)
@pytest.mark.parametrize("given", ["shop:app", "shop"])
def test_name_that_a_module_does_not_bind_is_told(here, source, given):
    with pytest.raises(click.ClickException, match=f"There is no 'app' {'' if ':' in given else 'or .*'}in shop"):
        resolved(here, source, given)


def test_application_is_named_as_when_it_is_imported(here):
    around = "app = Router()\napplication = ProxyFix(app)\n"
    assert resolved(here, around) == "shop:application"
    assert resolved(here, "app = Router()\napplication = app\n") == "shop:application"
    assert resolved(here, "app = Router()\nfrom other import application\n") == "shop:app"
    assert resolved(here, "app = Router()\ndef application(environ, start_response): return app\n") == "shop:app"
    assert resolved(here, "application = Router()\n") == "shop:application"
    assert resolved(here, "from base import *\napplication = Router()\n") == "shop:application"
    assert resolved(here, around, "shop:app") == "shop:app"


HINTS = [
    ("api = Router()", "shop:ap", "; did you mean shop:api?"),
    ("api = microfn.Router()\nother = 1", "shop", "in shop"),
    ("one = two = Router()", "shop", "; did you mean shop:one?"),
    ("def create_app(): ...", "shop", "; did you mean 'shop:create_app()'?"),
    ("api = 7", "shop:ap", "in shop.$"),
]


@pytest.mark.parametrize(("source", "given", "hint"), HINTS)
def test_hint_names_what_may_be_meant(here, source, given, hint):
    with pytest.raises(click.ClickException) as caught:
        resolved(here, source, given)
    assert hint.rstrip("$") in caught.value.message
    assert not hint.endswith("$") or caught.value.message.endswith(hint[:-1])


def test_packages_are_not_imported_either(here):
    for package in here / "shop", here / "shop/web":
        package.mkdir()
        (package / "__init__.py").write_text(f"{FAILS}app = Router()", "utf-8")
    (here / "shop/web/pages.py").write_text(f"{FAILS}app = Router()", "utf-8")
    (here / "bare/inner").mkdir(parents=True)
    (here / "bare/inner/pages.py").write_text(f"{FAILS}app = Router()", "utf-8")
    for module in "shop", "shop.web", "shop.web.pages", "bare.inner.pages":
        assert str(resolve(AppName.parse(module))) == f"{module}:app"
        assert module not in sys.modules
    with pytest.raises(click.ClickException, match=r"There is no 'app' or 'application' in bare\.inner"):
        resolve(AppName.parse("bare.inner"))


MISSING = ["nothing", "nothing.shop", "shop.nothing", "shop.web.nothing", "shop..web", "shop.", "a b"]


@pytest.mark.parametrize("module", MISSING)
def test_module_that_is_not_there_is_told(here, module):
    (here / "shop.py").write_text("app = 1", "utf-8")
    with pytest.raises(click.ClickException, match=r"There is no module '.*' in .* or in the environment"):
        resolve(AppName.parse(module))


BROKEN = {
    "no Python": (b"app = (\n", "SyntaxError: '(' was never closed"),
    "no text": (b"\xff\xfe = 1\n", "SyntaxError: "),
    "an unknown encoding": (b"# coding: nothing\napp = 1\n", "SyntaxError: unknown encoding"),
    "a null byte": (b"app = '\0'\n", "null bytes"),
}


@pytest.mark.parametrize(("content", "shown"), BROKEN.values(), ids=BROKEN)
def test_module_that_cannot_be_read_is_told(here, content, shown):
    (here / "shop.py").write_bytes(content)
    with pytest.raises(click.ClickException, match=r"shop cannot be read:\n") as caught:
        resolve(AppName.parse("shop:app"))
    assert shown in caught.value.message


def test_module_without_source_is_taken(here, monkeypatch):
    assert str(resolve(AppName.parse("_ctypes:anything"))) == "_ctypes:anything"
    assert str(resolve(AppName.parse("_ctypes"))) == "_ctypes:app"
    with zipfile.ZipFile(here / "shop.zip", "w") as archive:
        archive.writestr("shop.py", f"{FAILS}api = Router()")
    monkeypatch.syspath_prepend(here / "shop.zip")
    assert str(resolve(AppName.parse("shop:api"))) == "shop:api"
    with pytest.raises(click.ClickException, match="did you mean shop:api"):
        resolve(AppName.parse("shop:app"))


def test_module_that_another_loader_has_is_taken(here, monkeypatch):
    """An editable installation has a finder of its own; some have no `find_spec`, some loaders no `get_source`."""
    spec = importlib.machinery.ModuleSpec("shop", object())
    finder = SimpleNamespace(find_spec=lambda name, path: spec if name == "shop" else None)
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(), finder])
    assert str(resolve(AppName.parse("shop:anything"))) == "shop:anything"
