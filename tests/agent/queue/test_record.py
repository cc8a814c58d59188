"""Records of calls and outcomes, to JSON and back."""

import json

import pytest

from microfn.agent.queue.record import FINAL, Entry, Outcome, QueuedCall, digest_of, id_of, iso

ODD = "é \udcff \x00 \U0001f600 \"'\\"


def test_call_comes_back_from_json_as_it_was(make_call):
    call = make_call(headers={"X-Odd": ODD}, params={"odd": ODD, "n": 7}, body=bytes(range(256)), path=f"/{ODD}")
    assert QueuedCall.from_json(json.loads(json.dumps(call.to_json()))) == call


def test_outcome_comes_back_from_json_as_it_was():
    outcome = Outcome(
        *("success", 2, 1.5, 2.5, "é"), status="200 OK", headers=(("X", ODD), ("X", "")), body=b"\xff\0", log=b"\xfe"
    )
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_stored_text_is_ascii_whatever_a_client_sends(make_call):
    stored = json.dumps(make_call(headers={"X": ODD}, params={"x": ODD}, path=f"/{ODD}").to_json(), ensure_ascii=False)
    assert stored.isascii()
    assert "\\u0000" not in stored


def test_call_that_is_put_back_has_a_key_of_its_own(make_call):
    call = make_call(id="a" * 32)
    assert call.key == "a" * 32
    assert call.again(failures=1).key == f"{'a' * 32}-000001"
    assert call.again().again().key == f"{'a' * 32}-000002"
    assert call.again(failures=1).failures == 1


def test_unknown_field_of_a_record_is_refused(make_call):
    with pytest.raises(TypeError):
        QueuedCall.from_json(make_call().to_json() | {"unknown": 1})


@pytest.mark.parametrize("state", ["queued", "running", *FINAL])
def test_entry_is_final_in_five_states(state):
    assert Entry("a", "f", state, 1, 0.0, 0.0).is_final == (state in FINAL)


def test_id_depends_on_each_part_and_on_its_place():
    assert id_of("a", "b") == id_of("a", "b")
    assert len({id_of("a", "b"), id_of("b", "a"), id_of("ab", ""), id_of("a", "b", "")}) == 4
    assert len(id_of("\udcff é")) == 32


def test_digest_tells_query_and_body_apart():
    assert len({digest_of("a", b"b"), digest_of("", b"ab"), digest_of("ab", b""), digest_of("a", b"\0b")}) == 4


def test_times_are_of_utc_with_milliseconds():
    assert iso(None) is None
    assert iso(1.0625) == "1970-01-01T00:00:01.062Z"
