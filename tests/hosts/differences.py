"""Differences between hosts, with reasons. All other responses are the same on every host."""

from __future__ import annotations

from typing import NamedTuple

from .cases import CASES

GUNICORN = ("gunicorn sync", "gunicorn gthread", "gunicorn gevent", "nginx, gunicorn")
MOD_WSGI = ("mod_wsgi, daemon", "mod_wsgi, embedded")
UWSGI = ("uWSGI", "nginx, uWSGI")
APACHE = (*MOD_WSGI, "Apache CGI", "Passenger")
LIGHTTPD = ("lighttpd CGI", "lighttpd FastCGI")
FASTCGI = ("lighttpd FastCGI", "nginx FastCGI")
CGI = ("Apache CGI", "lighttpd CGI")
A2WSGI = "uvicorn, a2wsgi"


class Difference(NamedTuple):
    case: str
    hosts: tuple[str, ...]
    answer: str
    why: str
    prefixes: tuple[str, ...] = ("", "/svc")

    @property
    def where(self) -> str:
        return "; ".join(self.hosts) + {("",): " (at /)", ("/svc",): " (below a prefix)"}.get(self.prefixes, "")


DIFFERENCES = [
    Difference("the prefix is", ("nginx, uWSGI",), "None", "nginx sends none, so the key is absent", ("",)),
    Difference("Host", ("nginx, uWSGI",), "a.example", "Debian's `uwsgi_params` omits the port"),
    Difference("REMOTE_ADDR", ("nginx, gunicorn",), "", "a unix socket has no address; use ProxyFix"),
    Difference(
        "`wsgi.input_terminated`",
        (*UWSGI, *CGI, *FASTCGI, "Passenger", "wsgiref", "cheroot", A2WSGI),
        "False",
        "only Content-Length marks the end of a body",
    ),
    Difference(
        "`wsgi.file_wrapper`",
        (*FASTCGI, "Passenger", "cheroot", "granian", A2WSGI),
        "False",
        "the host has none; files are sent without it",
    ),
    Difference(
        "a handle in a hot process",
        CGI,
        "thumb, hello, below the prefix, not kept",
        "a CGI server starts a process for each request, and hot processes end with it",
    ),
    Difference("the path as it came", GUNICORN, "RAW_URI", "gunicorn uses this name"),
    Difference("the path as it came", ("wsgiref", "bjoern", "granian", A2WSGI), "None", "the host does not pass it on"),
    Difference("`/echo/a%2Fb`", ("cheroot",), "/a%2Fb", "cheroot keeps %2F encoded, so it looks like `%252F`"),
    Difference("`/echo/%FF`", LIGHTTPD, "400 text/html", "lighttpd refuses it"),
    Difference("`/echo/%FF`", (A2WSGI,), "/\ufffd", "a2wsgi replaces it with U+FFFD"),
    Difference("`//docs`", (*APACHE[:3], *LIGHTTPD), "200 the docs", "the host merges slashes first"),
    Difference(
        "`//docs`", ("waitress", "Passenger", "wsgiref"), "200 the docs", "the host merges slashes first", ("",)
    ),
    Difference("`//docs`", ("cheroot",), "400 text/plain", "cheroot refuses it"),
    Difference(
        "`/x/../docs`",
        (*UWSGI, *APACHE, *LIGHTTPD, "nginx FastCGI"),
        "200 the docs",
        "the host resolves `..` first",
    ),
    Difference(
        "HEAD of a stream",
        ("waitress",),
        r"200, with the body b'0\r\n\r\n'",
        "waitress sends an empty chunk after the omitted body",
    ),
    Difference("204", ("wsgiref",), "204, its length is 0, without a body", "wsgiref adds a length"),
    Difference(
        "a file that grows while it is sent",
        ("uWSGI", "wsgiref"),
        "whole, then the end",
        "the host closes the connection",
    ),
    Difference(
        "a file that is replaced while it is sent",
        ("uWSGI", "wsgiref"),
        "whole, then the end",
        "the host closes the connection",
    ),
    Difference(
        "a file that becomes shorter while it is sent",
        (*APACHE, *LIGHTTPD),
        "cut off, then nothing",
        "the host keeps the connection open for some seconds; Apache's `SetEnv nokeepalive 1` and lighttpd's "
        "`server.max-keep-alive-requests = 0` end it",
    ),
    Difference(
        "POST in chunks",
        ("uWSGI", "Apache CGI", "wsgiref", A2WSGI),
        "0 bytes of 11",
        "the host passes no byte on; a proxy that decodes chunks helps",
    ),
    Difference("close() when the client leaves", CGI, "not called", "the web server ends the process"),
    Difference("close() when the client leaves", (A2WSGI,), "not called", "a2wsgi reads the stream to its end"),
    Difference(
        "a function when the client leaves",
        (A2WSGI,),
        "runs on",
        "a2wsgi does not close it, so it runs until its end or deadline",
    ),
]


def expectations(host: str, prefix: str) -> dict[str, str]:
    """Return each case with its result on this host."""
    differing = {one.case: one.answer for one in DIFFERENCES if host in one.hosts and prefix in one.prefixes}
    return {case.name: differing.get(case.name, case.expected) for case in CASES}
