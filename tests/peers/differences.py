"""The tests of werkzeug's and Flask's suites that fail on microfn's classes, each with a reason."""

from __future__ import annotations

WERKZEUG = {
    "tests/test_formparser.py::TestFormParser::test_urlencoded_no_max": (
        "By design: max_form_parts counts the fields of every form. werkzeug counts those of multipart/form-data only, "
        "and a client chooses the encoding."
    ),
    "tests/test_formparser.py::TestFormParser::test_urlencoded_silent_decode": (
        "By design: a byte of an urlencoded form that is no UTF-8 stays as its escape, %80, as it does where the "
        "client has escaped it, and the other fields stay. werkzeug drops the whole form without a word."
    ),
    "tests/test_wrappers.py::test_base_request": (
        "By design: a request does not put itself into its environ, which would be a cycle for the garbage collector. "
        "Request(environ, populate_request=True) does."
    ),
    "tests/test_wrappers.py::test_request_method_case_sensitivity": (
        "By design: request.method is the method that was routed, and methods are case-sensitive (RFC 9110, section "
        "9.1), so that a guard never sees a GET where another method was sent. werkzeug writes it in capitals."
    ),
    "tests/test_wrappers.py::test_etag_response_412": (
        "By design: make_conditional raises PreconditionFailed, so that an error handler sees it and the body of the "
        "412 is not the resource. werkzeug sets the status and keeps the body."
    ),
    "tests/test_formparser.py::TestMultiPartParser::test_file_rfc2231_filename_continuations": (
        "By design: filename* and its continuations are not for forms (RFC 7578, section 4.2), so that a part has the "
        "name that a proxy in front of the application reads. werkzeug takes them."
    ),
    "tests/test_wrappers.py::test_invalid_range_request": (
        "By design: a Range that cannot be parsed is ignored, and the answer is the whole (RFC 9110, section 14.2). "
        "werkzeug answers 416."
    ),
    "tests/test_wrappers.py::test_other_method_payload": (
        "By design: get_data() reads a body of a known length without a stream around it, so that request.stream is "
        "empty afterwards as in werkzeug, but no LimitedStream, which is all that the test asks for."
    ),
}
FLASK = {
    "tests/test_appctx.py::test_context_refcounts": (
        'By design: environ["werkzeug.request"] is not there, as in test_base_request of werkzeug.'
    ),
    "tests/test_json.py::test_bad_request_debug_message[True]": (
        "By design: the description of a body that is not JSON is microfn's own. Its class decides this, and Flask's "
        "debug mode shows it unchanged."
    ),
    "tests/test_request.py::test_limit_config": (
        "By design: max_content_length has a default, 16 MiB, which the test expects to be None."
    ),
}
