"""Security schemes, and requirements that name them."""

from __future__ import annotations

import pytest

from microfn.openapi.security import Security

TOKEN = {"type": "http", "scheme": "bearer"}


def test_requirements_name_schemes_that_are_there():
    security = Security({"token": TOKEN, "k.e-y_1": {"type": "apiKey", "in": "header", "name": "X-Key"}})
    assert list(security.schemes) == ["token", "k.e-y_1"]
    given = ({"token": []}, {"k.e-y_1": [], "token": ["read"]}, {})
    assert security.requirements(given, "security of GET /") == list(given)
    assert security.requirements((), "security of GET /") == []
    assert Security(None).schemes == {}


@pytest.mark.parametrize(
    ("schemes", "message"),
    [
        (
            None,
            r"security of GET / must name security_schemes, got 'tokn'; there are none: openapi\(app, ..., security_",
        ),
        ({"token": TOKEN}, "security of GET / must name security_schemes, got 'tokn'; did you mean 'token'?"),
        ({"x": TOKEN, "y": TOKEN}, "security of GET / must name security_schemes, got 'tokn'; there are x, y"),
    ],
)
def test_a_name_that_no_scheme_has_is_refused_with_its_place(schemes, message):
    with pytest.raises(ValueError, match=message):
        Security(schemes).requirements([{}, {"tokn": []}], "security of GET /")


@pytest.mark.parametrize(
    ("schemes", "error", "message"),
    [
        ("token", TypeError, "security_schemes must be a mapping of names to schemes, got 'token'"),
        (["token"], TypeError, r"security_schemes must be a mapping of names to schemes, got \['token'\]"),
        ({7: TOKEN}, TypeError, "security_schemes must have names that are texts, got 7"),
        ({"käse": TOKEN}, ValueError, "security_schemes must have names of ASCII letters, .*, got 'käse'"),
        ({"": TOKEN}, ValueError, "security_schemes must have names of ASCII letters, .*, got ''"),
        ({"a\n": TOKEN}, ValueError, "security_schemes must have names of ASCII letters"),
        ({"a": "bearer"}, TypeError, "security_schemes must have schemes that are dicts, got 'bearer' for 'a'"),
        ({"a": {}}, TypeError, r"security_schemes must have schemes with a type, such as .*, got \{\} for 'a'"),
        ({"a": {"type": None}}, TypeError, "security_schemes must have schemes with a type"),
    ],
)
def test_schemes_that_are_none_are_refused(schemes, error, message):
    with pytest.raises(error, match=message):
        Security(schemes)
