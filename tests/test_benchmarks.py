"""The rows of the benchmarks are complete, their checks can fail, and two versions can be compared."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys

import pytest

from benchmarks import compare, everyday, measure, report, run, tables, worker
from benchmarks.contestants import MODULES, build
from benchmarks.everyday import EVERYDAY
from benchmarks.measure import Request
from benchmarks.rows import FASTEST, OTHER, SMALL, VARIANTS, Row
from benchmarks.svg import LogarithmicAxis

from .documents import ROOT

ALL = SMALL + EVERYDAY
REFERENCES = {"falcon", "bottle", "bare", "werkzeug", "plain", FASTEST}


def by_name(table):
    return pytest.mark.parametrize("row", table, ids=lambda row: row.name)


def test_rows_have_unique_names():
    """Results are kept by name."""
    names = [row.name for row in ALL]
    assert len(names) == len(set(names))
    assert len(SMALL) == 8


@by_name(ALL)
def test_row_is_complete(row):
    """Every row has microfn, its reference, a goal and a request."""
    assert "microfn" in row.builders
    assert row.reference in REFERENCES
    assert row.reference == FASTEST or row.reference in row.builders
    assert 0 < row.goal <= 3
    assert row.requests


@by_name(ALL)
def test_row_builder_is_defined(row):
    """Every contestant's module has the function that the row names, without importing any peer."""
    for contestant, builder in row.builders.items():
        source = ROOT / f"benchmarks/contestants/{MODULES.get(contestant, contestant)}.py"
        assert f"\ndef {builder}(" in source.read_text(encoding="utf-8"), (contestant, builder)


def test_row_fastest_peer_has_goal_of_one():
    """A row without a reference of its own is to stay ahead of every peer."""
    assert {row.goal for row in EVERYDAY if row.reference == FASTEST} == {1.0}


def test_quick_set_has_about_twenty_rows():
    """All small rows are quick, and some everyday rows of each kind."""
    assert 20 <= sum(row.is_quick for row in ALL) <= 25
    for kind in (everyday.RETURNED, everyday.AROUND, everyday.READ, everyday.ROUTED):
        assert any(row.is_quick for row in kind)


@by_name(ALL)
def test_microfn_answer_is_right(row):
    """microfn's contestant passes the checks of every row."""
    row.check("microfn")


@by_name(ALL)
def test_check_refuses_wrong_answer(row):
    """A check fails for another status, for no headers, and for another body or length."""
    app = build("microfn", row.builders["microfn"])
    for request in row.requests:
        status, headers, body = measure.answer(app, request)
        assert request.accepts(status, headers, body)
        assert not request.accepts("500 Internal Server Error", headers, body)
        assert not request.accepts(status, {}, body)
        other = {**headers, "content-length": "1", "location": "/other", "allow": "PUT"}
        assert not request.accepts(status, other, b"something else")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Response, status, headers", "x-version"),
        ("Response, a header later", "x-version"),
        ("Response, a cookie", "set-cookie"),
        ("(body, status, headers)", "cache-control"),
        ("Response(bytes, type)", "content-type"),
        ("redirect()", "location"),
        ("a slash redirect", "location"),
        ("a static file, 2 KB", "last-modified"),
        ("middleware sets a header", "x-version"),
        ("middleware of a group", "x-version"),
        ("request_id", "x-request-id"),
        ("security_headers", "x-content-type-options"),
        ("cors", "access-control-allow-origin"),
        ("cors", "vary"),
        ("id, log, security headers", "referrer-policy"),
        ("HEAD", "content-length"),
        ("OPTIONS", "allow"),
        ("405", "allow"),
    ],
)
def test_check_needs_header(name, header):
    """A check fails if the header that its row is about is missing."""
    (row,) = (row for row in ALL if row.name == name)
    request = row.requests[0]
    status, headers, body = measure.answer(build("microfn", row.builders["microfn"]), request)
    assert request.accepts(status, headers, body)
    del headers[header]
    assert not request.accepts(status, headers, body)


