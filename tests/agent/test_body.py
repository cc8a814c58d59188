"""Bodies in temporary files."""

from __future__ import annotations

import errno
import io
import tempfile

import pytest

from microfn.agent import Busy
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


class FullDisk(io.BytesIO):
    """A file on a full disk: it fails on write, or later when it flushes its buffer."""

    def __init__(self, fails):
        super().__init__()
        self._fails = fails

    def write(self, data):
        if self._fails == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)

    def flush(self):
        if self._fails == "flush":
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    def close(self):
        super().close()
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("fails", ["write", "flush"])
def test_full_disk_makes_the_server_busy(fails, monkeypatch, caplog):
    files = []
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: files.append(FullDisk(fails)) or files[-1])
    with pytest.raises(Busy, match="no room for the body"):
        spool_body(b"x")
    assert files[0].closed
    assert "no room for the body of a call: [Errno" in caplog.text


def test_other_errors_of_a_file_are_raised_as_they_are(monkeypatch):
    def refused():
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    with pytest.raises(PermissionError):
        spool_body(b"x")
