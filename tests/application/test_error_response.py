"""Error handlers answer errors, or the errors answer themselves. Unexpected errors are logged."""

from __future__ import annotations

import json
import re

import pytest
from werkzeug.exceptions import (
    HTTPException,
    Unauthorized,
)

from microfn import Response, Router, abort
from microfn.middleware import request_id

from ..handles import raising, say
from ..wsgi import call, environ_of


def handlers(*keys):
    """An app whose error handlers answer with the key they were registered for."""
    app = Router()
    for key in keys:
        name = key if isinstance(key, int) else key.__name__
        app.error(key)(lambda request, error, name=name: f"{name} {type(error).__name__}")
    return app


def test_handlers_answer_what_the_framework_itself_answers():
    app = handlers(400, 404, 405, 413, 414, 415, 500)
    app.post("/body", max_content_length=1)(lambda request, params: request.get_data())
    app.post("/json")(lambda request, params: request.json)
    app.get("/none")(lambda request, params: None)
    assert call(app, path="/nope").text == "404 NotFound"
    assert call(app, path="/\xff").text == "400 BadRequest"
    assert call(app, path="/body").text == "405 MethodNotAllowed"
    assert call(app, "POST", "/body", body=b"xx").text == "413 RequestEntityTooLarge"
    assert call(app, path="/" + "x" * 9000).text == "414 RequestURITooLarge"
    assert call(app, "POST", "/json", body=b"{}").text == "415 UnsupportedMediaType"
    assert call(app, path="/none").text == "500 InternalServerError"


def test_a_handler_of_405_need_not_set_allow_and_may():
    app = Router(method_not_allowed=lambda request, error: "no")
    app.get("/x")(lambda request, params: "")
    reply = call(app, "POST", "/x")
    assert (reply.status, reply.text, reply.headers["allow"]) == ("405 Method Not Allowed", "no", "GET, HEAD, OPTIONS")
    app = Router(method_not_allowed=lambda request, error: ("no", 405, {"Allow": "GET"}))
    app.get("/x")(lambda request, params: "")
    assert call(app, "POST", "/x").headers["allow"] == "GET"


def test_handler_with_another_status_drops_headers_of_the_error():
    app = Router(method_not_allowed=lambda request, error: ("found", 200))
    app.get("/x")(lambda request, params: "")
    reply = call(app, "POST", "/x")
    assert (reply.code, reply.text) == (200, "found")
    assert "allow" not in reply.headers


def test_not_found_is_the_handler_of_404():
    app = Router(not_found=lambda request, error: {"path": request.path, "code": error.code})
    reply = call(app, path="/nope")
    assert (reply.code, reply.text) == (404, '{"path":"/nope","code":404}')


def test_a_handler_gets_a_request_without_a_route():
    app = Router(not_found=lambda request, error: repr((request.route, request.params)))
    app.get("/n/:id", convert={"id": int})(lambda request, params: "")
    assert call(app, path="/nope").text == "(None, {})"
    assert call(app, path="/n/x").text == "(None, {})"


@pytest.mark.parametrize("key", [Exception, ValueError])
def test_handler_that_fails_is_500_and_logged_with_both_errors(key, caplog):
    """The page is the built-in one, and one record of the log shows both errors."""
    app = Router()
    app.error(key)(raising(RuntimeError("second")))
    app.get("/")(raising(ValueError("first")))
    reply = call(app)
    assert (reply.code, reply.headers["content-type"]) == (500, "application/problem+json")
    assert caplog.messages == ["GET / [/] raised RuntimeError"]
    assert "ValueError: first" in caplog.text


def test_a_handler_that_raises_what_it_got_is_logged_once(caplog):
    app = Router()

    @app.error(ValueError)
    def pass_it_on(request, error):
        raise error

    app.get("/")(raising(ValueError("first")))
    assert call(app).code == 500
    assert caplog.messages == ["GET / [/] raised ValueError"]


def test_handler_may_abort_with_an_error_of_another_handler():
    app = Router(not_found=lambda request, error: abort(410, "gone"))
    assert json.loads(call(app, path="/nope").text)["detail"] == "gone"
    app.error(410)(lambda request, error: f"mine: {error.description}")
    reply = call(app, path="/nope")
    assert (reply.code, reply.text) == (410, "mine: gone")


def test_a_handler_that_fails_leaves_the_answer_to_that_of_500(caplog):
    app = Router(not_found=lambda request, error: 1 / 0)
    app.error(500)(lambda request, error: f"mine: {type(error.original_exception).__name__}")
    reply = call(app, path="/nope")
    assert (reply.code, reply.text) == (500, "mine: ZeroDivisionError")
    assert caplog.messages == ["GET /nope [no route] raised ZeroDivisionError"]


def test_an_http_exception_without_a_status_is_one_of_500(caplog):
    app = handlers(500)
    app.get("/")(raising(HTTPException()))
    assert call(app).text == "500 InternalServerError"
    assert len(caplog.records) == 1


