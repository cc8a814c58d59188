"""The page of a call, which escapes the text of functions."""

import pytest

from microfn.agent.queue.page import page

TOLD = {
    "id": "7f",
    "function": "a & b",
    "state": "error",
    "attempts": 2,
    "enqueued_at": "1970-01-01T00:00:00.500Z",
    "ended_at": None,
    "error": "<script>alert(1)</script>",
    "log": "100 % of\n</pre><script>",
}


def test_texts_of_a_function_are_escaped():
    text = page(TOLD, is_final=True, has_result=False)
    assert "<script" not in text
    assert "<title>error: a &amp; b</title>" in text
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;\n" in text
    assert "<pre>100 % of\n&lt;/pre&gt;&lt;script&gt;</pre>" in text
    assert "<th scope=row>enqueued<td>1970-01-01T00:00:00.500Z\n" in text
    assert "<th scope=row>ended" not in text
    assert "result" not in text


@pytest.mark.parametrize("is_final", [True, False])
def test_page_of_a_call_that_goes_on_loads_itself_again(is_final):
    assert ('http-equiv="refresh"' in page(TOLD, is_final=is_final, has_result=False)) is not is_final
