"""The options of a Router, and the results of `lookup` and `routes`."""

from __future__ import annotations

import pytest

from microfn import InvalidHandle, Router


def ok(request, params):
    return "ok"


def test_a_name_belongs_to_one_pattern():
    app = Router()
    app.get("/a", name="a")(ok)
    app.post("/a", name="a")(ok)
    with pytest.raises(ValueError, match=r"the name 'a' of GET /b .* is already used by GET /a"):
        app.get("/b", name="a")(ok)


@pytest.mark.parametrize(
    "flag",
    [
        "redirect_trailing_slash",
        "redirect_fixed_path",
        "handle_method_not_allowed",
        "handle_options",
        "overlap",
        "permanent_redirects",
        "path_info_encoded",
    ],
)
@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_a_switch_is_a_bool(flag, value):
    with pytest.raises(TypeError, match=f"{flag} must be True or False"):
        Router(**{flag: value})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_content_length": "1"}, TypeError, "max_content_length must be an int or None"),
        ({"max_content_length": True}, TypeError, "max_content_length must be an int or None"),
        ({"max_content_length": -1}, ValueError, "max_content_length must be 0 or more"),
        ({"max_path_length": None}, TypeError, "max_path_length must be an int, got None"),
        ({"trusted_hosts": "example.com"}, TypeError, "trusted_hosts must be a list"),
        ({"trusted_hosts": 5}, TypeError, "trusted_hosts must be a list"),
        ({"trusted_hosts": ["a..b"]}, ValueError, "trusted_hosts must be a list of valid hosts, got 'a..b'"),
        ({"trusted_hosts": ["." + "x" * 64]}, ValueError, "trusted_hosts must be a list of valid hosts"),
        ({"trusted_hosts": [""]}, ValueError, "'': it must be a name or an address"),
        ({"trusted_hosts": ["::1"]}, ValueError, "'::1': it must be a name or an address"),
        ({"trusted_hosts": [":80"]}, ValueError, "':80': it must be a name or an address"),
        ({"trusted_hosts": ["http://site.test"]}, ValueError, "'http://site\\.test': it must be a name or an address"),
        ({"trusted_hosts": [" site.test"]}, ValueError, "'\\ site\\.test': it must be a name or an address"),
        ({"trusted_hosts": ["*.site.test"]}, ValueError, "'\\*\\.site\\.test': it must be a name or an address"),
        ({"trusted_hosts": ["[::1"]}, ValueError, "'\\[::1': it must be a name or an address"),
        ({"trusted_hosts": [5]}, TypeError, "trusted_hosts must be a list of str"),
        ({"trusted_hosts": []}, ValueError, "trusted_hosts must have at least one host"),
        ({"json": object()}, TypeError, "json must be an object with dumps and loads"),
        ({"global_options": lambda: ""}, InvalidHandle, "handle"),
        ({"not_found": lambda request: ""}, InvalidHandle, "handle"),
        ({"method_not_allowed": "no"}, InvalidHandle, "it must be callable as"),
    ],
)
def test_an_option_of_the_router_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        Router(**options)


@pytest.mark.parametrize("given", [True, "/shop", "", "a-b", None])
def test_options_of_the_router_are_keyword_only(given):
    with pytest.raises(TypeError, match=f"options of a Router must be passed by keyword, got {given!r}$"):
        Router(given)


@pytest.mark.parametrize("given", ["app", "__main__", __name__, "läden.app"])
def test_router_takes_no_import_name(given):
    """Flask and its Blueprints take the name of their module first."""
    with pytest.raises(TypeError, match=f"by keyword, got {given!r}; a Router takes no import name$"):
        Router(given, json=None)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("trusted_host", "did you mean 'trusted_hosts'?"),
        ("redirect_slashes", "did you mean 'redirect_trailing_slash'?"),
        ("max_content_lenght", "did you mean 'max_content_length'?"),
        ("Json", "did you mean 'json'?"),
        ("zzz", "its options are redirect_trailing_slash, "),
    ],
)
def test_option_that_no_router_has_is_refused(option, hint):
    with pytest.raises(TypeError) as info:
        Router(overlap=True, **{option: []})
    assert str(info.value).startswith(f"a Router has no option {option!r}; {hint}")


LOOKUPS = [
    ("GET", "/", "index", {}, False),
    ("HEAD", "/", "index", {}, False),
    ("GET", "/users/7", "user", {"id": "7"}, False),
    ("HEAD", "/users/7", "user_head", {"id": "7"}, False),
    ("GET", "/users/7/", None, {}, True),
    ("HEAD", "/src", None, {}, True),
    ("GET", "/src/", "src", {"path": "/"}, False),
    ("POST", "/", None, {}, False),
    ("get", "/", None, {}, False),
    ("GET", "/nope", None, {}, False),
]


@pytest.mark.parametrize(("method", "path", "handle", "params", "tsr"), LOOKUPS)
def test_lookup_tells_what_would_answer(method, path, handle, params, tsr):
    app, handles = Router(), {}
    for verb, pattern, name in [
        ("GET", "/", "index"),
        ("GET", "/users/:id", "user"),
        ("HEAD", "/users/:id", "user_head"),
        ("GET", "/src/*path", "src"),
    ]:
        handles[name] = lambda request, params: ""
        app.handle(verb, pattern, handles[name], convert={"id": int} if "id" in pattern else None)
    assert app.lookup(method, path) == (handles.get(handle), params, tsr)


def test_routes_are_listed_in_the_order_of_their_registration():
    app = Router()
    for pattern in ["/b", "/a", "/c"]:
        app.get(pattern)(ok)
    assert [route.pattern for route in app.routes] == ["/b", "/a", "/c"]
