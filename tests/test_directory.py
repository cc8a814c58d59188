"""Files are opened below a directory, even if they move."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from microfn import Router
from microfn.directory import Directory

from .wsgi import call

REQUESTS = 2000


@pytest.fixture
def root(tmp_path) -> Path:
    root = tmp_path / "site" / "root"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "sub" / "deep" / "a.txt").write_text("inside", "utf-8")
    (tmp_path / "evil" / "root" / "sub" / "deep").mkdir(parents=True)
    (tmp_path / "evil" / "root" / "sub" / "deep" / "a.txt").write_text("SECRET", "utf-8")
    return root


@pytest.fixture(params=["descriptors", "paths"])
def way(request, monkeypatch):
    """The implementation for systems with descriptors of directories, and the other one."""
    if request.param == "paths":
        monkeypatch.setattr(os, "supports_dir_fd", set())
    return request.param


def read(directory, path):
    file = directory.open(str(path))
    if file is None:
        return None
    with file.content:
        return file.content.read()


def replace_by_link(path, target):
    path.rename(path.with_name("moved"))
    path.symlink_to(target)


@contextmanager
def no_descriptors():
    """Every descriptor is in use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def swapping(monkeypatch, swap):
    """Call `swap` once, just before a file is opened, but not for directories."""
    opening, left = os.open, [swap]

    def swap_and_open(path, flags, *more, **options):
        if str(path).endswith("a.txt") and left:
            left.pop()()
        return opening(path, flags, *more, **options)

    monkeypatch.setattr(os, "open", swap_and_open)


def test_a_file_and_a_link_that_stays_inside_are_opened(root, way):
    (root / "link.txt").symlink_to("sub/deep/a.txt")
    (root / "link").symlink_to("sub")
    directory = Directory(str(root))
    for name in "sub/deep/a.txt", "link.txt", "link/deep/a.txt":
        assert read(directory, root / name) == b"inside"
    file = directory.open(str(root / "link.txt"))
    file.content.close()
    assert file.path == str(root / "sub" / "deep" / "a.txt")


def test_a_link_that_leads_out_is_not_followed(root, tmp_path, way):
    (root / "out").symlink_to(tmp_path / "evil")
    (root / "out.txt").symlink_to(tmp_path / "evil" / "root" / "sub" / "deep" / "a.txt")
    directory = Directory(str(root))
    assert read(directory, root / "out" / "root" / "sub" / "deep" / "a.txt") is None
    assert read(directory, root / "out.txt") is None
    assert read(directory, tmp_path / "evil" / "root" / "sub" / "deep" / "a.txt") is None


@pytest.mark.parametrize("name", ["nothing", "sub", "sub/deep/a.txt/b", "sub/\ud800", "sub/\0", "fifo", "x" * 5000])
def test_anything_but_a_regular_file_is_none(root, way, name):
    os.mkfifo(root / "fifo")
    assert read(Directory(str(root)), f"{root}/{name}") is None


@pytest.fixture
def app(root):
    app = Router()
    app.serve_files("/*path", str(root), index="index.html", precompressed=True)
    return app


@pytest.mark.parametrize("path", ["/sub/deep/a.txt", "/sub/deep", "/nothing/"])
def test_too_many_open_files_are_a_500_that_is_logged(root, way, app, caplog, path):
    """The file may exist, so a 404, which caches keep, would be wrong."""
    with no_descriptors():
        assert call(app, path=path).code == 500
    assert [record.exc_info[1].errno for record in caplog.records] == [errno.EMFILE]


@pytest.mark.parametrize("failing", ["open", "stat"])
def test_a_shortage_behind_a_link_is_no_404(root, monkeypatch, way, failing):
    (root / "link.txt").symlink_to("sub/deep/a.txt")
    directory, before = Directory(str(root)), len(os.listdir("/dev/fd"))
    real, name = getattr(os, failing), {"open": "a.txt", "stat": f"{root}/link.txt"}[failing]

    def fail(path, *more, **options):
        if str(path).endswith(name):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *more, **options)

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        directory.open(str(root / "link.txt"))
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("part", ["sub", "sub/deep"])
def test_a_parent_that_becomes_a_link_leads_nowhere(root, tmp_path, monkeypatch, way, part):
    directory, before = Directory(str(root)), len(os.listdir("/dev/fd"))
    swapping(monkeypatch, lambda: replace_by_link(root / part, tmp_path / "evil" / "root" / part))
    assert read(directory, root / "sub" / "deep" / "a.txt") in (b"inside", None)
    assert read(directory, root / "sub" / "deep" / "a.txt") is None
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "nothing"])
def test_a_file_replaced_while_it_is_opened_is_none(root, tmp_path, monkeypatch, way, kind):
    directory, before = Directory(str(root)), len(os.listdir("/dev/fd"))
    path = root / "sub" / "deep" / "a.txt"

    def swap():
        path.unlink()
        if kind == "link":
            path.symlink_to(tmp_path / "evil" / "root" / "sub" / "deep" / "a.txt")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "directory":
            path.mkdir()

    swapping(monkeypatch, swap)
    assert read(directory, path) is None
    assert len(os.listdir("/dev/fd")) == before


def test_a_link_above_the_root_leads_nowhere(root, tmp_path, way):
    directory, before = Directory(str(root)), len(os.listdir("/dev/fd"))
    replace_by_link(tmp_path / "site", tmp_path / "evil")
    assert read(directory, root / "sub" / "deep" / "a.txt") is None
    assert len(os.listdir("/dev/fd")) == before


def test_a_root_that_is_made_again_is_served(root, way):
    directory = Directory(str(root))
    root.rename(root.with_name("old"))
    assert read(directory, root / "sub" / "deep" / "a.txt") is None
    shutil.copytree(root.with_name("old"), root)
    for _ in range(2):
        assert read(directory, root / "sub" / "deep" / "a.txt") == b"inside"


def test_the_top_of_all_may_be_the_root(root, monkeypatch):
    directory = Directory("/")
    assert read(directory, root / "sub" / "deep" / "a.txt") == b"inside"
    monkeypatch.setattr(directory, "_identity", None)
    assert read(directory, root / "sub" / "deep" / "a.txt") == b"inside"


def test_a_path_without_a_directory_is_refused(root):
    for path in root / "nothing", root / "sub" / "deep" / "a.txt":
        with pytest.raises(ValueError, match="directory must be an existing directory"):
            Directory(str(path))


def test_a_race_for_a_parent_never_leaks(root, tmp_path):
    """A thread exchanges a directory for a link that leads out, and back, while the file in it is asked for."""
    app, is_over, seen = Router(), threading.Event(), set()
    app.serve_files("/*path", str(root))
    sub, moved, link = root / "sub", root / "moved", root / "link"
    link.symlink_to(tmp_path / "evil" / "root" / "sub")

    def swap():
        while not is_over.is_set():
            sub.rename(moved)
            link.rename(sub)
            sub.rename(link)
            moved.rename(sub)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(REQUESTS):
            reply = call(app, path="/sub/deep/a.txt")
            seen.add((reply.code, b"SECRET" in reply.body))
    finally:
        is_over.set()
        thread.join()
    assert seen <= {(200, False), (404, False)}
