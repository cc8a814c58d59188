"""The application that a gunicorn with several workers serves in measurements."""

from __future__ import annotations

import os

from microfn import Router
from microfn.middleware import Metrics

metrics = Metrics()
app = Router()
app.use(metrics)
app.get("/metrics")(metrics.expose)


@app.get("/echo/:name")
def echo(request, params):
    return params["name"]


@app.get("/pid")
def pid(request, params):
    return str(os.getpid())
