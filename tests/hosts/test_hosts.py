"""The same requests through every host. Only the listed `differences` are allowed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cases import CASES, Case, observed
from .differences import expectations
from .hosts import HOSTS, Host
from .site import Site

pytestmark = pytest.mark.hosts

PLACES = [(host, prefix) for host in HOSTS for prefix in host.prefixes]


@pytest.fixture(scope="module", params=PLACES, ids=[f"{host.name} {prefix or '/'}" for host, prefix in PLACES])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Site]]:
    host, prefix = request.param
    if host.missing:
        told = f"{host.name}: there is no {', '.join(host.missing)}; {host.install}"
        if os.environ.get("MICROFN_HOSTS") == "all":
            pytest.fail(told)
        pytest.skip(told)
    # Not pytest's directory, which is private: some hosts run as another user.
    with (
        tempfile.TemporaryDirectory(prefix="microfn-hosts-") as directory,
        host.serving(Path(directory), prefix) as site,
    ):
        yield host, site


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_host_does_what_is_told(served: tuple[Host, Site], case: Case) -> None:
    host, site = served
    assert observed(case, site) == expectations(host.name, site.prefix)[case.name]
