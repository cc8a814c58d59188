"""A call's request in CGI's spelling: environment variables (RFC 3875, section 4)."""

from __future__ import annotations

from ..call_request import CallRequest

__all__ = ["metavariables"]


def metavariables(request: CallRequest) -> dict[bytes, bytes]:
    """Return the variables of a request, as bytes.

    Params come each as `FN_PARAM_` and its name, and all together as JSON in `FN_PARAMS`.
    """
    variables = {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": request.method,
        # Set if they are empty, too (sections 4.1.7 and 4.1.13): a script with `set -u` reads them.
        "SCRIPT_NAME": request.script_name,
        "QUERY_STRING": request.query,
        **request.connection,
    }
    if request.path:
        variables["PATH_INFO"] = request.path
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            variables[key] = value
        elif key != "PROXY":  # HTTP_PROXY is a setting of many programs (httpoxy.org)
            variables[f"HTTP_{key}"] = value
    encoded = {name.encode("latin-1"): value.encode("latin-1") for name, value in variables.items()}
    if request.params:
        encoded[b"FN_PARAMS"] = request.params_json.encode("ascii")
        for name, value in request.params.items():
            encoded[f"FN_PARAM_{name}".encode()] = str(value).encode("utf-8", "surrogateescape")
    return encoded
