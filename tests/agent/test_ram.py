"""The memory that calls take, of a process or of a host."""

from __future__ import annotations

import pytest

from microfn.agent import Busy, TooLarge
from microfn.agent.ram import Ram


def files(root, texts):
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_memory_of_a_process_is_counted_in_mib():
    ram = Ram(100, None, lambda: None)
    token = ram.take(99, 0.0)
    with pytest.raises(Busy):
        ram.take(2, 0.0)
    ram.take(1, 0.0)
    token.give_back()
    with pytest.raises(TooLarge, match="takes 101 MiB of memory, and there are 100"):
        ram.take(101, 0.0)


@pytest.mark.parametrize(("total", "memory", "files"), [(2048, 64, 4), (2048, 1, 1), (65536, 512, 1), (65536, 513, 2)])
def test_host_memory_has_128_files_at_most_of_16_mib_or_more(tmp_path, total, memory, files):
    ram = Ram(total, str(tmp_path), lambda: None)
    assert len(list(tmp_path.iterdir())) == 128
    token = ram.take(memory, 0.0)
    assert token.count == files
    token.give_back()


def test_memory_of_a_host_is_shared_and_all_of_it_can_be_taken(tmp_path):
    one, other = Ram(100, str(tmp_path), lambda: None), Ram(100, str(tmp_path), lambda: None)
    token = one.take(100, 0.0)
    with pytest.raises(Busy):
        other.take(1, 0.0)
    token.give_back()
    other.take(100, 0.0).give_back()


def test_a_little_memory_of_a_host_is_one_file(tmp_path):
    ram = Ram(2, str(tmp_path), lambda: None)
    ram.take(2, 0.0).give_back()
    assert [path.name for path in tmp_path.iterdir()] == ["memory-0"]
