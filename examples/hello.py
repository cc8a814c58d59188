"""Five routes: text, a parameter, JSON, a catch-all, and an error.

make run
curl http://127.0.0.1:8000/hello/World
"""

from __future__ import annotations

from typing import Any

from microfn import Request, Router, abort

app = Router()


@app.get("/")
def index(request: Request, params: dict[str, Any]) -> str:
    return "Welcome! Try /hello/World, /src/any/path, or POST some JSON to /sum.\n"


@app.get("/hello/:name")
def hello(request: Request, params: dict[str, Any]) -> dict[str, str]:
    return {"hello": params["name"]}


@app.get("/src/*filepath")
def source(request: Request, params: dict[str, Any]) -> str:
    return f"You asked for {params['filepath']}\n"


@app.post("/sum")
def total(request: Request, params: dict[str, Any]) -> tuple[dict[str, int], int]:
    numbers = request.json
    if not isinstance(numbers, list) or not all(type(number) is int and abs(number) < 2**53 for number in numbers):
        abort(400, "Send a JSON list of whole numbers below 2**53.")
    return {"sum": sum(numbers)}, 201


@app.get("/teapot")
def teapot(request: Request, params: dict[str, Any]) -> str:
    abort(418)
