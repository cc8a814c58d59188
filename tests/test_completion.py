"""Completion on what people have in their hands shows what the reference documents, and nothing else."""

from __future__ import annotations

import re

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from microfn import Request, Response, Router
from microfn.routing.hints import FOREIGN_NAMES

from .documents import ROOT

ENVIRON = create_environ()
REFERENCE = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs/reference").glob("*.md"))


def documented(name):
    return set(re.findall(rf"^\.\. auto(?:method|attribute|property):: {name}\.(\w+)$", REFERENCE, re.MULTILINE))


def shown(instance):
    return {name for name in dir(instance) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("instance", "base"),
    [
        (Router(), object()),
        (Router().group("/a"), object()),
        (Request(ENVIRON), WerkzeugRequest(ENVIRON)),
        (Response("x"), WerkzeugResponse("x")),
    ],
    ids=["Router", "Group", "Request", "Response"],
)
def test_dir_shows_documented_names(instance, base):
    """Beside the names of werkzeug's own class; a group has the documented decorators of a Router."""
    name = type(instance).__name__
    known = documented("Router") if name in ("Router", "Group") else documented(name)
    assert known or name == "Response"
    own = shown(instance) - shown(base)
    assert own <= known, sorted(own - known)
    assert name == "Group" or known <= shown(instance), sorted(known - shown(instance))


def test_dir_leaves_hints_for_foreign_names_out():
    """A hint is raised for them all the same."""
    app = Router()
    assert not shown(app) & set(FOREIGN_NAMES)
    for name in FOREIGN_NAMES:
        with pytest.raises(AttributeError, match=f"a Router has no '{name}'; it is"):
            getattr(app, name)