def test_handlers_that_abort_in_a_circle_end_in_a_page():
    app = Router(not_found=lambda request, error: abort(410))
    app.error(410)(lambda request, error: abort(404, "round"))
    reply = call(app, path="/nope")
    assert (reply.code, json.loads(reply.text)["detail"]) == (404, "round")


def test_an_error_that_a_handler_foresaw_is_not_logged(caplog):
    app = Router()
    app.error(KeyError)(lambda request, error: abort(503, retry_after=1))
    app.get("/")(raising(KeyError("busy")))
    reply = call(app)
    assert (reply.code, reply.headers["retry-after"]) == (503, "1")
    assert caplog.messages == []


@pytest.mark.parametrize("key", [500, Exception])
@pytest.mark.parametrize("status", [503, 404])
def test_error_for_the_last_handler_is_logged_with_any_status(key, status, caplog):
    """The last handler is that of 500 or of Exception; it may respond with another status or abort."""
    for handler in (lambda request, error: abort(status), lambda request, error: ("shown", status)):
        caplog.clear()
        app = Router()
        app.error(key)(handler)
        app.get("/")(raising(KeyError("x")))
        assert call(app).code == status
        assert caplog.messages == ["GET / [/] raised KeyError"]


def test_a_handler_that_returns_nothing_is_a_500_that_names_it(caplog):
    app = Router(not_found=lambda request, error: None)
    assert call(app, path="/nope").code == 500
    assert "did you forget to return" in str(caplog.records[0].exc_info[1])


class CachedErrorPage(HTTPException):
    code = 402

    def get_body(self, environ=None, scope=None):
        return "pay"


class OwnResponse(HTTPException):
    code = 402

    def get_response(self, environ=None, scope=None):
        return Response("pay", 402)


@pytest.mark.parametrize("error", [CachedErrorPage(), OwnResponse()])
def test_an_error_that_makes_its_own_page_shows_it(error):
    app = Router()
    app.get("/")(raising(error))
    assert (call(app).code, call(app).text) == (402, "pay")


def test_an_error_whose_own_page_fails_is_a_500(caplog):
    class Broken(HTTPException):
        code = 400

        def get_body(self, environ=None, scope=None):
            raise KeyError("broken")

    app = Router()
    app.get("/")(raising(Broken()))
    assert call(app).code == 500
    assert caplog.messages == ["GET / [/] raised KeyError"]


class BadHeaders(HTTPException):
    code = 400

    def get_headers(self, environ=None, scope=None):
        return [("X-A", "1\r\n2")]


@pytest.mark.parametrize("error", [BadHeaders(), HTTPException(), type("NoStatus", (HTTPException,), {"code": 99})()])
def test_an_error_that_cannot_be_sent_is_a_500(error, caplog):
    app = Router()
    app.get("/")(raising(error))
    assert call(app).code == 500
    assert len(caplog.records) == 1
    app = Router(not_found=raising(error))
    assert call(app).code == 500


def test_headers_of_an_error_are_checked_with_a_handler_too(caplog):
    app = handlers(400)
    app.get("/")(raising(BadHeaders()))
    reply = call(app)
    assert (reply.code, reply.headers.get("x-a")) == (500, None)
    assert len(caplog.records) == 1


def test_unauthorized_keeps_its_challenge():
    from werkzeug.datastructures import WWWAuthenticate

    app = Router()
    app.get("/")(raising(Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "x"}))))
    assert call(app).headers["www-authenticate"] == "Basic realm=x"
    app.error(401)(lambda request, error: "who?")
    assert call(app).headers["www-authenticate"] == "Basic realm=x"


def test_an_exception_shows_nothing_and_is_logged_once(caplog):
    app = Router()
    app.get("/users/:id")(raising(RuntimeError("SECRET")))
    for accept in ["text/html", "text/plain", "*/*"]:
        caplog.clear()
        reply = call(app, path="/users/7", HTTP_ACCEPT=accept)
        assert reply.code == 500
        assert "SECRET" not in reply.text
        assert "Traceback" not in reply.text
        assert caplog.messages == ["GET /users/7 [/users/:id] raised RuntimeError"]
        assert caplog.records[0].name == "microfn"
        assert str(caplog.records[0].exc_info[1]) == "SECRET"


def test_what_somebody_meant_is_not_logged(caplog):
    app = Router()
    app.get("/")(lambda request, params: abort(503))
    app.error(KeyError)(lambda request, error: ("gone", 404))
    app.get("/key")(raising(KeyError("x")))
    assert call(app).code == 503
    assert call(app, path="/key").code == 404
    assert caplog.messages == []


