"""Headers that make browsers careful, and options of the wrong type."""

from __future__ import annotations

import pytest

from microfn import Router
from microfn.middleware import security_headers

from ..handles import say
from ..wsgi import call


def test_security_headers_are_sent_unless_a_handle_sets_them():
    app = Router()
    app.use(security_headers(hsts=60, opener_policy=None))
    app.get("/")(say("hello"))
    app.get("/framed")(lambda request, params: ("framed", 200, {"X-Frame-Options": "SAMEORIGIN"}))
    got = call(app).headers
    assert got["x-content-type-options"] == "nosniff"
    assert got["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in got["content-security-policy"]
    assert got["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "cross-origin-opener-policy" not in got
    assert "strict-transport-security" not in got
    assert call(app, wsgi__url_scheme="https").headers["strict-transport-security"] == "max-age=60"
    assert call(app, path="/framed").headers["x-frame-options"] == "SAMEORIGIN"
    assert call(app, path="/nothing").headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "options", [{"hsts": "1"}, {"hsts": True}, {"frame_options": 7}, {"content_security_policy": b""}]
)
def test_options_of_the_wrong_type_are_refused(options):
    with pytest.raises(TypeError):
        security_headers(**options)
    with pytest.raises(ValueError, match="must be without control characters"):
        security_headers(referrer_policy="a\nb")
    with pytest.raises(ValueError, match="must be 0 or more"):
        security_headers(hsts=-1)
