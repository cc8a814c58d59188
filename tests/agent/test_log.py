"""Log records have the id of the call that their thread executes."""

from __future__ import annotations

import logging

import pytest

from microfn import Router
from microfn.agent import Agent, CallIdFilter

from ..wsgi import call


def served(agent, handle, **options):
    app = Router()
    app.get("/", use=[agent.inline(**{"timeout": 5, **options})])(handle)
    return app


def test_log_records_have_the_id_while_the_call_is_executed():
    agent, records = Agent(), []
    handler = logging.Handler()
    handler.emit = records.append
    handler.addFilter(CallIdFilter())
    log = logging.getLogger("tests.agent")
    log.addHandler(handler)
    try:

        def handle(request, params):
            log.error("within")
            yield "x"
            log.error("and later")

        got = call(served(agent, handle))
        log.error("after it")
    finally:
        log.removeHandler(handler)
    name = got.headers["fn-call-id"]
    assert [record.call_id for record in records] == [name, name, "-"]


@pytest.mark.parametrize("body", [lambda: "text", lambda: iter("stream")], ids=["text", "stream"])
def test_what_is_logged_at_the_end_of_a_call_has_its_id(body):
    agent, ids = Agent(tokens=1), []
    record = logging.makeLogRecord({})

    def note(*_):
        CallIdFilter().filter(record)
        ids.append(record.call_id)

    def handle(request, params):
        request.call_on_close(note)
        return body()

    agent.after_call(note)
    got = call(served(agent, handle))
    note()
    assert ids == [got.headers["fn-call-id"], got.headers["fn-call-id"], "-"]
