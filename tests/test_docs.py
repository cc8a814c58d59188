"""The examples in documents work, and their links are valid."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import inspect
import os
import pathlib
import re
import sys
import types
import uuid
from decimal import Decimal
from urllib.parse import urlsplit

import flask
import msgspec
import orjson
import pytest
from prometheus_client import CollectorRegistry
from werkzeug.test import Client, TestResponse

from microfn import Router
from microfn.routing.route import RouteOptions

from .documents import ROOT, blocks, run
from .wsgi import call

DOCUMENTS = sorted((ROOT / "docs").rglob("*.md"))
WITH_EXAMPLES = [path for path in DOCUMENTS if any(language == "python" for language, _ in blocks(path))]


# Pages read these, and some of them write to the database that is named.
OWN_VARIABLES = ("DATABASE_URL", "JWT_KEY", "RATE_LIMITS", "SECRET_KEYS", "SHOP_LOCAL", "SHOP_NAME")


def name_of(path):
    return str(path.relative_to(ROOT))


def marks_of(path):
    """A page whose examples start processes is slow."""
    starts = any(language == "console" and "$ curl" not in text for language, text in blocks(path))
    return [pytest.mark.slow] if starts else []


@pytest.fixture(autouse=True)
def forget_modules(tmp_path):
    """Forget the modules that a page has written: the next page may have one of the same name."""
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]


@pytest.mark.parametrize("path", [pytest.param(path, id=name_of(path), marks=marks_of(path)) for path in WITH_EXAMPLES])
def test_the_examples_do_what_is_shown(path, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("prometheus_client.REGISTRY", CollectorRegistry())
    monkeypatch.chdir(tmp_path)
    for name in OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MYPYPATH", str(ROOT))  # mypy does not find editable installs
    monkeypatch.syspath_prepend(tmp_path)  # a function finds its module there, as it does beside app.py
    public = tmp_path / "public"
    public.mkdir()
    (public / "index.html").write_text("<p>the application", "utf-8")
    assert run(path, tmp_path) > 0


PORTED = [
    ("GET", "/", {}),
    ("POST", "/name", {"data": {"name": "Zoë & Ann"}}),
    ("GET", "/", {}),
    ("POST", "/notes", {"json": {"text": "Buy milk"}}),
    ("GET", "/notes/1", {}),
    ("GET", "/notes/2", {}),
    ("GET", "/notes/x", {}),
    ("GET", "/nothing", {}),
    ("DELETE", "/admin/notes/1", {}),
    ("GET", "/notes/1", {}),
    ("DELETE", "/admin/notes/1", {"headers": {"X-Token": "7"}}),
    ("GET", "/notes/1", {}),
    ("HEAD", "/", {}),
]


def replies(source: str):
    """Return the responses of an application to a client with cookies: location, or text, with the type."""
    namespace = {"__name__": "app"}
    exec(source, namespace)
    client = Client(namespace["app"])
    for method, path, options in PORTED:
        reply: TestResponse = client.open(path, method=method, buffered=True, **options)
        body = reply.json if reply.is_json else reply.text
        said = urlsplit(reply.location).path if reply.status_code == 303 else (body and reply.mimetype, body)
        yield method, path, reply.status_code, said, reply.headers["X-Content-Type-Options"]


@pytest.mark.parametrize("page", ["from-flask", "from-bottle"])
def test_the_same_application_answers_the_same(page, tmp_path, monkeypatch):
    old, new, *_ = [text for language, text in blocks(ROOT / f"docs/howto/{page}.md") if language == "python"]
    monkeypatch.setenv("DATABASE", str(tmp_path / "old.db"))
    before = list(replies(old))
    monkeypatch.setenv("DATABASE", str(tmp_path / "new.db"))
    assert list(replies(new)) == before
    assert [reply[2] for reply in before] == [200, 303, 200, 201, 200, 404, 404, 404, 403, 200, 204, 404, 200]


def anchors(text: str) -> set[str]:
    """As GitHub and Sphinx make them of headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def of_directives(document):
    """Return the pages that Sphinx includes and lists. A pattern can match nothing."""
    text = document.read_text("utf-8")
    yield from re.findall(r"^```\{include\} (\S+)$", text, re.MULTILINE)
    for entries in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for entry in re.findall(r"^(?:[^:\n]*<)?([\w/-]+)>?$", entries, re.MULTILINE):
            yield f"{entry}.md"


