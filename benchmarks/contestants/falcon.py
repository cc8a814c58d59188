"""The applications on falcon."""

from __future__ import annotations

import re
import time
from typing import Any

import falcon

from ..github import ROUTES
from . import Application
from .common import (
    BINARY,
    COOKIE,
    CREATED,
    DOCUMENT,
    HEADERS,
    HELLO,
    IMAGE,
    ITEMS,
    ORIGIN,
    PNG,
    SECURITY_HEADERS,
    TEXT,
    ConflictError,
    chunks,
    does_nothing,
    joined,
    measured,
    msgspec_user,
    pydantic_user,
    request_id_of,
    static_directory,
    write_log,
)


def application(routes: dict[str, Any], **options: Any) -> falcon.App:
    """Build an application with a resource for each route."""
    app = falcon.App(**options)
    for template, resource in routes.items():
        app.add_route(template, resource)
    return app


class Text:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = HELLO

    on_head = on_get


class Hello:
    def on_get(self, req, resp, name):
        resp.content_type = TEXT
        resp.text = f"Hello, {name}!"


class Document:
    def on_get(self, req, resp):
        resp.media = DOCUMENT


class Echo:
    def on_post(self, req, resp):
        resp.media = req.get_media()


class Query:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = req.get_param("q")


def small() -> Application:
    return application({"/": Text(), "/hello/{name}": Hello(), "/json": Document(), "/echo": Echo(), "/query": Query()})


def github() -> Application:
    def responder(self, req, resp, **params):
        resp.content_type = TEXT
        resp.text = joined(params.values())

    methods: dict[str, dict[str, Any]] = {}
    for method, pattern in ROUTES:
        methods.setdefault(re.sub(r":(\w+)", r"{\1}", pattern), {})[f"on_{method.lower()}"] = responder
    return application({template: type("Resource", (), responders)() for template, responders in methods.items()})


class Binary:
    def on_get(self, req, resp):
        resp.content_type = BINARY
        resp.data = IMAGE


class Image:
    def on_get(self, req, resp):
        resp.content_type = PNG
        resp.data = IMAGE


class Created:
    def on_get(self, req, resp):
        resp.status = falcon.HTTP_201
        resp.set_headers(HEADERS)
        resp.content_type = TEXT
        resp.text = HELLO


class WithHeader:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = HELLO
        resp.set_header("X-Version", "7")


class WithCookie:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = HELLO
        resp.set_cookie("session", "abc", **cookie_options())


class JSONCreated:
    def on_get(self, req, resp):
        resp.status = falcon.HTTP_201
        resp.media = CREATED


class Items:
    def on_get(self, req, resp):
        resp.media = ITEMS


class Redirect:
    def on_get(self, req, resp):
        raise falcon.HTTPFound("/text")


class Missing:
    def on_get(self, req, resp):
        raise falcon.HTTPNotFound(description="No such note.")


class Conflict:
    def on_get(self, req, resp):
        raise ConflictError("edited meanwhile")


class Stream:
    def on_get(self, req, resp):
        resp.content_type = BINARY
        resp.stream = chunks()


class Three:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = f"{req.get_param('q')} {req.get_param('page')} {req.get_param('sort')}"


class Cookie:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = req.get_cookie_values("session")[0]


class Header:
    def on_get(self, req, resp):
        resp.content_type = TEXT
        resp.text = req.get_header("X-Token")


class User:
    def on_get(self, req, resp, id):  # noqa: A002 - the parameter's name
        resp.content_type = TEXT
        resp.text = str(id + 1)


class Form:
    def on_post(self, req, resp):
        resp.content_type = TEXT
        resp.text = req.get_media()["name"]


class JSON:
    def on_post(self, req, resp):
        resp.content_type = TEXT
        resp.text = str(len(req.get_media()))


class Body:
    def on_post(self, req, resp):
        resp.content_type = TEXT
        resp.text = measured(req.bounded_stream.read())


class Upload:
    def on_post(self, req, resp):
        resp.content_type = TEXT
        for part in req.get_media():
            if part.name == "file":
                resp.text = measured(part.stream.read())


def cookie_options() -> dict[str, Any]:
    """Return the options with falcon's names; its cookies are for HTTPS only by default."""
    return {
        "max_age": COOKIE["max_age"],
        "path": COOKIE["path"],
        "http_only": COOKIE["httponly"],
        "same_site": COOKIE["samesite"],
        "secure": False,
    }


def on_conflict(req, resp, ex, params):
    """Handle a ConflictError."""
    resp.status = falcon.HTTP_409
    resp.content_type = TEXT
    resp.text = f"Conflict: {ex}"


