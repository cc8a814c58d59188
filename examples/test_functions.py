"""Tests of the functions: their responses, the end of those that misbehave, gunicorn, and no HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from webtest import TestApp as Client
from webtest.response import TestResponse as Reply

from examples.functions import __main__ as command_line
from examples.functions import agent, app, make_report
from examples.functions.misbehave import WAYS
from examples.functions.thumbnail import MOST_PIXELS
from microfn.agent import Agent, Failed, TimedOut

ROOT = Path(__file__).parents[1]
client = Client(app)


def image_of(name: str, mode: str = "RGB", size: tuple[int, int] = (400, 200), **options: object) -> bytes:
    out = BytesIO()
    Image.new(mode, size).save(out, name, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    """Return a PNG with a header of this size, whatever its chunks are."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + b"".join([head, *chunks, data, chunk(b"IEND", b"")])


def ask(size: object, data: bytes, status: int = 200) -> Reply:
    return client.request(f"/thumb/{size}", method="POST", body=data, status=status)


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        ("JPEG", "RGB", "JPEG"),
        ("JPEG", "L", "JPEG"),
        ("JPEG", "CMYK", "JPEG"),
        ("PNG", "RGBA", "PNG"),
        ("PNG", "P", "PNG"),
        ("PNG", "1", "PNG"),
        ("PNG", "I;16", "PNG"),
        ("GIF", "P", "PNG"),
        ("WEBP", "RGB", "PNG"),
    ],
)
def test_a_thumbnail_keeps_the_proportions(name: str, mode: str, kind: str) -> None:
    reply = ask(100, image_of(name, mode))
    assert reply.content_type == f"image/{kind.lower()}"
    assert reply.headers["Fn-Call-Id"]
    thumbnail = Image.open(BytesIO(reply.body))
    assert (thumbnail.format, thumbnail.size) == (kind, (100, 50))


def test_what_is_small_already_stays_as_large_as_it_is() -> None:
    assert Image.open(BytesIO(ask(1024, image_of("PNG")).body)).size == (400, 200)


def test_a_photo_stands_upright_and_tells_nothing_of_its_maker() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Ann's camera"
    thumbnail = Image.open(BytesIO(ask(100, image_of("JPEG", exif=exif)).body))
    assert thumbnail.size == (50, 100)
    assert not thumbnail.getexif()


SECRET = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000)))