@pytest.mark.parametrize("path", [*sorted(ROOT.glob("*.md")), *DOCUMENTS], ids=name_of)
def test_what_a_document_links_to_is_there(path):
    for target in [*re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")), *of_directives(path)]:
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        other = (path.parent / file).resolve() if file else path
        assert other.exists(), target
        assert not anchor or anchor in anchors(other.read_text("utf-8")), target


FOR_SPHINX = """
```{include} ../README.md
:relative-images:
```

```{toctree}
:glob:

howto/*
The rest <rest>
tree
```

```{code-block} python
:caption: app.py

print(7)
```

```text
7
```
"""


def test_what_sphinx_alone_understands_is_looked_at_too(tmp_path):
    document = tmp_path / "index.md"
    document.write_text(FOR_SPHINX, "utf-8")
    assert list(of_directives(document)) == ["../README.md", "rest.md", "tree.md"]
    assert blocks(document) == [("python", "print(7)\n"), ("text", "7\n")]
    assert run(document, tmp_path) == 1


def section(page, heading):
    """The text of a how-to page below one of its headings."""
    return (ROOT / f"docs/howto/{page}.md").read_text("utf-8").split(f"\n## {heading}\n\n")[1].split("\n## ")[0]


def test_all_options_are_listed_with_their_defaults():
    text = section("structure", "Options")
    listed = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", text, re.MULTILINE)
    assert listed == [(name, str(option.default)) for name, option in inspect.signature(Router).parameters.items()]
    (of_a_route,) = re.findall(r"^Options of a route: (.*)\.$", text, re.MULTILINE)
    assert sorted(of_a_route.replace("`", "").split(", ")) == sorted(RouteOptions.__annotations__)


class Msgspec:
    dumps = staticmethod(msgspec.json.encode)
    loads = staticmethod(msgspec.json.decode)


CODECS = {"default": None, "orjson": orjson, "msgspec": Msgspec}
OUT = {
    'Decimal("1.50")': Decimal("1.50"),
    'float("nan")': float("nan"),
    "an integer of 30 digits": 10**29,
    "a dict whose keys are integers": {1: 2},
    '"ü"': "ü",
    "half a surrogate pair, out": "\ud800",
}
IN = {'{"a": 1, "a": 2}, in': b'{"a": 1, "a": 2}', "NaN, in": b"NaN", "half a surrogate pair, in": b'"\\ud800"'}


def cells():
    text = section("json", "Differences between the libraries").split("\n\n")[0]
    head, _, *rows = [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in text.splitlines()]
    assert head[1:] == list(CODECS)
    for name, *told in rows:
        for codec, cell in zip(CODECS, told, strict=True):
            yield name.replace("`", ""), codec, cell.replace("`", "")


@pytest.mark.parametrize(("name", "codec", "told"), list(cells()))
def test_the_libraries_differ_as_is_told(name, codec, told, caplog):
    app = Router(json=CODECS[codec])
    app.post("/")(lambda request, params: [request.json if name in IN else OUT[name]])
    got = call(app, "POST", body=IN.get(name, b""), CONTENT_TYPE="application/json")
    if told[:3] in ("400", "500"):
        assert got.code == int(told[:3])
        if told.startswith("500"):
            assert any(kind.__name__ == told[5:-1] for kind in type(caplog.records[-1].exc_info[1]).__mro__)
        return
    said = {"as it is": str(10**29), "the last": '{"a":2}'}.get(told, told)
    assert (got.code, got.text) == (200, f"[{said}]")


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int


SENT = {
    "a datetime, in UTC": datetime.datetime(2026, 11, 24, 4, 36, tzinfo=datetime.timezone.utc),
    "a date": datetime.date(2026, 11, 24),
    "a time": datetime.time(4, 36),
    "timedelta(hours=1)": datetime.timedelta(hours=1),
    'Decimal("1.50")': Decimal("1.50"),
    "a UUID": uuid.UUID(int=7),
    "an Enum, Color.RED": Color.RED,
    "a dataclass, Point(1)": Point(1),
    "another Mapping": types.MappingProxyType({"x": 1}),
    "a Path": pathlib.PurePosixPath("/srv/a"),
    "a set, {1}": {1},
    'float("nan")': float("nan"),
    "bytes, any other object": b"x",
}


def sent_rows():
    text = section("json", "Types that the default codec sends")
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    head, _, *rows = [[cell.strip().replace("`", "") for cell in line.split(" | ")] for line in lines]
    assert head == ["value", "microfn", "Flask", "FastAPI"]
    assert [row[0] for row in rows] == list(SENT)
    return [(name, own, own if of_flask == "as microfn" else of_flask) for name, own, of_flask, _ in rows]


@pytest.mark.parametrize(("name", "own", "of_flask"), sent_rows())
def test_what_is_sent_of_each_type_is_told(name, own, of_flask):
    app, flask_app = Router(), flask.Flask("app")
    app.get("/")(lambda request, params: [SENT[name]])
    flask_app.get("/")(lambda: [SENT[name]])
    for one, told in (app, own), (flask_app, of_flask):
        got = call(one, validate=False)
        assert (got.code, got.text.strip().replace(" ", "")) == (200, f"[{told}]".replace(" ", "")) or (
            told == "500" == str(got.code)
        )
