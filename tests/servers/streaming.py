"""An application with slow transfers: events, a large file, an upload."""

from __future__ import annotations

import os
import resource

from microfn import Router, event_stream
from microfn.middleware import access_log

from .app import record

app = Router(max_content_length=64 * 1024 * 1024)
app.use(access_log(record))
app.serve_files("/files/*path", os.environ.get("MICROFN_TEST_FILES", "."))


@app.get("/events/:key")
def events(request, params):
    def ticks():
        try:
            while True:
                yield {"pid": os.getpid()}
        finally:
            record(f"ended {params['key']}")

    request.call_on_close(lambda: record(f"closed {params['key']}"))
    return event_stream(ticks())


@app.get("/echo/:name")
def echo(request, params):
    return params["name"]


@app.get("/memory")
def memory(request, params):
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


@app.post("/upload")
def upload(request, params):
    file = request.files["file"]
    is_on_disk = hasattr(file.stream, "fileno") and not hasattr(file.stream, "getvalue")
    file.stream.seek(0, os.SEEK_END)
    return {"size": file.stream.tell(), "is_on_disk": is_on_disk}
