"""The same application, built before a server forks (`gunicorn --preload`)."""

from __future__ import annotations

from microfn import Request

from .app import Params, app


@app.get("/site")
def site(request: Request, params: Params) -> dict[str, bool]:
    return {"is_built_one": app._snapshot is built}


app.build()
built = app._snapshot
