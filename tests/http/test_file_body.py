"""Files as bodies: as long as promised, and found inside the wrappers of servers."""

from __future__ import annotations

import gzip
import io
import os
from io import FileIO
from wsgiref.util import FileWrapper as FilelikeWrapper

import pytest
from gunicorn.http.wsgi import FileWrapper as GunicornWrapper
from waitress.buffers import ReadOnlyFileBasedBuffer
from werkzeug.wsgi import FileWrapper

from microfn.http.file_body import FilePart, find_file, is_file, wrap_part

from ..wsgi import environ_of


class HidingWrapper:
    """As bjoern's: it keeps the file to itself."""

    def __init__(self, file, block_size):
        self._file = file


def returned(file, block_size):
    """As uWSGI's."""
    return file


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(100)))
    return path


def test_a_part_of_a_file_is_a_file_without_more(path):
    part = FilePart(FileIO(path), 10, 20)
    assert not hasattr(part, "fileno")
    assert part.read() == bytes(range(10, 30))
    assert (part.read(), part.read(5), part.read(None), part.tell()) == (b"", b"", b"", 20)
    assert (part.seek(5), part.read(3)) == (5, bytes(range(15, 18)))
    assert (part.seek(2, os.SEEK_CUR), part.read(1)) == (10, b"\x14")
    assert (part.seek(-2, os.SEEK_END), part.read(9), part.tell()) == (18, bytes([28, 29]), 20)
    assert (part.seek(-5), part.read(1)) == (0, b"\x0a")
    assert (part.seek(500), part.read(1)) == (20, b"")
    part.close()
    with pytest.raises(ValueError, match="closed"):
        part.read(1)


def test_a_part_of_a_file_that_became_shorter_ends_in_an_error(path):
    part = FilePart(FileIO(path), 10, 20)
    os.truncate(path, 15)
    assert part.read(20) == bytes(range(10, 15))
    with pytest.raises(EOFError, match="the file became shorter while it was sent: 5 of 20 bytes were sent"):
        part.read(1)
    part.close()


@pytest.mark.parametrize("wrapper", [FilelikeWrapper, GunicornWrapper, ReadOnlyFileBasedBuffer, FileWrapper])
def test_file_is_found_in_the_wrappers_of_servers(wrapper, path):
    with path.open("rb") as file:
        body = wrapper(file, 8192)
        assert find_file(body, environ_of(wsgi__file_wrapper=wrapper)) is file
        known = environ_of(wsgi__file_wrapper=lambda file, block_size: body)
        assert find_file(body, known) is (file if wrapper is FileWrapper else None)


def test_body_that_is_the_file_is_found(path):
    for file in path.open("rb"), FileIO(path), io.BytesIO(b"ab"):
        assert find_file(returned(file, 8192), environ_of(wsgi__file_wrapper=returned)) is file
        file.close()


@pytest.mark.parametrize("wrapper", [None, FilelikeWrapper, GunicornWrapper, ReadOnlyFileBasedBuffer])
def test_part_of_a_file_is_found_as_one(wrapper, path):
    part = FilePart(FileIO(path), 0, 5)
    environ = environ_of(wsgi__file_wrapper=wrapper)
    assert find_file(wrap_part(part, environ), environ) is part
    part.close()


class Pipe(io.BytesIO):
    """A file that cannot seek."""

    def seekable(self):
        return False


class Unpacked:
    """A stream of its own beside the file that it comes from."""

    def __init__(self, file):
        self.file = self.filelike = file

    def __iter__(self):
        return iter(gzip.GzipFile(fileobj=self.file))

    def read(self, size):
        return gzip.GzipFile(fileobj=self.file).read(size)

    def seekable(self):
        return True


@pytest.mark.parametrize("wrapper", [None, FilelikeWrapper, HidingWrapper, returned])
def test_no_file_is_taken_for_what_it_is_not(wrapper):
    wrap = wrapper or FileWrapper
    bodies = [wrap(Pipe(), 8192), HidingWrapper(io.BytesIO(), 8192), Unpacked(io.BytesIO()), io.StringIO("é"), iter([])]
    for body in bodies:
        assert find_file(body, environ_of(wsgi__file_wrapper=wrapper)) is None


@pytest.mark.parametrize(
    ("wrapper", "is_own"), [(None, False), (FilelikeWrapper, True), (HidingWrapper, True), (returned, False)]
)
def test_part_is_wrapped_as_the_server_wraps_files(wrapper, is_own, path):
    part = FilePart(FileIO(path), 0, 5)
    environ = environ_of(wsgi__file_wrapper=wrapper)
    body = wrap_part(part, environ)
    assert is_file(body, environ) is is_own
    if wrapper is None:
        assert type(body) is FileWrapper
    assert body is part if wrapper is returned else type(body) in (wrapper, FileWrapper)
    part.close()
