"""The pages show the printed files and the expected behaviour of hosts."""

from __future__ import annotations

import pytest

from .cases import CASES
from .differences import DIFFERENCES
from .hosts import HOSTS, PAGES
from .pages import as_written

DOCUMENTS = sorted(PAGES.glob("*.md"))


@pytest.mark.parametrize("page", DOCUMENTS, ids=[page.stem for page in DOCUMENTS])
def test_a_page_is_as_it_would_be_written(page):
    assert as_written(page.read_text("utf-8")) == page.read_text("utf-8"), "make pages"


def test_every_page_is_in_the_list():
    listed = (PAGES / "index.md").read_text("utf-8")
    for page in DOCUMENTS:
        assert page.stem == "index" or f"({page.name})" in listed


def test_differences_name_existing_hosts_and_cases_once():
    expected = {case.name: case.expected for case in CASES}
    names = {host.name for host in HOSTS}
    told = [(one.case, host, prefix) for one in DIFFERENCES for host in one.hosts for prefix in one.prefixes]
    assert len(told) == len(set(told))
    for one in DIFFERENCES:
        assert set(one.hosts) <= names
        assert expected[one.case] != one.answer
