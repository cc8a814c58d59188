"""The name of an application: a module, a name in it, or the call of a factory with constants."""

from __future__ import annotations

import pytest

from microfn.cli.app_name import AppName

from .shop import typed

PARSED = [
    ("shop", AppName("shop")),
    ("shop:", AppName("shop")),
    ("shop.web:app", AppName("shop.web", "app")),
    ("käse:käse", AppName("käse", "käse")),
    ("shop:create()", AppName("shop", "create", "create()")),
    ("shop:create( 'a:b' ,2)", AppName("shop", "create", "create('a:b', 2)", ("a:b", 2))),
    ("shop:create(-1.5, None)", AppName("shop", "create", "create(-1.5, None)", (-1.5, None))),
    (
        'shop:create(a={"b": [1, (2,)]})',
        AppName("shop", "create", "create(a={'b': [1, (2,)]})", (), {"a": {"b": [1, (2,)]}}),
    ),
]


@pytest.mark.parametrize(("given", "parsed"), PARSED)
def test_name_is_parsed_as_gunicorn_does(given, parsed):
    assert AppName.parse(given) == parsed
    assert AppName.parse(str(parsed)) == parsed


WRONG = [
    ("", "APP must be module:name, got ''."),
    (":app", "got ':app'."),
    ("app.py", "APP must be a module, got the file 'app.py'; did you mean 'app'?"),
    ("./shop/app.py:app", "did you mean 'shop.app:app'?"),
    ("shop:create(", "APP must be module:name or module:factory(...) with constants, got 'shop:create('"),
    ("shop:create(\0)", "with constants, got 'shop:create(\\x00)'"),
    ("shop:" + "(" * 5000, "with constants, got 'shop:((("),
    ("shop:a.b", "with constants, got 'shop:a.b'"),
    ("shop:a.create()", "with constants, got 'shop:a.create()'"),
    ("shop:create()()", "with constants, got 'shop:create()()'"),
    ("shop: app", "with constants, got 'shop: app'"),
    ("shop:[app]", "with constants, got"),
    ("shop:a; b", "with constants, got"),
    ("shop:create(x)", "The arguments of a factory must be constants, got create(x)"),
    ("shop:create(a=open('x'))", "must be constants, got create(a=open('x'))"),
    ("shop:create({[]})", "must be constants, got create({[]})"),
    ("shop:create(*[1])", "must be constants, got create(*[1])"),
    ("shop:create(**{'a': 1})", "The keywords of a factory must be different names, got create(**{'a': 1})"),
    ("shop:create(a=1, a=2)", "must be different names, got create(a=1, a=2)."),
]


@pytest.mark.parametrize(("given", "shown"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_name_is_refused(given, shown):
    assert shown in " ".join(typed("routes", given, code=2).split())


def test_factory_with_arguments_is_known():
    assert AppName.parse("shop:create(1)").has_arguments
    assert AppName.parse("shop:create(a=1)").has_arguments
    assert not AppName.parse("shop:create()").has_arguments
    assert not AppName.parse("shop:create").has_arguments


def test_module_is_looked_for_in_the_directory(here):
    (here / "wsgi.py").write_text("", "utf-8")
    assert "GET     /users/me" in typed("routes")
    (here / "app.py").unlink()
    assert "There is no 'app' or 'application' in wsgi" in typed("routes", code=1)
    (here / "wsgi.py").unlink()
    assert "There is no app.py, wsgi.py or passenger_wsgi.py in this directory" in typed("routes", code=2)
