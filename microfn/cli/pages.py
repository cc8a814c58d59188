"""The pages of `microfn run` in a browser: the lookup of a path in the tree, and tracebacks."""

from __future__ import annotations

import os
import traceback

from markupsafe import Markup
from werkzeug.debug.tbtools import DebugTraceback

from ..http.request import Request
from .explanation import Explanation

__all__ = ["of_exception", "of_miss"]

_PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_MOST_ROUTES = 100
"""Maximum number of routes in a tree on a page."""

# Each colour has two values, for light and dark mode.
_STYLE = Markup("""
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --rim: #d5dae1; --card: #f6f7f9; --bad: #c21f2b;
--mark: #fff2d8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #a4adb8; --rim: #343941; --card: #1a1c20;
--bad: #ff7b72; --mark: #3b2f12; background: #131416 } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 54rem; margin: 6vh auto; padding: 0 1rem; color: var(--ink) }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere }
code, pre { font: .9rem/1.5 ui-monospace, monospace }
code { overflow-wrap: anywhere }
.path { font-size: 1.1rem; background: var(--card); border: 1px solid var(--rim); border-radius: 8px;
padding: .6rem .8rem }
.rest { color: var(--bad); text-decoration: underline wavy 1px; text-underline-offset: .25em }
li { margin: .3rem 0 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0 }
dt, footer { color: var(--soft) }
dd { margin: 0 }
details { margin: 1rem 0 }
details > pre, .source { overflow-x: auto; background: var(--card); border: 1px solid var(--rim); border-radius: 8px;
padding: .5rem .8rem; margin: .4rem 0 }
footer { margin-top: 3rem; font-size: .9rem }
.traceback h3, .traceback > blockquote { display: none }
.traceback ul { list-style: none; padding: 0 }
.frame h4 { font-weight: normal; margin: 1rem 0 0; overflow-wrap: anywhere }
.frame cite { font-style: normal; font-weight: 600 }
.frame em { font-style: normal }
.line { margin: 0; min-width: max-content }
.line.before, .line.after { color: var(--soft) }
.line.current { background: var(--mark) }
.library .line.before, .library .line.after { display: none }
.exc-divider { margin-top: 2rem; font-weight: 600 }
""")
_FRAME = Markup("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<h1>{title}</h1>
{body}
<footer>Only <code>microfn run</code> shows this page.</footer>
""")
_PATH = Markup('<p class="path"><code>{method} {reached}<span class="rest">{rest}</span></code>\n')
_STOPS = Markup("<p>The lookup in the tree of {method} stops at the red part.\n")
_REFUSED = Markup("<p><code>{route}</code> matches, but its converter rejects the value.\n")
_NEAR = Markup("<p>Similar routes:\n<ul>{items}</ul>\n")
_TREE = Markup("<details><summary>The tree of {method}</summary><pre>{tree}</pre></details>\n")
_FACTS = Markup("<dl>{facts}</dl>\n")
_FACT = Markup("<dt>{name}<dd><code>{value}</code>")
_TEXT = Markup("<details><summary>As text</summary><pre>{text}</pre></details>\n")
_ITEM = Markup("<li><code>{item}</code>")
_EMPTY = Markup("")


def of_miss(request: Request, found: Explanation) -> Markup:
    """Return the page for a path without a route."""
    method = request.method
    body = _PATH.format(method=method, reached=found.reached, rest=request.path[len(found.reached) :])
    body += _STOPS.format(method=method) if found.refused is None else _REFUSED.format(route=found.refused)
    if found.refused is None and found.nearest:
        body += _NEAR.format(items=_EMPTY.join(_ITEM.format(item=str(route)) for route in found.nearest))
    if found.tree is not None and len(request.router.routes) <= _MOST_ROUTES:
        body += _TREE.format(method=method, tree=str(found.tree))
    return _FRAME.format(title=f"404: no route for {method} {request.path}", style=_STYLE, body=body)


def of_exception(request: Request, error: BaseException) -> Markup:
    """Return the page for an unexpected exception."""
    told = DebugTraceback(error, skip=_own_frames(error))
    facts = {"request": f"{request.method} {request.path}", "route": request.route}
    facts |= {name: repr(value) for name, value in request.params.items()}
    listed = _EMPTY.join(_FACT.format(name=name, value=value) for name, value in facts.items() if value is not None)
    body = _FACTS.format(facts=listed)
    shown = told.render_traceback_html()
    # werkzeug escapes its output. A test has markup in the message and in the source.
    body += Markup(shown)  # noqa: S704 # nosec B704
    body += _TEXT.format(text="".join(traceback.format_exception(error)))
    # Indented lines mark the position of a syntax error, and later lines are notes.
    title = next(line for line in traceback.format_exception_only(error) if not line.startswith(" "))
    return _FRAME.format(title=title.rstrip("\n"), style=_STYLE, body=body)


def _own_frames(error: BaseException) -> int:
    """Return the number of frames before the first frame outside microfn."""
    count, frame = 0, error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        count, frame = count + 1, frame.tb_next
    return count if frame is not None else 0
