"""Sizes in human notation, and the available memory according to Linux's files."""

from __future__ import annotations

import pytest

from microfn.agent.memory import MIB, check_memory, size_of, total

GIB = 1024 * MIB


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1M", MIB),
        ("2048K", 2 * MIB),
        ("2G", 2 * GIB),
        ("2GiB", 2 * GIB),
        ("2GB", 2 * GIB),
        ("1T", 1024 * GIB),
        (MIB, MIB),
        (3 * GIB + 1, 3 * GIB + 1),
    ],
)
def test_a_size_is_bytes_or_a_text(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "2", "2 G", "-2G", "2g", "2.5G", "G", "٢G", "9999999999G", "2G\n", "1K"])
def test_a_text_that_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match=r"size"):
        size_of(text)


@pytest.mark.parametrize("value", [None, 1.5, True, b"2G", [], float("nan")])
def test_what_is_neither_bytes_nor_a_text_is_refused(value):
    with pytest.raises(TypeError, match="a size must be a number of bytes"):
        size_of(value)


@pytest.mark.parametrize("value", [0, -1, MIB - 1])
def test_less_than_a_mib_is_no_size(value):
    with pytest.raises(ValueError, match=r'1048576 bytes or more, got .*; did you mean ".*M"\?'):
        size_of(value)


def test_the_memory_of_a_function_is_mib_or_a_text():
    assert [check_memory(64), check_memory("64M"), check_memory("2G")] == [64, 64, 2048]


@pytest.mark.parametrize("value", [None, 1.5, True, b"64", ()])
def test_memory_that_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="memory must be a number of MiB"):
        check_memory(value)


@pytest.mark.parametrize("value", [0, -64, 2**60])
def test_memory_that_cannot_be_is_refused(value):
    with pytest.raises(ValueError, match="memory must be between 1 and"):
        check_memory(value)


def files(root, texts):
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 16777216 kB\nMemFree: 1 kB\nMemAvailable: 8388608 kB\n"}
V2 = {"proc/self/cgroup": "0::/a/b\n"}
V1 = {"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/\n"}
HUGE = str(2**63 - 4096)
MEMORY = {
    "only the machine's": (MEMINFO, 8 * GIB),
    "a control group of version 2": (MEMINFO | V2 | {"sys/fs/cgroup/a/b/memory.max": f"{GIB}\n"}, GIB),
    "one around it": (
        MEMINFO | V2 | {"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": f"{2 * GIB}\n"},
        2 * GIB,
    ),
    "the outermost": (MEMINFO | V2 | {"sys/fs/cgroup/memory.max": f"{3 * GIB}\n"}, 3 * GIB),
    "the least of all": (
        MEMINFO | V2 | {"sys/fs/cgroup/a/b/memory.max": f"{5 * GIB}", "sys/fs/cgroup/a/memory.max": f"{4 * GIB}"},
        4 * GIB,
    ),
    "more than there is": (MEMINFO | V2 | {"sys/fs/cgroup/a/b/memory.max": f"{64 * GIB}"}, 8 * GIB),
    "a control group of version 1": (
        MEMINFO | V1 | {"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": f"{GIB}\n"},
        GIB,
    ),
    "no limit in version 1": (MEMINFO | V1 | {"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": HUGE}, 8 * GIB),
    "one around it in version 1": (
        MEMINFO
        | V1
        | {
            "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": HUGE,
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}",
        },
        2 * GIB,
    ),
    "what is not to be read": (MEMINFO | V2 | {"sys/fs/cgroup/a/b/memory.max": "?"}, 8 * GIB),
    "control groups alone": (V2 | {"sys/fs/cgroup/a/memory.max": f"{GIB}"}, GIB),
}


@pytest.mark.parametrize(("texts", "size"), MEMORY.values(), ids=MEMORY)
def test_there_is_what_the_machine_and_all_control_groups_leave(tmp_path, texts, size):
    assert total(files(tmp_path, texts)) == size


def test_where_nothing_tells_how_much_there_is_it_has_to_be_said(tmp_path):
    with pytest.raises(RuntimeError, match=r'say it: Agent\(ram="2G"\)'):
        total(tmp_path)


def test_this_machine_has_memory():
    assert total() > 16 * MIB