def test_handler_of_exceptions_with_500_keeps_the_log_record(caplog):
    app = handlers(Exception)
    app.get("/")(raising(KeyError("x")))
    assert call(app).code == 500
    assert caplog.messages == ["GET / [/] raised KeyError"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_exception_passes_through(error):
    app = Router()
    app.error(Exception)(lambda request, error: "swallowed")
    app.get("/")(raising(error()))
    with pytest.raises(error):
        app(environ_of(), lambda status, headers: None)


@pytest.mark.parametrize("path", ["/", "/nothing"])
@pytest.mark.parametrize("has_middleware", [False, True])
def test_error_handler_that_exits_ends_the_request(has_middleware, path):
    seen = []

    def leave(request, error):
        request.call_on_close(lambda: seen.append("ended"))
        raise SystemExit

    app = Router()
    if has_middleware:
        app.use(lambda handle: lambda request, params: handle(request, params))
    app.error(KeyError)(leave)
    app.error(404)(leave)
    app.get("/")(raising(KeyError("x")))
    with pytest.raises(SystemExit):
        app(environ_of(path=path), lambda status, headers: None)
    assert seen == ["ended"]


def show(request, params):
    return request.context.result


def deliver(result, has_middleware, run=show):
    app = Router()

    @app.use
    def prepare(handle):
        def prepared(request, params):
            request.context.result = result
            return handle(request, params)

        return prepared

    if not has_middleware:
        app = Router()
        run = lambda request, params: result  # noqa: E731 - it stands in for show
        run.__qualname__ = "show"
    app.get("/:id")(run)
    return call(app, path="/7")


@pytest.mark.parametrize("has_middleware", [False, True])
@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: {"a": {1}}, "TypeError"),
        (lambda: [float("nan"), object()], "TypeError|ValueError"),
        (lambda: ({"a": {1}}, 201), "TypeError"),
        (lambda: ("x", 999), "ValueError"),
        (lambda: ("x", 100), "ValueError"),
        (lambda: ("x", "teapot"), "ValueError"),
        (lambda: ("x", 200.5), "TypeError"),
        (lambda: ("x", 200, {"a b": "c"}), "ValueError"),
        (lambda: ("x", 200, {"Connection": "close"}), "ValueError"),
        (lambda: None, "TypeError"),
        (lambda: iter([5]), "TypeError"),
    ],
)
def test_log_names_the_handle_of_an_unfit_result(caplog, make, error, has_middleware):
    """The error is raised after the handle returned, so its traceback does not show it."""
    assert deliver(make(), has_middleware).code == 500
    (record,) = caplog.records
    source = re.escape(f"for the result of {__name__}.show")
    assert re.fullmatch(rf"GET /7 \[/:id\] raised ({error}) {source}", record.getMessage())


def test_log_names_what_returned_an_unfit_result(caplog):
    """A middleware, or an error handler."""
    app = Router()

    def unfit(request, error):
        return {"a": {1}}

    def middleware(handle):
        def around(request, params):
            handle(request, params)
            return "x", 999

        return around

    app.get("/", use=[middleware])(lambda request, params: "x")
    app.get("/key")(raising(KeyError()))
    app.error(KeyError)(unfit)
    assert (call(app).code, call(app, path="/key").code) == (500, 500)
    names = [record.getMessage().partition("for the result of ")[2] for record in caplog.records]
    assert names[0].endswith("middleware.<locals>.around")
    assert names[1].endswith("test_log_names_what_returned_an_unfit_result.<locals>.unfit")


def failing():
    raise KeyError
    yield


@pytest.mark.parametrize("path", ["/handle", "/middleware", "/stream", "/application"])
def test_log_leaves_the_handle_of_other_errors_to_the_traceback(caplog, path):
    app = Router()
    app.get("/handle")(raising(KeyError()))
    app.get("/middleware", use=[lambda handle: raising(KeyError())])(lambda request, params: {"a": {1}})
    app.get("/stream")(lambda request, params: failing())
    app.get("/application")(lambda request, params: raising(KeyError()))
    assert call(app, path=path).code == 500
    assert caplog.records[-1].getMessage() == f"GET {path} [{path}] raised KeyError"


def upper(handle):
    """Middleware that changes the body, and with it the length."""

    def changed(request, params):
        response = handle(request, params)
        response.set_data(response.get_data() + b"!")
        return response

    return changed


@pytest.mark.parametrize("path", ["/nope", "/only-post", "/fails", "/aborts", "/handled", "/streams", "/slash/"])
@pytest.mark.parametrize("layers", [[], [upper], [request_id(header="X-Id")], [upper, upper]])
def test_head_of_an_error_has_the_headers_of_its_get(path, layers):
    app = Router()
    for layer in layers:
        app.use(layer)
    app.post("/only-post")(say("x"))
    app.get("/fails")(raising(RuntimeError()))
    app.get("/aborts")(lambda request, params: abort(409, "no"))
    app.get("/handled")(raising(KeyError()))
    app.get("/streams")(raising(LookupError()))
    app.get("/slash")(say("x"))
    app.error(KeyError)(lambda request, error: ("handled", 400))
    app.error(LookupError)(lambda request, error: (iter(["a", "b"]), 400))
    extra = {"HTTP_X_ID": "7"}
    got, head = call(app, path=path, **extra), call(app, "HEAD", path, **extra)
    assert (head.body, head.header_list) == (b"", got.header_list)
    assert got.body
