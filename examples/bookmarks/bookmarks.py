"""The bookmarks of the current user."""

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from microfn import Params, Request, Router, abort, natural

from .auth import REFUSED, signed_in, user_of
from .database import session_of
from .models import Bookmark

TAKEN = "You have a bookmark of this URL already."
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1F\x7F]*$")
]


class Wanted(BaseModel):
    """The body of a new or changed bookmark. A misspelled name is an error instead of an ignored field."""

    model_config = ConfigDict(extra="forbid")
    url: HttpUrl
    title: Title


class Search(BaseModel):
    """The query of a list, newest first. For the next page, `before` is the last id of this page."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(max_length=200)] = ""
    before: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


@dataclass
class View:
    """A bookmark in responses."""

    id: int
    url: str
    title: str
    created: datetime


bookmarks = Router(security=["token"], responses=REFUSED)
bookmarks.use(signed_in)


@bookmarks.get("", query=Search, name="find")
def find(request: Request, params: Params) -> list[View]:
    wanted: Search = request.query
    query = select(Bookmark).where(Bookmark.user_id == user_of(request).id).order_by(Bookmark.id.desc())
    if wanted.text:
        query = query.where(Bookmark.title.icontains(wanted.text, autoescape=True))
    if wanted.before is not None:
        query = query.where(Bookmark.id < wanted.before)
    return [view(row) for row in session_of(request).scalars(query.limit(wanted.limit))]


@bookmarks.post("", valid=Wanted, name="create", responses={201: View, 409: TAKEN})
def create(request: Request, params: Params) -> tuple[View, int, dict[str, str]]:
    row = Bookmark(user_id=user_of(request).id)
    session_of(request).add(row)
    write(request, row)
    return view(row), 201, {"Location": request.url_for(show, id=row.id)}


@bookmarks.get("/:id", convert={"id": natural}, name="show")
def show(request: Request, params: Params) -> View:
    return view(own(request, params))


@bookmarks.put("/:id", convert={"id": natural}, valid=Wanted, name="change", responses={409: TAKEN})
def change(request: Request, params: Params) -> View:
    row = own(request, params)
    write(request, row)
    return view(row)


@bookmarks.delete("/:id", convert={"id": natural}, name="remove", responses={204: "Gone."})
def remove(request: Request, params: Params) -> tuple[str, int]:
    session_of(request).execute(delete(Bookmark).where(Bookmark.id == own(request, params).id))
    return "", 204


def own(request: Request, params: Params) -> Bookmark:
    """Find a bookmark of this user. Those of others are a 404 too, since a 403 would reveal that they exist."""
    is_own: ColumnElement[bool] = (Bookmark.id == params["id"]) & (Bookmark.user_id == user_of(request).id)
    # No row has a number that its column cannot hold, and no database can be asked for one.
    row = session_of(request).scalar(select(Bookmark).where(is_own)) if params["id"] < 2**63 else None
    return row or abort(404, "You have no such bookmark.")


def write(request: Request, row: Bookmark) -> None:
    """Copy the body of the request into a row."""
    wanted: Wanted = request.valid
    row.url, row.title = str(wanted.url), wanted.title
    try:
        session_of(request).flush()
    except IntegrityError:
        abort(409, TAKEN)
    except StaleDataError:  # another request has deleted it
        abort(404, "You have no such bookmark.")


def view(row: Bookmark) -> View:
    """Copy a row, which is unreadable after its session is closed."""
    return View(row.id, row.url, row.title, datetime.fromtimestamp(row.created, timezone.utc))
