"""Functions in separate processes: thumbnails, a report by a shell script, and a function that misbehaves on demand.

pip install "microfn[gunicorn,examples]"
gunicorn --worker-class gthread --threads 8 examples.functions:app
curl --data-binary @photo.jpg --output small.jpg http://127.0.0.1:8000/thumb/200
curl --data-binary @photo.jpg --output small.jpg http://127.0.0.1:8000/hot/thumb/200
curl --data "one two" http://127.0.0.1:8000/words
curl http://127.0.0.1:8000/report/machine
curl http://127.0.0.1:8000/misbehave/sleep

Below /thumb, each call has a separate process. Below /hot/thumb, a process is kept for call after call, so a call
takes milliseconds, but an image that crashes the decoder costs the next call a start.
A function that hangs, crashes or uses too many resources causes an error for its own caller only.
Without HTTP: python -m examples.functions 200 photo.jpg > small.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from microfn import Request, Router
from microfn.agent import Agent

from .thumbnail import thumbnail

HERE = Path(__file__).parent

app = Router()
agent = Agent(ram="2G")

make_thumbnail = agent.cold(thumbnail, memory=384, timeout=10, output=8_000_000, max_content_length=16_000_000)
make_report = agent.cold(
    ["/bin/sh", str(HERE / "report.sh")], memory=32, timeout=10, protocol="cgi", env={"PATH": "/usr/bin:/bin"}
)
keep_thumbnail = agent.hot(
    thumbnail, memory=384, timeout=10, idle_timeout=30, output=8_000_000, max_content_length=16_000_000, name="hot"
)
count_words = agent.hot([sys.executable, "-I", "-S", str(HERE / "words.py")], memory=64, timeout=10, name="words")
misbehave = agent.cold(
    [sys.executable, "-I", "-S", str(HERE / "misbehave.py")],
    memory=64,
    timeout=3,
    protocol="cgi",
    output=1_000_000,
    log=10_000,
    processes=32,
)

app.post("/thumb/:size", convert={"size": int})(make_thumbnail)
app.post("/hot/thumb/:size", convert={"size": int})(keep_thumbnail)
app.post("/words")(count_words)
app.get("/report/:about")(make_report)
app.get("/misbehave/:how")(misbehave)


@app.get("/")
def index(request: Request, params: dict[str, Any]) -> str:
    return (
        "POST an image to /thumb/200 or /hot/thumb/200, or text to /words.\n"
        "GET /report/machine, /report/request or /misbehave/sleep.\n"
    )
