"""Bodies in files of their own."""

from __future__ import annotations

import io

import pytest

from microfn.agent.body import spool_body


@pytest.mark.parametrize("source", [b"x" * 200_000, bytearray(b"x"), memoryview(b"x"), io.BytesIO(b"x" * 70_000)])
def test_body_is_copied_whole_into_a_file(source):
    size = len(source.getvalue() if isinstance(source, io.BytesIO) else source)
    with spool_body(source) as file:
        file.seek(0)
        assert file.read() == b"x" * size
        assert file.fileno() >= 0


@pytest.mark.parametrize("source", [b"", io.BytesIO()])
def test_empty_body_needs_no_file(source):
    assert spool_body(source) is None


@pytest.mark.parametrize("source", ["x", None, 7, io.StringIO("x")])
def test_invalid_body_is_refused(source):
    with pytest.raises(TypeError, match="body must be bytes or a binary file"):
        spool_body(source)


def test_body_that_cannot_be_read_leaves_no_file():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise ConnectionResetError
            return super().read(1)

    with pytest.raises(ConnectionResetError):
        spool_body(Broken(b"xyz"))
