"""Tests for the check of English that `make lint` runs."""

from __future__ import annotations

import pytest

from . import prose
from .documents import ROOT

FILLER = "A route matches one path if it is registered. " * 125


def problems(tmp_path, text, name="page.md"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return [str(problem) for problem in prose.check("page", [path])[1]]


def code(text):
    return f'"""{FILLER}\n\n{text}\n"""\n'


@pytest.mark.parametrize("opening", prose.OPENINGS)
def test_sentence_with_a_banned_opening_is_a_problem(opening, tmp_path):
    first, *rest = problems(tmp_path, f"A title.\n\n{opening} asks for a page reads it.\n")
    assert first.startswith(f'{(tmp_path / "page.md").as_posix()}:3: a sentence begins with "{opening}"')
    assert rest == []


@pytest.mark.parametrize(
    "text",
    [
        "A route has a name. It is unique.",
        "`What` is a class.",
        "```python\nWhat = Who\n```",
        "<!-- What is hidden. -->",
        "Whatsapp and Nobodys are other words.",
    ],
)
def test_sentence_with_another_opening_is_fine(text, tmp_path):
    assert problems(tmp_path, text) == []


def test_docstring_comment_and_attribute_are_prose(tmp_path):
    source = 'def f():\n    """What f is."""\n    # What one is.\n    one = 1\n    """What it holds."""\n'
    _rate, *sentences = problems(tmp_path, source, "module.py")
    assert [problem.split(":")[1] for problem in sentences] == ["2", "3", "5"]


@pytest.mark.parametrize(
    "source",
    [
        '"""Return one.\n\n>>> what = 1\n>>> what\nWhat is printed.\n"""\n',
        '"""Return one::\n\n    What is code.\n"""\n',
        "x = 1  # noqa: What\n",
        "x = 'What is data.'\n",
    ],
)
def test_doctest_directive_and_data_are_no_prose(source, tmp_path):
    assert problems(tmp_path, source, "module.py") == []


def test_comment_of_several_lines_is_one_text(tmp_path):
    source = "# This waits until\n# What is named so\nx = 1  # What\n# is y.\n"
    _rate, problem = problems(tmp_path, source, "module.py")
    assert problem.split(":")[1] == "3"


@pytest.mark.parametrize("name", ["Makefile", "setup.cfg"])
def test_comment_of_a_makefile_and_a_configuration_is_read(name, tmp_path):
    (problem,) = problems(tmp_path, "a = 1\nlint: all ## run it\nb = 2  # What it is\n", name)
    assert problem.split(":")[1] == "3"


@pytest.mark.parametrize(
    ("count", "expected"), [(prose.LONGEST, []), (prose.LONGEST + 1, [f"{prose.LONGEST + 1} words"])]
)
def test_long_sentence_is_a_problem(count, expected, tmp_path):
    found = problems(tmp_path, " ".join(["Word"] * count) + ".")
    assert [problem.split(" has ")[1].split(",")[0] for problem in found] == expected


@pytest.mark.parametrize("word", ["what", "where", "who"])
def test_word_over_its_rate_names_its_places(word, tmp_path):
    (problem,) = problems(tmp_path, code(f"A name says {word} and {word}.\n\n" * 5), "module.py")
    assert problem.startswith(f'page: "{word}" has ')
    assert f"module.py:{3 if word else 1}" in problem


def test_documentation_has_no_limit_of_where(tmp_path):
    assert problems(tmp_path, "A name says where. " * 10) == []
    assert problems(tmp_path, "A name says what. " * 10) != []


def test_code_without_conditions_is_a_problem(tmp_path):
    assert problems(tmp_path, code(""), "module.py") == []
    (problem,) = problems(tmp_path, code("").replace(" if ", " when "), "module.py")
    assert '"if" has 0.0 per 1,000 words, at least 5' in problem


def test_mean_sentence_is_limited(tmp_path):
    text = (" ".join(["Word"] * 20) + ". ") * 60
    assert any("20.0 words on average" in problem for problem in problems(tmp_path, text))


@pytest.mark.parametrize("area", prose.AREAS)
def test_each_pattern_of_an_area_has_files(area):
    assert [pattern for pattern in prose.AREAS[area] if not any(ROOT.glob(pattern))] == []


def test_area_has_each_file_of_its_patterns(monkeypatch, tmp_path):
    (tmp_path / "programs").mkdir()
    for name in ("module.py", "page.md", "programs/program.py"):
        (tmp_path / name).write_text("", "utf-8")
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    monkeypatch.setitem(prose.AREAS, "tests", ("**/*.py",))
    assert prose.files("tests") == [tmp_path / "module.py"]


def test_command_says_what_it_measured_and_fails(tmp_path, capsys):
    (tmp_path / "page.md").write_text("What is wrong.", "utf-8")
    (tmp_path / "module.py").write_text('"""A module."""', "utf-8")
    assert prose.main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("code: 2 words")
    assert lines[1].startswith("documents: 3 words")
    assert "page.md:1" in lines[2]
    (tmp_path / "page.md").write_text("The page is right.", "utf-8")
    assert prose.main([str(tmp_path)]) == 0
