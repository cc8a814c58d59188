"""Parts of an application that do not fit."""

from __future__ import annotations

from microfn import Handle, Params, Request, Response, Router

app = Router()


def index(request: Request, params: Params) -> str:
    return ""


def guard(handle: Handle[Response]) -> Handle[Response]:
    return handle


@app.get  # wrong
def no_pattern(request: Request, params: Params) -> str:
    return ""


@app.route("/", methods=7)  # wrong
def number_of_methods(request: Request, params: Params) -> str:
    return ""


app.include("/users", index)  # wrong
app.include(Router(), "/users")  # wrong
app.mount("/old", index)  # wrong
app.mount("/old", guard)  # wrong
app.mount("/old", Router(), bare="yes")  # wrong
app.group(7)  # wrong
app.route("/:id", methods=["GET"], convert=int)  # wrong
Router(json="orjson")  # wrong
Router(overlap="yes")  # wrong
Router(trusted_hosts=7)  # wrong