def test_check_of_log_needs_new_line(monkeypatch):
    """The access log is checked by its last line."""
    (row,) = (row for row in ALL if row.name == "access_log")
    status, headers, body = measure.answer(build("microfn", "access_log"), row.requests[0])
    assert row.requests[0].accepts(status, headers, body)
    monkeypatch.setattr(everyday, "LOG", ['{"method": "GET", "pattern": null, "path": "/text", "ms": 1}'])
    assert not row.requests[0].accepts(status, headers, body)


def row_named(name):
    (row,) = (row for row in ALL if row.name == name)
    return row


def test_contestant_that_does_not_log_fails():
    """Each contestant has to write its own line, also after another one that wrote it."""
    row = row_named("access_log")
    row.check("microfn")
    with pytest.raises(AssertionError, match=r"^silent answers GET /text"):
        measure.check("silent", build("microfn", "security_headers"), row.requests)


@pytest.mark.parametrize(
    ("name", "builder"),
    [("no-op middleware", "middleware_three"), ("three no-op middlewares", "middleware_one")],
)
def test_check_counts_middlewares(name, builder):
    """A contestant that calls its middlewares less or more often fails."""
    with pytest.raises(AssertionError):
        measure.check("other", build("microfn", builder), row_named(name).requests)


def test_check_counts_chunks():
    """A stream that is sent as a whole fails."""

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        return [everyday.CHUNK * everyday.CHUNKS]

    with pytest.raises(AssertionError):
        measure.check("whole", app, row_named("a stream").requests)


def test_body_has_to_be_read():
    """A contestant that knows only the length of the body fails."""

    def app(environ, start_response):
        body = environ["CONTENT_LENGTH"].encode()
        start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    with pytest.raises(AssertionError):
        measure.check("lazy", app, row_named("a body of 1 MB").requests)


def test_reading_copies():
    """No way to read a body returns the very object that the harness has."""
    body = b"x" * 1000
    assert measure.input_of(body).getvalue() == body
    for read in (
        lambda stream: stream.read(),
        lambda stream: stream.read(1000),
        lambda stream: stream.read1(),
        lambda stream: stream.readline(),
        lambda stream: stream.readlines()[0],
        lambda stream: next(stream),
    ):
        found = read(measure.input_of(body))
        assert found == body
        assert found is not body


@pytest.mark.parametrize(
    "name", ["a form", "a query argument", "three query arguments", "a cookie", "url_for", "request_id"]
)
def test_row_sends_two_requests(name):
    """A contestant that always answers the same fails."""
    assert len(row_named(name).requests) == 2


def test_turn_is_long_enough():
    """The number of requests comes from many of them, not from one that was slow."""
    slow, now = [0.05], [0.0]

    def app(environ, start_response):
        now[0] += slow.pop() if slow else 0.0005
        start_response("200 OK", [])
        return [b""]

    timer = measure.Timer(app, [Request("GET", "/", 200).environ()], [b""], lambda: now[0])
    assert 20 <= timer.count(0.02) <= 40


def test_fastest_peer_is_not_always_reference():
    """Another framework than the reference can be the fastest, and it counts in the summary."""
    median = {"microfn": 2.0, "falcon": 1.0, "bottle": 4.0, "bare": 0.5}
    row = {"median": median, "reference": "bottle", "ratio": 0.5, "goal": 1.0}
    assert report.fastest_peer(row) == ("falcon", 2.0)
    assert report._everyday_summary({"row": row}).endswith("In 1 of 1 everyday rows, another framework was faster.")


def test_axis_contains_all_values():
    """An axis goes from one power of ten to another, and no value is held at its ends."""
    axis = LogarithmicAxis.around([0.04, 7.75, -0.01], 0, 100)
    assert (axis.lowest, axis.highest) == (0.01, 10)
    assert axis.powers == [0.01, 0.1, 1, 10]
    assert axis.place(-0.01) == 0
    assert 0 < axis.place(0.04) < axis.place(7.75) < 100


