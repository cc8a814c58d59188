"""The requests to every host, and the expected results. The prefix is removed from observations."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import app
from .changes import come_of, grow, replace, shrink
from .site import Answer, Site, joined, new_key

LARGE = bytes(range(256)) * 4 * 1024 * 40  # 40 MiB
LONGEST_ANSWER = 5.0
Observe = Callable[[Site], str]


class Case(NamedTuple):
    name: str
    expected: str
    observe: Observe


CASES: list[Case] = []


def case(name: str, expected: str) -> Callable[[Observe], Observe]:
    def added(observe: Observe) -> Observe:
        CASES.append(Case(name, expected, observe))
        return observe

    return added


def observed(case: Case, site: Site) -> str:
    try:
        return case.observe(site)
    except (OSError, ValueError) as error:
        return f"no answer: {error}"


def told(answer: Answer) -> str:
    """Return a response as a line: its status, its location, and its body."""
    body = joined(answer)
    location = answer.headers["Location"]
    content_type = answer.headers["Content-Type"] or ""
    if answer.status >= 400:
        return f"{answer.status} {content_type.partition(';')[0]}"
    return " ".join([str(answer.status), *([location] if location else []), *([body.decode()] if body else [])]).strip()


def rest_of(site: Site, target: str) -> str:
    answer = site.ask("GET", target)
    return str(answer.json["rest"]) if answer.status == 200 else redirected(site, answer)


def redirected(site: Site, answer: Answer) -> str:
    return f"{answer.status} {site.below(answer.headers['Location'])}" if "Location" in answer.headers else told(answer)


def handed_over(name: str) -> Observe:
    def observe(site: Site) -> str:
        answer = site.ask("GET", "/", "Authorization: Bearer t0ken")
        return str(answer.json[name]).replace(str(site.port), "PORT") if answer.status == 200 else told(answer)

    return observe


case("the prefix is", "SCRIPT_NAME")(
    lambda site: (
        "SCRIPT_NAME"
        if site.ask("GET", "/").json["script_name"] == site.prefix
        else str(site.ask("GET", "/").json["script_name"])
    )
)
case("PATH_INFO of /", "/")(handed_over("path_info"))
case("Authorization", "Bearer t0ken")(handed_over("authorization"))
case("Host", "a.example:PORT")(handed_over("host"))
case("REMOTE_ADDR", "127.0.0.1")(handed_over("remote_addr"))
case("`wsgi.input_terminated`", "True")(handed_over("input_terminated"))
case("`wsgi.file_wrapper`", "True")(handed_over("file_wrapper"))
case("the path as it came", "REQUEST_URI")(handed_over("raw"))


@case("the prefix without a slash", "200")
def bare(site: Site) -> str:
    with site.connect() as wire:
        wire.request("GET", site.prefix or "/", "Connection: close")
        data = wire.rest()
    status = data.split(b" ", 2)[1].decode()
    location = re.search(rb"\r\nLocation: ([^\r]*)", data)
    return f"{status} {location[1].decode()}" if location else status


case("`/echo/caf%C3%A9%E2%98%83`", "/café☃")(lambda site: rest_of(site, "/echo/caf%C3%A9%E2%98%83"))
case("`/echo/a%20b`", "/a b")(lambda site: rest_of(site, "/echo/a%20b"))
case("`/echo/a+b`", "/a+b")(lambda site: rest_of(site, "/echo/a+b"))
case("`/echo/100%25`", "/100%")(lambda site: rest_of(site, "/echo/100%25"))
case("`/echo/a%252Fb`", "/a%2Fb")(lambda site: rest_of(site, "/echo/a%252Fb"))
case("`/echo/a%2Fb`", "/a/b")(lambda site: rest_of(site, "/echo/a%2Fb"))
case("`/echo/a;b=1`", "/a;b=1")(lambda site: rest_of(site, "/echo/a;b=1"))
case("`/echo/%FF`", "400 application/problem+json")(lambda site: rest_of(site, "/echo/%FF"))


@case("the query `?q=caf%C3%A9&x=%2F+`", "q=caf%C3%A9&x=%2F+")
def query(site: Site) -> str:
    return str(site.ask("GET", "/?q=caf%C3%A9&x=%2F+").json["query"])


case("`/docs/?q=%2F`", "301 /docs?q=%2F")(lambda site: redirected(site, site.ask("GET", "/docs/?q=%2F")))
case("POST `/docs/?q=%2F`", "308 /docs?q=%2F")(
    lambda site: redirected(site, site.ask("POST", "/docs/?q=%2F", "Content-Length: 0"))
)
case("`/x//docs`", "404 application/problem+json")(lambda site: redirected(site, site.ask("GET", "/x//docs")))
case("`//docs`", "301 /docs")(lambda site: redirected(site, site.ask("GET", "//docs")))
case("`/x/../docs`", "301 /docs")(lambda site: redirected(site, site.ask("GET", "/x/../docs")))
case("`/nowhere`", "404 application/problem+json")(lambda site: told(site.ask("GET", "/nowhere")))


@case("DELETE `/docs`", "405 GET, HEAD, OPTIONS, POST")
def not_allowed(site: Site) -> str:
    answer = site.ask("DELETE", "/docs")
    return f"{answer.status} {answer.headers['Allow']}"


@case("OPTIONS `/docs`", "204 GET, HEAD, OPTIONS, POST")
def options(site: Site) -> str:
    answer = site.ask("OPTIONS", "/docs")
    return f"{answer.status} {answer.headers['Allow']}"


@case("HEAD", "200, its length is 9, without a body")
def head(site: Site) -> str:
    answer = site.ask("HEAD", "/docs")
    return f"{answer.status}, its length is {answer.headers['Content-Length']}, {_body(answer)}"


@case("HEAD of a stream", "200, without a body")
def head_of_a_stream(site: Site) -> str:
    answer = site.ask("HEAD", f"/ticks/{new_key()}")
    return f"{answer.status}, {_body(answer)}"


@case("204", "204, without a length, without a body")
def no_content(site: Site) -> str:
    answer = site.ask("GET", "/nothing")
    length = answer.headers["Content-Length"]
    return f"{answer.status}, {'without a length' if length is None else f'its length is {length}'}, {_body(answer)}"


def _body(answer: Answer) -> str:
    return f"with the body {answer.body!r}" if answer.body else "without a body"


@case("an error", "500 application/problem+json")
def error(site: Site) -> str:
    answer = site.ask("GET", "/raises")
    assert b"secret" not in answer.body
    return told(answer)


@case("two cookies", "a=1; Path=/ b=2; Path=/")
def cookies(site: Site) -> str:
    return " ".join(site.ask("GET", "/cookies").headers.get_all("Set-Cookie", []))


@case("a file", "200, whole")
def file(site: Site) -> str:
    answer = site.ask("GET", "/file")
    whole = joined(answer) == Path(app.__file__).read_bytes()
    return f"{answer.status}, {'whole' if whole else 'not whole'}"


case("a file that grows while it is sent", "whole, then the next answer")(
    lambda site: come_of(site, grow, "a range", "a precompressed file", "send_file")
)
case("a file that is replaced while it is sent", "whole, then the next answer")(lambda site: come_of(site, replace))
case("a file that becomes shorter while it is sent", "cut off, then the end")(
    lambda site: come_of(site, shrink, "a range", "send_file")
)


def upload(site: Site, *lines: str, body: bytes, data: bytes) -> str:
    answer = site.ask("POST", "/upload", *lines, body=body)
    if answer.status != 200:
        return told(answer)
    found = answer.json
    if found == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}:
        return "whole"
    return f"{found['size']} bytes of {len(data)}"


@case("POST", "whole")
def post(site: Site) -> str:
    return upload(site, "Content-Length: 5", body=b"he\xff\0o", data=b"he\xff\0o")


@case("POST without a body", "whole")
def post_of_nothing(site: Site) -> str:
    return upload(site, "Content-Length: 0", body=b"", data=b"")


@case("POST of 40 MB", "whole")
def large(site: Site) -> str:
    return upload(site, f"Content-Length: {len(LARGE)}", body=LARGE, data=LARGE)


@case("POST in chunks", "whole")
def chunked(site: Site) -> str:
    return upload(
        site, "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", data=b"hello world"
    )


@case("a stream", "piece by piece")
def stream(site: Site) -> str:
    key = new_key()
    with site.begin(f"/stream/{key}") as wire:
        seen = wire.until(b"first ")
        site.tell(f"seen {key}")
        seen += wire.rest()
    return "piece by piece" if b"second" in seen else "all at once"


@case("close() after a stream", "called")
def close(site: Site) -> str:
    key = new_key()
    site.tell(f"seen {key}")
    site.ask("GET", f"/stream/{key}")
    return _closed(site, key)


@case("close() when the client leaves", "called")
def leave(site: Site) -> str:
    key = new_key()
    with site.begin(f"/ticks/{key}") as wire:
        wire.until(b"ticktick")
    return _closed(site, key)


def _closed(site: Site, key: str, seconds: float = 3.0) -> str:
    deadline = time.monotonic() + seconds
    while not site.has_recorded(f"closed {key}"):
        if time.monotonic() > deadline:
            return "not called"
        time.sleep(0.02)
    return "called"


@case("a call of an agent", "named, with a deadline")
def call(site: Site) -> str:
    answer = site.ask("GET", "/call")
    if answer.status != 200:
        return told(answer)
    is_named = answer.json["id"] == answer.headers["Fn-Call-Id"]
    has_deadline = 0 < answer.json["left"] <= app.CALL_TIMEOUT
    return f"{'named' if is_named else 'not named'}, {'with' if has_deadline else 'without'} a deadline"


@case("a call that waited too long", "503, again in seconds")
def call_too_late(site: Site) -> str:
    began = time.time() - app.CALL_TIMEOUT * 0.6
    answer = site.ask("GET", "/call", f"X-Request-Start: t={began:.3f}")
    # The host's own time, which is longer if the machine is busy, counts as waiting too.
    is_told = 1 <= int(answer.headers["Retry-After"]) <= 60
    return f"{answer.status}, again in {'seconds' if is_told else answer.headers['Retry-After']}"


@case("a program in a process of its own", "named; thumb, below the prefix: he\\xff\\0o")
def program(site: Site) -> str:
    answer = site.ask("POST", "/function/thumb", "Content-Length: 5", body=b"he\xff\0o")
    body = joined(answer).decode("ascii", "backslashreplace").replace("\0", "\\0")
    body = body.replace(f"below {site.prefix}:", "below the prefix:")
    return f"{'named' if answer.headers['Fn-Call-Id'] else 'not named'}; {body}"


@case("a handle in a process of its own", "thumb, hello, below the prefix")
def handle(site: Site) -> str:
    answer = site.ask("POST", "/handle/thumb", "Content-Length: 5", body=b"hello")
    if answer.status != 200:
        return told(answer)
    found = answer.json
    below = "below the prefix" if found["prefix"] == site.prefix else f"below {found['prefix']}"
    return f"{found['name']}, {found['body']}, {below}"


@case("a handle in a hot process", "thumb, hello, below the prefix, kept")
def hot(site: Site) -> str:
    """A host has less than twelve processes, so two of so many calls meet in one."""
    processes, answers = [], set()
    for _ in range(12):
        answer = site.ask("POST", "/hot/thumb", "Content-Length: 5", body=b"hello")
        if answer.status != 200:
            return told(answer)
        found = answer.json
        processes.append(found["process"])
        below = "below the prefix" if found["prefix"] == site.prefix else f"below {found['prefix']}"
        answers.add(f"{found['name']}, {found['body']}, {below}")
    return f"{'; '.join(answers)}, {'kept' if len(set(processes)) < len(processes) else 'not kept'}"


@case("a function that takes too long", "504 application/problem+json, in time")
def too_long(site: Site) -> str:
    began = time.monotonic()
    answer = site.ask("GET", "/late")
    return f"{told(answer)}, {'in time' if time.monotonic() - began < LONGEST_ANSWER else 'too late'}"


@case("a function's stream", "piece by piece")
def pieces(site: Site) -> str:
    key = new_key()
    with site.begin(f"/pieces/{key}") as wire:
        seen = wire.until(b"first ")
        site.tell(f"seen {key}")
        seen += wire.rest()
    return "piece by piece" if b"second" in seen else "all at once"


@case("a function when the client leaves", "killed")
def left_alone(site: Site) -> str:
    key = new_key()
    with site.begin(f"/flood/{key}") as wire:
        wire.until(b"tttttttt")
    pid = site.value_of(f"ticks {key}")
    deadline = time.monotonic() + 3.0
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return "runs on"
        time.sleep(0.02)
    return "killed"
