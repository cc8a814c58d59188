"""An application whose document says all that it responds with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pydantic

from microfn import Response, Router, abort, json_response, natural
from microfn.openapi import openapi

app = Router()


@dataclass
class Search:
    q: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    tags: list[str] = field(default_factory=list)
    order: Literal["name", "age"] | None = None


class NewNote(pydantic.BaseModel):
    text: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    due: date | None = None
    parts: list[NewNote] = []


class Note(NewNote):
    id: int


class Tag(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+$")]
    weight: float = 1.0


@dataclass
class Found:
    q: str
    tags: list[str]


notes: dict[int, dict] = {}
api = app.group("/käse")


@api.get("/notes", query=Search, name="notes")
def find(request, params) -> Found:
    """Find notes.

    The query is sent back.
    """
    wanted = request.query
    return Found(wanted.q, wanted.tags)


@api.post("/notes", valid=NewNote, name="create", responses={201: Note})
def create(request, params) -> Response:
    """Create a note."""
    number = max(notes, default=0) + 1
    notes[number] = {"id": number, **request.valid.model_dump(mode="json")}
    return json_response(notes[number], 201)


@api.get("/notes/:id", convert={"id": natural}, name="note", responses={200: Note, 404: "There is no such note."})
def note(request, params):
    """Show a note."""
    return notes.get(params["id"]) or abort(404, "There is no such note.")


@api.delete("/notes/:id", convert={"id": natural}, responses={204: "Deleted, if it was there."})
def delete(request, params):
    notes.pop(params["id"], None)
    return "", 204


items = Router()


@items.put("/:item/tag", convert={"item": UUID}, valid=Tag)
def tag(request, params) -> dict[str, str]:
    return {"item": str(params["item"]), "name": request.valid.name}


@items.get("/on/:day", convert={"day": date.fromisoformat})
def on(request, params) -> str:
    return params["day"].isoformat()


app.mount("/items", items)
app.get("/openapi.json")(openapi(app, title="Notes", version="1.0"))