def test_run_without_servers_has_no_figures_of_them():
    """Servers that were not measured are not shown with the figures of an older run."""
    results = json.loads((ROOT / "benchmarks/results.json").read_text("utf-8"))
    assert "Not measured in this run." in report.text({**results, "sockets": {}})


def test_row_check_names_contestant():
    """The message of a failed check names the row, the contestant and the answer."""
    wrong = Row("wrong", {"microfn": "small"}, (Request("GET", "/none", 200),), FASTEST, 1.0)
    with pytest.raises(AssertionError, match=r"^wrong: microfn answers GET /none with 404 Not Found"):
        wrong.check("microfn")


def test_only_status_skips_headers():
    """A contestant that is known to lack a header is checked by its status alone."""
    strict = Row("strict", {"microfn": "small"}, (Request("GET", "/", 200, lambda body, headers: False),), FASTEST, 1.0)
    with pytest.raises(AssertionError):
        strict.check("microfn")
    dataclasses.replace(strict, only_status=("microfn",)).check("microfn")


TIMED = {"microfn": [3.0, 3.0], "falcon": [2.0, 4.0], "flask": [9.0, 9.0], "bare": [1.0, 1.0]}


def test_figures_use_fastest_peer():
    """The fastest peer is neither microfn nor bare, and the ratio is the median of the rounds'."""
    found = run.figures_of(Row("row", {}, (), FASTEST, 1.0), TIMED)
    assert found == {
        "median": {"microfn": 3.0, "falcon": 3.0, "flask": 9.0, "bare": 1.0},
        "reference": "falcon",
        "ratio": 1.125,
        "goal": 1.0,
    }


def test_figures_use_own_reference():
    """A row that names its reference is compared with that."""
    found = run.figures_of(Row("row", {}, (), "bare", 2.0), TIMED)
    assert (found["reference"], found["ratio"]) == ("bare", 3.0)


def test_figures_of_overhead_subtract_bare():
    """Small rows are compared by the time beyond the bare function's."""
    found = run.figures_of(Row("row", {}, (), FASTEST, 0.4, is_overhead=True), TIMED)
    assert found["overhead"] == pytest.approx((2 / 1 + 2 / 3) / 2)


def test_description_tells_if_goal_is_reached():
    """The line of a row has ratio, reference and goal."""
    assert (
        run.described({"ratio": 1.2, "reference": "falcon", "goal": 1.3}) == "1.20 of falcon's time, goal 1.3 reached"
    )
    assert run.described({"overhead": 0.5, "fastest peer": "flask", "goal": 0.4}).endswith("goal 0.4 missed")


def test_readme_without_marks_is_refused():
    """The sentence about the last run replaces only the text between the marks."""
    with pytest.raises(ValueError, match="must have the marks"):
        report.readme("# microfn\n", {"requests": {}})


def test_cases_have_all_microfn_rows():
    """The comparison of versions has the small rows with their variants, the everyday rows and other answers."""
    others = [name for name, (contestant, _, _) in OTHER.items() if contestant == "microfn"]
    assert len(worker.cases()) == len(SMALL) * (1 + len(VARIANTS)) + len(EVERYDAY) + len(others)


def test_session_goes_on_after_row_that_fails():
    """A row that cannot be built is an error, and the next row can follow."""
    session = worker.Session(0.0001)
    session._cases["broken"] = ("no_such_builder", (), ())
    with pytest.raises(AttributeError):
        session.answer({"prepare": "broken"})
    assert session.answer({"prepare": "hello"}) >= 0
    session.answer({"begin": 3})
    assert isinstance(session.answer({"turn": True}), float)


def test_line_marks_slower_row():
    """Only more than 3 % is marked, with a question mark if the runs do not agree."""
    assert compare.line("row", compare.Result(1, 1, 1.03, [1.01, 1.05])).endswith("(1.010 to 1.050)")
    assert compare.line("row", compare.Result(1, 1, 1.04, [1.01, 1.05])).endswith("   slower")
    assert compare.line("row", compare.Result(1, 1, 1.04, [0.99, 1.05])).endswith("   slower?")


