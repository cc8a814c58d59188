"""Short links on sqlite3: one file, one connection for each request, any number of workers.

gunicorn --workers 2 examples.shortlinks:app
curl http://127.0.0.1:8000/links --json '{"url": "https://www.python.org/", "slug": "py"}'
curl --include http://127.0.0.1:8000/to/py

The links are stored in shortlinks.db in the working directory, or in the file in SHORTLINKS_DATABASE.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from werkzeug.urls import iri_to_uri

from microfn import Request, Response, Router, abort, redirect

Params = dict[str, str]
Link = dict[str, Any]

SCHEMA = """
    CREATE TABLE IF NOT EXISTS links (
        id INTEGER PRIMARY KEY,
        slug TEXT NOT NULL UNIQUE,
        url TEXT NOT NULL,
        visits INTEGER NOT NULL DEFAULT 0,
        created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
    )
"""


def create_app(database: str, *, patience: float = 2.0) -> Router:
    """Return the service on one database file. If another process locks it, requests wait `patience` seconds."""
    app = Router()
    transaction = partial(connect, database, patience)

    @app.post("/links", max_content_length=8192)
    def create(request: Request, params: Params) -> tuple[Link, int, dict[str, str]]:
        url, slug = wanted(request.json)
        try:
            with transaction() as db:
                db.execute("INSERT INTO links (url, slug) VALUES (?, ?)", (url, slug))
                link = find(db, slug)
        except sqlite3.IntegrityError:
            abort(409, f"The slug {slug!r} is taken.")
        return link, 201, {"Location": f"{quote(request.script_root)}/links/{slug}"}

    @app.get("/links")
    def newest(request: Request, params: Params) -> list[Link]:
        limit = whole_number(request, "limit", default=20, least=1, most=100)
        offset = whole_number(request, "offset", default=0, least=0, most=999_999)
        query = "SELECT slug, url, visits, created FROM links ORDER BY id DESC LIMIT ? OFFSET ?"
        with transaction() as db:
            return [dict(link) for link in db.execute(query, (limit, offset))]

    @app.get("/links/:slug")
    def show(request: Request, params: Params) -> Link:
        with transaction() as db:
            return find(db, params["slug"])

    @app.delete("/links/:slug")
    def delete(request: Request, params: Params) -> tuple[str, int]:
        with transaction() as db:
            if not db.execute("DELETE FROM links WHERE slug = ?", (params["slug"],)).rowcount:
                unknown(params["slug"])
        return "", 204

    @app.get("/to/:slug")
    def visit(request: Request, params: Params) -> Response:
        with transaction() as db:
            db.execute("UPDATE links SET visits = visits + 1 WHERE slug = ?", (params["slug"],))
            return redirect(find(db, params["slug"])["url"])

    @app.error(sqlite3.OperationalError)
    def locked(request: Request, error: sqlite3.OperationalError) -> NoReturn:
        if "locked" not in str(error):
            raise error
        abort(503, "The database is busy; please try again in a moment.", retry_after=1)

    with transaction() as db:
        db.execute(SCHEMA)
    return app


@contextmanager
def connect(database: str, patience: float) -> Iterator[sqlite3.Connection]:
    """Open one connection and one transaction: committed, or rolled back after an exception, and always closed."""
    with closing(sqlite3.connect(database, timeout=patience)) as db, db:
        db.row_factory = sqlite3.Row
        yield db


def find(db: sqlite3.Connection, slug: str) -> Link:
    link = db.execute("SELECT slug, url, visits, created FROM links WHERE slug = ?", (slug,)).fetchone()
    return dict(link) if link else unknown(slug)


def unknown(slug: str) -> NoReturn:
    abort(404, f"There is no link {slug!r}.")


def wanted(data: Any) -> tuple[str, str]:
    """Return the requested URL and slug, which is random if it is missing."""
    if not isinstance(data, dict):
        abort(400, 'Send a JSON object: {"url": ...} or {"url": ..., "slug": ...}.')
    url, slug = data.get("url"), data.get("slug")
    if not isinstance(url, str) or not (url := web_url(url)):
        abort(422, "url is a whole http or https URL of at most 2000 characters, such as https://example.org/page.")
    if slug is None:
        slug = secrets.token_urlsafe(6)
    if not isinstance(slug, str) or not re.fullmatch("[A-Za-z0-9_-]{1,64}", slug):
        abort(422, "slug is 1 to 64 letters (a-z, A-Z), digits, hyphens and underscores.")
    return url, slug


def web_url(text: str) -> str | None:
    """Return the URL in ASCII for a Location, or None if it is not an HTTP URL."""
    try:
        url = iri_to_uri(text)
        is_whole = urlsplit(url).hostname is not None
    except ValueError:
        return None
    return url if is_whole and len(url) <= 2000 and re.fullmatch("https?://[!-~]+", url) else None


def whole_number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    """Return a number from the query string."""
    text = request.args.get(name, str(default))
    if not re.fullmatch("[0-9]{1,6}", text) or not least <= int(text) <= most:
        abort(400, f"{name} is a whole number from {least} to {most}.")
    return int(text)


app = create_app(os.environ.get("SHORTLINKS_DATABASE") or "shortlinks.db")