def everyday() -> Application:
    app = application(
        {
            "/text": Text(),
            "/bytes": Binary(),
            "/response/text": Text(),
            "/response/bytes": Image(),
            "/response/created": Created(),
            "/response/header": WithHeader(),
            "/response/cookie": WithCookie(),
            "/tuple": Created(),
            "/json/created": JSONCreated(),
            "/json/items": Items(),
            "/redirect": Redirect(),
            "/missing": Missing(),
            "/conflict": Conflict(),
            "/stream": Stream(),
            "/args/one": Query(),
            "/args/three": Three(),
            "/cookie": Cookie(),
            "/header": Header(),
            "/users/{id:int}": User(),
            "/form": Form(),
            "/json": JSON(),
            "/body": Body(),
            "/upload": Upload(),
        }
    )
    app.add_error_handler(ConflictError, on_conflict)
    return app


class Nothing:
    @does_nothing
    def process_request(self, req, resp):
        pass

    @does_nothing
    def process_response(self, req, resp, resource, req_succeeded):
        pass


class SetHeader:
    def process_response(self, req, resp, resource, req_succeeded):
        resp.set_header("X-Version", "7")


class RequestID:
    def process_request(self, req, resp):
        req.context.request_id = request_id_of(req.get_header("X-Request-ID"))

    def process_response(self, req, resp, resource, req_succeeded):
        resp.set_header("X-Request-ID", req.context.request_id)


class AccessLog:
    def process_request(self, req, resp):
        req.context.began = time.perf_counter()

    def process_response(self, req, resp, resource, req_succeeded):
        context = req.context
        write_log(
            req.method,
            req.uri_template,
            req.path,
            resp.status_code,
            len(resp.render_body() or b""),
            began=context.began,
            name=context.get("request_id"),
        )


class SecurityHeaders:
    def process_response(self, req, resp, resource, req_succeeded):
        resp.set_headers(SECURITY_HEADERS)


class CORS(falcon.CORSMiddleware):
    """falcon's own, with the Vary header that a cache needs."""

    def process_response(self, req, resp, resource, req_succeeded):
        super().process_response(req, resp, resource, req_succeeded)
        resp.append_header("Vary", "Origin")


def with_middleware(*middleware: Any) -> Application:
    return application({"/text": Text()}, middleware=list(middleware))


def middleware_one() -> Application:
    return with_middleware(Nothing())


def middleware_three() -> Application:
    return with_middleware(Nothing(), Nothing(), Nothing())


def middleware_header() -> Application:
    return with_middleware(SetHeader())


def middleware_group() -> Application:
    """Build with a hook: falcon has no groups, but a hook is for the responders of a class."""

    def set_header(req, resp, resource):
        resp.set_header("X-Version", "7")

    @falcon.after(set_header)
    class Grouped(Text):
        def on_get(self, req, resp):
            resp.content_type = TEXT
            resp.text = HELLO

    return application({"/text": Text(), "/group/text": Grouped()})


def request_id() -> Application:
    class Identified:
        def on_get(self, req, resp):
            resp.content_type = TEXT
            resp.text = req.context.request_id

    return application({"/text": Identified()}, middleware=[RequestID()])


def access_log() -> Application:
    return with_middleware(AccessLog())


def security_headers() -> Application:
    return with_middleware(SecurityHeaders())


def cors() -> Application:
    return with_middleware(CORS(allow_origins=[ORIGIN]))


def three_together() -> Application:
    return with_middleware(RequestID(), AccessLog(), SecurityHeaders())


def stream_middleware() -> Application:
    return application({"/stream": Stream()}, middleware=[Nothing()])


def valid_msgspec() -> Application:
    import msgspec

    user = msgspec_user()

    class Users:
        def on_post(self, req, resp):
            try:
                valid = msgspec.convert(req.get_media(), user)
            except msgspec.ValidationError as error:
                raise falcon.HTTPUnprocessableEntity(description=str(error)) from error
            resp.content_type = TEXT
            resp.text = valid.name

    return application({"/users": Users()})


def valid_pydantic() -> Application:
    import pydantic

    user = pydantic_user()

    class Users:
        def on_post(self, req, resp):
            try:
                valid = user.model_validate(req.get_media())
            except pydantic.ValidationError as error:
                raise falcon.HTTPUnprocessableEntity(description=str(error)) from error
            resp.content_type = TEXT
            resp.text = valid.name

    return application({"/users": Users()})


def static() -> Application:
    app = falcon.App()
    app.add_static_route("/static", static_directory())
    return app