def test_worker_refuses_other_package(tmp_path):
    """If a worker would time another microfn than the requested one, it ends with a message."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.worker", str(tmp_path / "microfn"), "0.001"],
        cwd=ROOT,
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 1
    assert done.stderr == f"microfn must be imported from {tmp_path / 'microfn'}, got {ROOT / 'microfn'}\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with the package and the benchmarks of this checkout, and a commit before microfn."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    directory = tmp_path_factory.mktemp("repository")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]

    def git(*arguments):
        subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=empty")
    git("tag", "empty")
    for package in ("microfn", "benchmarks"):
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    git("add", "microfn", "benchmarks")
    git("commit", "--quiet", "--message=microfn")
    return directory


def run_compare(repository, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.compare", *arguments],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], compare.REF_IS_WRONG),
        (["--ref=nope"], f"{compare.REF_IS_WRONG} Got 'nope'."),
        (["--ref=--all"], f"{compare.REF_IS_WRONG} Got '--all'."),
        (["--ref=empty"], "'empty' has no package microfn."),
        (["--ref=HEAD", "--rows=#"], "No row name contains '#'."),
        (
            ["--ref=HEAD", "--rows=steam"],
            "No row name contains 'steam'. The nearest are: a stream; a stream, middleware.",
        ),
    ],
)
def test_compare_refuses_wrong_argument(repository, monkeypatch, capsys, arguments, message):
    """A wrong reference or pattern is one line and the exit code 2."""
    monkeypatch.setattr(compare, "ROOT", repository)
    monkeypatch.setattr(compare.signal, "signal", lambda number, handler: None)
    assert compare.main(arguments) == 2
    assert capsys.readouterr() == ("", f"bench-compare: {message}\n")


@pytest.mark.slow
def test_compare_names_version_that_cannot_be_imported(repository):
    """A package that cannot be imported is one line that names the side."""
    module = repository / "microfn/__init__.py"
    source = module.read_text("utf-8")
    module.write_text("import no_such_module\n", "utf-8")
    done = run_compare(repository, "--ref=HEAD", "--rows=hello", "--runs=1", "--rounds=1")
    module.write_text(source, "utf-8")
    reason = "ModuleNotFoundError: No module named 'no_such_module'"
    assert done.stderr == f"bench-compare: this checkout cannot be imported: {reason}\n"
    assert done.returncode == 1


def test_compare_shows_error_of_git(tmp_path, monkeypatch, capsys):
    """Outside a repository, git's own message is shown."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    monkeypatch.setattr(compare, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(compare.signal, "signal", lambda number, handler: None)
    assert compare.main(["--ref=HEAD"]) == 2
    assert capsys.readouterr().err.startswith("bench-compare: fatal: not a git repository")


@pytest.mark.slow
def test_compare_times_commit_and_checkout(repository):
    """A commit is timed beside the checkout, whose changes count though they are not committed."""
    module = repository / "microfn/middleware/cors.py"
    source = module.read_text("utf-8")
    module.write_text(source.replace("replace_headers(response", "replace_lost_headers(response"), "utf-8")
    done = run_compare(repository, "--ref=HEAD", "--rows=co", "--runs=1", "--rounds=2")
    module.write_text(source, "utf-8")
    assert done.returncode == 1, done.stderr
    lines = {line[:32].strip(): line[32:].strip() for line in done.stdout.splitlines()}
    assert lines["cors"].startswith(
        "this checkout cannot run this row: AssertionError: cors answers GET /text with 500"
    )
    old, new, ratio, *_ = lines["a cookie"].split()
    assert float(old) > 0
    assert float(new) > 0
    assert float(ratio) > 0


def test_changes_are_timed_one_by_one_and_as_a_block():
    seconds = tables.seconds_of_changes(203, 2)
    assert {name: len(times) for name, times in seconds.items()} == {"one": 2, "block": 2}
    assert min(seconds["one"] + seconds["block"]) > 0


@pytest.mark.parametrize("size", tables.SIZES)
def test_made_up_tables_have_as_many_routes(size):
    assert len(set(tables.routes(size))) == size