@pytest.mark.parametrize(
    ("data", "status", "told"),
    [
        (b"", 415, "Send an image as the body: JPEG"),
        (b"no image", 415, "Send an image as the body: JPEG"),
        (image_of("JPEG")[:10], 400, "The image is broken"),
        (image_of("BMP"), 415, "Send an image as the body: JPEG"),
        (image_of("JPEG")[:-200], 400, "The image is broken"),
        (png_of(500, 500), 400, "The image is broken"),
        (png_of(5, 5, SECRET), 400, "The image is broken"),
        (png_of(MOST_PIXELS // 1000, 1001), 413, "The image has more than 16,000,000 pixels."),
        (png_of(2**31 - 1, 2**31 - 1), 413, "The image has more than 16,000,000 pixels."),
        (bytes(16_000_001), 413, "The body can have at most 16000000 bytes."),
    ],
    ids=["nothing", "text", "a head", "BMP", "cut off", "too few pixels", "a text bomb", "large", "a bomb", "long"],
)
def test_what_is_no_image_or_too_large_is_refused_with_a_reason(data: bytes, status: int, told: str) -> None:
    assert ask(100, data, status).json["detail"].startswith(told)


@pytest.mark.slow
def test_the_largest_image_that_is_taken_has_memory_enough() -> None:
    ask(1024, image_of("WEBP", size=(4000, MOST_PIXELS // 4000)))


@pytest.mark.parametrize(("size", "status"), [("large", 404), ("1.5", 404), (0, 400), (-5, 400), (1025, 400)])
def test_a_size_is_a_number_that_makes_sense(size: object, status: int) -> None:
    ask(size, image_of("PNG"), status)


def test_the_report_is_about_the_machine_or_about_the_request() -> None:
    assert "MemTotal:" in client.get("/report/machine").text
    reply = client.get("/report/request?a=b", headers={"Proxy": "http://example.org/"})
    given = dict(line.split("=", 1) for line in reply.text.splitlines()[2:])
    assert given["FN_CALL_ID"] == reply.headers["Fn-Call-Id"]
    assert given["FN_PARAM_about"] == "request"
    assert given["QUERY_STRING"] == "a=b"
    assert "HTTP_PROXY" not in given
    assert not {"HOME", "USER", "VIRTUAL_ENV"} & set(given)


def test_report_of_unknown_name_is_404_of_the_function() -> None:
    assert client.get("/report/$(id)", status=404).text.startswith("There is a report about the machine")


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("chatter", 200, "I had much to say."),
        ("orphan", 200, "I am done."),
        ("nothing", 404, "sleep"),
        ("exit", 502, "The function ended with 3."),
        ("crash", 502, "The function was ended by signal 11."),
        ("garbage", 502, "The function sent an invalid header."),
        ("memory", 502, "The function took more memory than it may have."),
        ("family", 502, "The function took more memory than it may have."),
        ("fork", 502, "The function started more processes than it may have."),
        pytest.param("sleep", 504, "The function took too long.", marks=pytest.mark.slow),
        pytest.param("spin", 504, "The function took too long.", marks=pytest.mark.slow),
        pytest.param("stop", 504, "The function took too long.", marks=pytest.mark.slow),
    ],
)
def test_function_that_misbehaves_harms_no_other_caller(how: str, status: int, told: str) -> None:
    began = time.monotonic()
    reply = client.get(f"/misbehave/{how}", status=status)
    assert told in reply.text
    assert time.monotonic() - began < 10
    assert agent.running == 0
    assert client.get("/report/machine").status_int == 200


@pytest.mark.parametrize(("how", "error"), [pytest.param("late", TimedOut, marks=pytest.mark.slow), ("flood", Failed)])
def test_an_answer_that_has_begun_is_cut_off(how: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        client.get(f"/misbehave/{how}")
    assert agent.running == 0


def test_every_way_to_misbehave_says_what_becomes_of_it() -> None:
    listed = client.get("/misbehave/nothing", status=404).text.splitlines()
    assert [line.split()[0] for line in listed] == list(WAYS)
    assert all(re.search(r": (200|502|504|the response is cut off)\b", line) for line in listed)


def test_the_index_says_what_to_try() -> None:
    assert "/thumb/200" in client.get("/").text


def test_a_report_can_be_had_without_http() -> None:
    call = agent.submit(agent.get_call("GET", "/?a=b", function=make_report, params={"about": "request"}))
    assert call.status == "200 OK"
    assert f"call {call.id} has until".encode() in call.writer.getvalue()  # type: ignore[attr-defined]


def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "examples.functions", *arguments]
    return subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT, capture_output=True, timeout=30, check=False
    )


def test_the_command_line_makes_a_thumbnail(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(image_of("JPEG"))
    done = run("100", str(photo))
    assert (done.returncode, done.stderr) == (0, b"")
    assert Image.open(BytesIO(done.stdout)).size == (100, 50)


@pytest.mark.slow
def test_the_command_line_says_why_there_is_no_thumbnail(tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("no image", "utf-8")
    assert command_line.main([]) == "usage: python -m examples.functions SIZE FILE > THUMBNAIL"
    assert command_line.main(["x", "y"]) == "usage: python -m examples.functions SIZE FILE > THUMBNAIL"
    assert "No such file" in str(command_line.main(["100", str(tmp_path / "nothing")]))
    assert "text.jpg: 415 Unsupported Media Type\nSend an image" in str(command_line.main(["100", str(text)]))
    done = run("100", str(text))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Send an image" in done.stderr


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of gunicorn, which must exit cleanly."""
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    options = ["--bind", "127.0.0.1:0", "--workers", "2", "--worker-class", "gthread", "--threads", "4"]
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", *options, "examples.functions:app"]
    environ = {name: value for name, value in os.environ.items() if name != "GUNICORN_CMD_ARGS"}
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - our own
            command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stderr=errors
        )
    try:
        yield port_in(log, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    told = log.read_text("utf-8")
    assert not re.search(r"was sent SIG|\[CRITICAL\]", told), told


def port_in(log: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+) ", log.read_text("utf-8"))
        if found:
            return int(found[1])
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.02)
    pytest.fail(log.read_text("utf-8"))


@contextmanager
def answer(port: int, path: str, method: str = "GET", body: bytes | None = None) -> Iterator[HTTPResponse]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body)
        yield connection.getresponse()


@pytest.mark.server
def test_gunicorn_serves_thumbnails_and_reports(port: int) -> None:
    with answer(port, "/thumb/100", "POST", image_of("JPEG")) as reply:
        assert Image.open(BytesIO(reply.read())).size == (100, 50)
    with answer(port, "/report/machine") as reply:
        assert b"MemTotal:" in reply.read()


@pytest.mark.server
@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("exit", 502),
        ("memory", 502),
        ("fork", 502),
        ("garbage", 502),
        pytest.param("sleep", 504, marks=pytest.mark.slow),
    ],
)
def test_gunicorn_answers_for_what_misbehaves(port: int, how: str, status: int) -> None:
    with answer(port, f"/misbehave/{how}") as reply:
        assert reply.status == status
    with answer(port, "/") as reply:
        assert reply.status == 200


@pytest.mark.server
@pytest.mark.parametrize("how", [pytest.param("late", marks=pytest.mark.slow), "flood"])
def test_gunicorn_cuts_off_what_has_begun(port: int, how: str) -> None:
    with answer(port, f"/misbehave/{how}") as reply:
        assert reply.status == 200
        with pytest.raises((IncompleteRead, ConnectionError)):
            reply.read()


def test_hot_thumbnail_is_the_cold_one() -> None:
    data = image_of("PNG", size=(400, 200))
    cold = ask(100, data)
    for _ in range(2):
        hot = client.request("/hot/thumb/100", method="POST", body=data)
        assert (hot.status_code, hot.content_type, hot.body) == (200, cold.content_type, cold.body)
    assert client.request("/hot/thumb/100", method="POST", body=b"no image", status=415).status_code == 415


def count_words(path: str, text: str) -> dict[str, int]:
    counted: dict[str, int] = client.request(path, method="POST", body=text.encode()).json
    return counted


def test_command_without_microfn_counts_words_of_call_after_call() -> None:
    assert [count_words("/words", text)["words"] for text in ("one two", "zwölf", "")] == [2, 1, 0]
    first = count_words("/words", "x")["calls"]
    assert count_words("/words", "x " * 100_000) == {"words": 100_000, "calls": first + 1}


def test_node_counts_words_of_call_after_call() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    own = Agent(ram="512M")
    function = own.hot([node, str(ROOT / "examples/functions/words.js")], memory=256, timeout=60)
    answers = []
    try:
        for text in ("one two", "zwölf", "x " * 100_000):
            call = own.submit(own.get_call("POST", function=function, body=text.encode()))
            assert b" words" in call.log
            answers.append(json.loads(call.writer.getvalue()))  # type: ignore[attr-defined]
    finally:
        own.close(5)
    assert answers == [{"words": 2, "calls": 1}, {"words": 1, "calls": 2}, {"words": 100_000, "calls": 3}]
