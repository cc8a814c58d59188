"""Request ids: in the response, and in each log record of the request."""

from __future__ import annotations

import logging
import re

import pytest

from microfn import Router
from microfn.middleware import RequestIdFilter, access_log, request_id

from ..handles import raising
from ..wsgi import call


def named(**options):
    app = Router()
    app.use(request_id(**options))
    app.get("/")(lambda request, params: [request.context.request_id, request.environ["microfn.request_id"]])
    app.get("/stream")(lambda request, params: iter(lambda: "x", "y"))
    return app


@pytest.mark.parametrize("given", ["abc", "0123-ABC_x.y~z+/=:@", "x" * 128])
def test_an_id_that_is_sent_is_taken(given):
    got = call(named(), HTTP_X_REQUEST_ID=given)
    assert got.headers["x-request-id"] == given
    assert got.json == [given, given]


@pytest.mark.parametrize("given", [None, "", " ", "x" * 129, "a b", "a\nb", "\xe4", "<script>", '"', "a\x00"])
def test_an_id_that_is_unusable_is_replaced(given):
    got = call(named(), HTTP_X_REQUEST_ID=given, validate=False)
    assert re.fullmatch("[0-9a-f]{32}", got.headers["x-request-id"])
    assert got.json == [got.headers["x-request-id"]] * 2


def test_ids_that_are_made_differ():
    app = named()
    assert len({call(app).headers["x-request-id"] for _ in range(50)}) == 50


def test_an_id_may_not_be_trusted_and_have_another_name():
    app = named(trust=False, header="X-Trace")
    got = call(app, HTTP_X_TRACE="mine")
    assert got.headers["x-trace"] != "mine"
    assert call(named(header="X-Trace"), HTTP_X_TRACE="mine").headers["x-trace"] == "mine"


def test_every_outcome_has_an_id():
    app = named()
    for method, path in ("GET", "/nothing"), ("POST", "/"), ("OPTIONS", "/"), ("GET", "/STREAM"):
        assert call(app, method, path, HTTP_X_REQUEST_ID="abc").headers["x-request-id"] == "abc"


def test_log_records_have_the_id_also_while_a_body_is_streamed(caplog):
    app, logger = named(), logging.getLogger("of.the.application")
    caplog.handler.addFilter(RequestIdFilter())

    def stream():
        logger.warning("first")
        yield "a"
        logger.warning("second")
        yield "b"

    @app.get("/logging")
    def log(request, params):
        logger.warning("handle")
        return stream()

    app.get("/broken")(raising(KeyError("broken")))
    call(app, path="/logging", HTTP_X_REQUEST_ID="one")
    logger.warning("outside")
    call(app, path="/broken", HTTP_X_REQUEST_ID="two")
    logger.warning("outside")
    assert [(record.name, record.request_id) for record in caplog.records] == [
        *[("of.the.application", "one")] * 3,
        ("of.the.application", "-"),
        ("microfn", "two"),
        ("of.the.application", "-"),
    ]
    assert "raised KeyError (request two)" in caplog.text


def test_the_own_logger_has_one_filter():
    for _ in range(3):
        request_id()
    assert len([one for one in logging.getLogger("microfn").filters if isinstance(one, RequestIdFilter)]) == 1


def test_the_id_is_there_until_the_request_has_ended(caplog):
    """Even in callbacks at its very end, and in the line of the access log."""
    app = Router()
    logger = logging.getLogger("microfn")
    app.use(request_id(), access_log(lambda line: logger.warning(line)))
    app.get("/")(lambda request, params: request.call_on_close(lambda: logger.warning("ending")) or "whole")
    app.get("/stream")(lambda request, params: iter(["a", "b"]))
    for path in "/", "/stream", "/nothing":
        caplog.clear()
        call(app, path=path, HTTP_X_REQUEST_ID="abc")
        assert {record.request_id for record in caplog.records} == {"abc"}, path
        logger.warning("behind")
        assert caplog.records[-1].request_id == "-"


@pytest.mark.parametrize(
    ("header", "error"), [("X Id", ValueError), ("", ValueError), ("Date\n", ValueError), (7, TypeError)]
)
def test_name_that_no_header_can_have_is_refused(header, error):
    with pytest.raises(error, match="header"):
        request_id(header=header)
