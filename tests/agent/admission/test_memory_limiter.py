"""The memory limit of calls, for a process or a host."""

from __future__ import annotations

import pytest

from microfn.agent import Busy, TooLarge
from microfn.agent.admission.book import Book
from microfn.agent.admission.memory_limiter import MemoryLimiter


def files(root, texts):
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_memory_of_a_process_is_counted_in_mib():
    limiter = MemoryLimiter(100)
    token = limiter.acquire(99, 0.0)
    with pytest.raises(Busy):
        limiter.acquire(2, 0.0)
    limiter.acquire(1, 0.0)
    token.release()
    with pytest.raises(TooLarge, match="needs 101 MiB of memory, but the agent has 100 MiB"):
        limiter.acquire(101, 0.0)


@pytest.mark.parametrize(("total", "memory", "files"), [(2048, 64, 4), (2048, 1, 1), (65536, 512, 1), (65536, 513, 2)])
def test_host_memory_has_128_files_at_most_of_16_mib_or_more(tmp_path, total, memory, files):
    limiter = MemoryLimiter(total, str(tmp_path))
    assert len(list(tmp_path.iterdir())) == 128
    token = limiter.acquire(memory, 0.0)
    assert token.count == files
    token.release()


def test_memory_of_a_host_is_shared_and_all_of_it_can_be_taken(tmp_path):
    one, other = MemoryLimiter(100, str(tmp_path)), MemoryLimiter(100, str(tmp_path))
    token = one.acquire(100, 0.0)
    with pytest.raises(Busy):
        other.acquire(1, 0.0)
    token.release()
    other.acquire(100, 0.0).release()


def test_memory_of_a_host_is_in_no_book(tmp_path):
    with pytest.raises(TypeError, match="has no book to replace"):
        MemoryLimiter(100, str(tmp_path)).move_to(lambda: Book(100))


def test_a_little_memory_of_a_host_is_one_file(tmp_path):
    limiter = MemoryLimiter(2, str(tmp_path))
    limiter.acquire(2, 0.0).release()
    assert [path.name for path in tmp_path.iterdir()] == ["memory-0"]
