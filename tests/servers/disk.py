"""An application whose temporary files don't fit: files have a maximum size, or the disk is small."""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path

from microfn import Router

app = Router(max_content_length=64 * 1024 * 1024)


def allow(size):
    """Set the maximum size of files. A write beyond it is an OSError, since Python ignores SIGXFSZ."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


if "MICROFN_TEST_LARGEST_FILE" in os.environ:
    allow(int(os.environ["MICROFN_TEST_LARGEST_FILE"]))


def ballast():
    return Path(tempfile.gettempdir(), "ballast")


@app.get("/echo/:name")
def echo(request, params):
    return {"name": params["name"]}


@app.post("/upload")
def upload(request, params):
    file = request.files["file"]
    return {"size": file.stream.seek(0, os.SEEK_END) or file.stream.tell()}


@app.post("/fill/:size", convert={"size": int})
def fill(request, params):
    ballast().write_bytes(bytes(params["size"]))
    return {}


@app.post("/make-room")
def make_room(request, params):
    ballast().unlink(missing_ok=True)
    allow(resource.RLIM_INFINITY)
    return {}


@app.get("/held")
def held(request, params):
    """Return a worker's open files, the names of its temporary files, and the used blocks of the disk."""
    disk = os.statvfs(tempfile.gettempdir())
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "names": os.listdir(tempfile.gettempdir()),
        "blocks": disk.f_blocks - disk.f_bfree if "MICROFN_TEST_LARGEST_FILE" not in os.environ else 0,
    }
