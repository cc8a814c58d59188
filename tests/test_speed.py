"""The gate against slow requests: ratios within one run, with a margin that a busy machine does not use up."""

from __future__ import annotations

import time

import pytest

from benchmarks.contestants import build
from benchmarks.everyday import EVERYDAY
from benchmarks.measure import Request, check, drive, race, ratio
from benchmarks.rows import SMALL, variants

pytestmark = pytest.mark.speed

# Multiples of the bare function for the same row, each about twice the value of a quiet machine.
MOST = {
    "hello": 28,
    "1 param": 9,
    "JSON": 2.2,
    "404": 22,
    "405": 22,
    "POST JSON echo": 2.4,
    "203 routes, middle": 9,
    "203 routes, end": 10,
}


ROWS = {row.name: row for row in SMALL}


@pytest.mark.parametrize("name", MOST)
def test_a_request_costs_no_more_than_so_many_bare_ones(name):
    row = ROWS[name]
    apps = {contestant: build(contestant, row.builders[contestant]) for contestant in ("microfn", "bare")}
    timed = race(apps, dict.fromkeys(apps, row.requests), rounds=9, seconds=0.01)
    assert ratio(timed, "microfn", "bare") < MOST[name]


# Multiples of the smallest request, `str`, each about twice the value of a quiet machine.
MOST_OF_EVERYDAY = {
    "Response(bytes, type)": 6,
    "Response, status, headers": 9,
    "(body, status, headers)": 10,
    "redirect()": 8,
    "abort(404)": 30,
    "an error handler": 15,
    "a stream": 170,
    "a static file, 2 KB": 60,
    "middleware sets a header": 12,
    "request_id": 20,
    "access_log": 25,
    "security_headers": 16,
    "cors": 20,
    "id, log, security headers": 65,
    "three query arguments": 13,
    "an upload, 10 KB": 380,
    "HostSwitch": 4,
    "trusted_hosts": 7,
}
EVERYDAY_ROWS = {row.name: row for row in EVERYDAY}


@pytest.mark.parametrize("name", MOST_OF_EVERYDAY)
def test_an_everyday_request_costs_so_many_small_ones_at_most(name):
    rows = {"row": EVERYDAY_ROWS[name], "small": EVERYDAY_ROWS["str"]}
    apps = {which: build("microfn", row.builders["microfn"]) for which, row in rows.items()}
    timed = race(apps, {which: row.requests for which, row in rows.items()}, rounds=9, seconds=0.01)
    assert ratio(timed, "row", "small") < MOST_OF_EVERYDAY[name]


def test_a_mount_among_a_thousand_costs_as_much_as_one_alone():
    from microfn import Router

    def application(environ, start_response):
        start_response("200 OK", [])
        return []

    apps = {}
    for count in 1, 1000:
        apps[str(count)] = Router()
        for number in range(count):
            apps[str(count)].mount(f"/api/{number}", application)
    timed = race(apps, {size: [Request("GET", "/api/0/x", 200)] for size in apps}, rounds=9, seconds=0.01)
    assert ratio(timed, "1000", "1") < 2


@pytest.mark.parametrize("name", ["hello", "404", "203 routes, middle"])
def test_middleware_and_response_cost_as_much_as_a_request(name):
    """Both together take about the time of a small request."""
    row = ROWS[name]
    apps = {variant: build(variant, builder) for variant, builder in variants(row).items() if variant != "falcon"}
    timed = race(apps, dict.fromkeys(apps, row.requests), rounds=9, seconds=0.01)
    assert ratio(timed, "middleware", "plain") < 5
    assert ratio(timed, "Response", "plain") < 4


def test_a_miss_among_many_routes_costs_less_than_a_few_hits():
    asked = {
        "hit": [Request("GET", "/repos/ann/x/keys", 200)],
        "404": [Request("GET", "/repos/ann/x/nope", 404)],
        "405": [Request("PATCH", "/repos/ann/x/keys", 405)],
        "redirect": [Request("GET", "/Repos/ann/x/keys/", 301)],
    }
    timed = race(dict.fromkeys(asked, build("microfn", "github")), asked, rounds=9, seconds=0.01)
    assert ratio(timed, "404", "hit") < 4
    assert ratio(timed, "405", "hit") < 4
    assert ratio(timed, "redirect", "hit") < 8


def test_a_large_table_answers_about_as_fast_as_a_small_one():
    from benchmarks.tables import paths_of, routes
    from microfn import Router

    large = Router()
    for method, pattern in routes(5_000):
        large.handle(method, pattern, lambda request, params: "ok")
    asked = [Request("GET", path, 200) for path in paths_of([pattern for _, pattern in routes(5_000)])]
    small = [Request("GET", "/users/ann/keys", 200)]
    apps = {"large": large, "small": build("microfn", "github")}
    timed = race(apps, {"large": asked, "small": small}, rounds=9, seconds=0.01)
    assert ratio(timed, "large", "small") < 2.5


@pytest.mark.parametrize("path", ["/" + "x" * 1_000_000, "/" * 1_000_000, "/x" * 500_000, "/.." * 300_000])
def test_a_path_of_a_megabyte_is_linear_work(path):
    app = build("microfn", "small")

    def spent(request):
        """CPU seconds, which other processes do not add to."""
        environ, times = request.environ(), []
        for _ in range(7):
            began = time.thread_time()
            drive(app, [environ], [b""])
            times.append(time.thread_time() - began)
        return min(times)

    whole, half = (Request("GET", path[:size], 414) for size in (len(path), len(path) // 2))
    check("whole", app, [whole])
    assert spent(whole) < 4 * spent(half)
