"""Parts of an application, and properties of an application."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from microfn import Group, Handle, HostSwitch, Middleware, Params, Request, Response, Result, Route, Router

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

app = Router(overlap=True, trusted_hosts=None)
users = Router()
admin: Group = app.group("/admin")
inner: Group = admin.group("/inner", use=None)


@users.get("", name="users")
def list_users(request: Request, params: Params) -> dict[str, str]:
    return {"me": request.url_for("user", id=7)}


@users.get("/:id", name="user", convert={"id": int})
def show_user(request: Request, params: dict[str, int]) -> list[int]:
    return [params["id"]]


@admin.get("/page")
def page(request: Request, params: Params) -> str:
    return "page"


@inner.route("/page", methods=["GET", "POST"])
def inner_page(request: Request, params: Params) -> str:
    return "inner"


def old(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"old"]


class Old:
    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        return [*old(environ, start_response)]


def guard(handle: Handle) -> Handle:
    return handle


app.include("/users", users)
app.mount("/old", old)
app.mount("/object", Old())
app.mount("/router", Router(), bare=True)
inner.mount("/old", old)


@app.error(404)
def legacy(request: Request, error: Exception) -> WSGIApplication:
    return old


def middleware_of(layer: Middleware) -> Group:
    return app.group("/more", use=[layer])


def answer_options(request: Request, params: Params) -> tuple[str, int]:
    return "", 204


other = Router(global_options=answer_options, not_found=legacy, method_not_allowed=legacy)
application: WSGIApplication = HostSwitch({"api.example.com": app, "old.example.com": old}, default=other)
also: WSGIApplication = app


def ask() -> tuple[str, str, str, list[str], tuple[Route, ...]]:
    handle, params, _ = app.lookup("GET", "/users/7")
    assert handle is not None
    result: Result = handle(Request({}), params)
    assert isinstance(result, (list, Response))
    with app.changes(), app.test_client() as client:
        text: str = client.get("/users/7").text
        app.remove("GET", "/admin/page")
    urls = app.url_for(show_user, id=7), app.url_for("users", query={"page": 1})
    return text, *urls, [route.pattern for route in app.routes], app.routes
