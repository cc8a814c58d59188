"""The Sphinx configuration of these pages: `make docs`. The build fetches nothing."""

from __future__ import annotations

import logging
import os.path
import re
from typing import TYPE_CHECKING

import microfn
from microfn.http import types

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "microfn"
author = "the authors of microfn"
copyright = "the authors of microfn"  # noqa: A001 - Sphinx's name for it
release = version = microfn.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_static"]
nitpicky = True
# The build reads no inventories of other projects, so it does not link to them.
nitpick_ignore_regex = [
    ("py:.*", r"(?!microfn\.).*"),
    ("py:class", r"microfn\.(application\.registration\.BaseRouter|http\.checks\.T|agent\.engine\.Hook)"),
    ("py:obj", r"microfn\.http\.types\.(ResultT|ErrorT)"),
]
# The output of `microfn deploy` is a file, so parts of these blocks are not a shell session.
suppress_warnings = ["misc.highlighting_failure"]
# If a directory of pages is missing, the rest is still built.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(lambda record: "toctree glob" not in str(record.msg))

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4

default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_use_type_comments = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
add_module_names = False

html_theme = "furo"
html_title = f"microfn {release}"
html_static_path = ["_static"]
html_css_files = ["microfn.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "benchmarks/README.md": "benchmarks.md"}
"""Files beside docs/ that are pages here, under another name."""
_OPTION = re.compile(r"`\w+`(, `\w+`)*: ")
_TYPES = "|".join(types.__all__)
_CLASSES = re.compile("`(" + "|".join(name for name in microfn.__all__ if name[0].isupper()) + ")`")
_SHORTER = (
    (re.compile(r": Unpack\[RouteOptions\]"), ""),
    (re.compile(rf"(?<![\w.])({_TYPES})T?\b"), r"~microfn.http.types.\1"),
)
_NOT_SHOWN = ("RouteDecorator", "StatusDecorator | ErrorDecorator[Any]")


def link_to_pages(app: Sphinx, docname: str, source: list[str]) -> None:
    """Link to the pages of files, which are links to the files on GitHub."""
    here = os.path.dirname(app.env.doc2path(docname))
    for file, page in PAGES.items():
        link = os.path.relpath(os.path.join(app.srcdir, "..", file), here)
        source[0] = source[0].replace(f"]({link}", f"]({os.path.relpath(os.path.join(app.srcdir, page), here)}")


def mark_up(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Convert docstrings for Sphinx: lines that begin with an option become a list, and classes become links."""
    marked: list[str] = []
    is_inside = False
    for line in lines:
        if line.startswith("PERF: "):  # for readers of the code
            break
        begins = _OPTION.match(line) is not None
        if begins and not is_inside:
            marked.append("")
        is_inside = begins or (is_inside and bool(line))
        indent = "* " if begins else "  " if is_inside else ""
        marked.append(indent + _CLASSES.sub(_link, line))
    lines[:] = marked


def _link(name: re.Match[str]) -> str:
    module = "microfn.http.types" if name[1] in types.__all__ else "microfn"
    return f":py:obj:`~{module}.{name[1]}`"


def shorten(app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returned: str) -> object:
    """Remove types from signatures that help a type checker more than a reader."""
    if returned in _NOT_SHOWN:
        returned = ""
    for long, short in _SHORTER:
        signature = signature and long.sub(short, signature)
        returned = returned and long.sub(short, returned)
    return signature, returned


def setup(app: Sphinx) -> None:
    """Register the functions above with Sphinx."""
    app.connect("source-read", link_to_pages)
    app.connect("autodoc-process-docstring", mark_up)
    app.connect("autodoc-process-signature", shorten)
