"""WSGI applications that a handle returns: run to their first chunk, and no further."""

from __future__ import annotations

import io

from werkzeug.wsgi import FileWrapper

from ..handles import answer


def test_application_may_start_again_before_its_first_chunk():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            raise KeyError("late")
        except KeyError as error:
            start_response("503 Busy", [("Content-Type", "text/plain")], (KeyError, error, error.__traceback__))
        return [b"busy"]

    assert answer(application).status == "503 Busy"


def test_an_application_may_not_change_it_after_its_first_chunk():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"a"
        try:
            raise KeyError("late")
        except KeyError as error:
            start_response("503 Busy", [], (KeyError, error, error.__traceback__))
        yield b"b"

    reply = answer(lambda environ, start_response: application(environ, start_response), validate=False)
    assert (reply.code, reply.body) == (200, b"a")
    assert isinstance(reply.error, KeyError)


def test_an_application_that_starts_twice_is_a_500(caplog):
    def application(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    assert answer(application).code == 500
    assert "twice" in str(caplog.records[0].exc_info[1])


def test_an_application_may_begin_with_nothing():
    def application(environ, start_response):
        yield b""
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"x"

    assert answer(lambda environ, start_response: application(environ, start_response), validate=False).body == b"x"


def test_what_is_written_before_a_file_is_sent():
    def application(environ, start_response):
        start_response("200 OK", ((name, value) for name, value in [("Content-Type", "text/plain")]))(b"AB")
        return environ["wsgi.file_wrapper"](io.BytesIO(b"cd"))

    reply = answer(application, wsgi__file_wrapper=FileWrapper, validate=False)
    assert (reply.body, reply.header_list) == (b"ABcd", [("Content-Type", "text/plain")])


def test_an_application_that_never_starts_is_a_500(caplog):
    assert answer(lambda environ, start_response: [b"x"]).code == 500
    assert "did not call start_response" in str(caplog.records[0].exc_info[1])


def test_what_an_application_writes_keeps_its_place():
    def application(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"1")

        def chunks():
            write(b"2")
            yield b"3"
            write(b"4")
            yield b"5"
            write(b"6")

        return chunks()

    assert answer(application).body == b"123456"
