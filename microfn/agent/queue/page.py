"""The HTML page with the state of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ...http.response import html

__all__ = ["page"]

_PAGE = html("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
%(refresh)s<title>%(state)s: %(function)s</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 10vh auto; padding: 0 1rem; color: #222 }
th { text-align: left; vertical-align: top; padding-right: 1rem; color: #666; font-weight: normal }
td, pre { overflow-wrap: anywhere; white-space: pre-wrap; margin: 0 }</style>
<h1>%(state)s</h1>
<table>
%(rows)s</table>
%(link)s""")
_REFRESH = html('<meta http-equiv="refresh" content="1">\n')
_ROW = html("<tr><th scope=row>%s<td>%s\n")
_LOG = html("<pre>%s</pre>")
_LINK = html('<p><a href="%s/result">The result</a>\n')


def page(description: Mapping[str, Any], *, is_final: bool, has_result: bool) -> Markup:
    """Return the page of a call. It reloads every second until the state is final.

    >>> description = {"id": "7f", "function": "thumb", "state": "success", "error": "<b>", "log": ""}
    >>> print(page(description, is_final=True, has_result=True).partition("<table>")[2].strip())
    <tr><th scope=row>id<td>7f
    <tr><th scope=row>function<td>thumb
    <tr><th scope=row>error<td>&lt;b&gt;
    </table>
    <p><a href="7f/result">The result</a>
    """
    rows = [
        _ROW % (name.removesuffix("_at"), _LOG % value if name == "log" else value)
        for name, value in description.items()
        if name != "state" and value not in (None, "")
    ]
    return _PAGE % {
        "state": description["state"],
        "function": description["function"],
        "refresh": "" if is_final else _REFRESH,
        "rows": html("").join(rows),
        "link": _LINK % description["id"] if has_result else "",
    }
