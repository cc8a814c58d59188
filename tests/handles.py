"""Handles, middleware and a body that several tests use."""

from __future__ import annotations

from microfn import Router

from .wsgi import Reply, call


def say(text):
    return lambda request, params: text


def echo(request, params):
    return {"method": request.method, "params": params, "route": request.route.pattern}


def marking(name, log=None):
    """Return a middleware that adds its name to a header, and its observations to a log."""

    def mark(handle):
        def marked(request, params):
            response = handle(request, params)
            response.headers.add("X-Mark", name)
            if log is not None:
                log.append((name, response.status_code, request.route and request.route.pattern, request.error))
            return response

        return marked

    return mark


def marks(response):
    return [value for name, value in response.header_list if name == "X-Mark"]


def raising(error):
    def fail(request, params):
        raise error

    return fail


class Body:
    """A body that counts how often it is closed."""

    def __init__(self, *chunks):
        self.chunks = iter(chunks)
        self.closed = 0

    def __iter__(self):
        return self

    def __next__(self):
        chunk = next(self.chunks)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def close(self):
        self.closed += 1


def answer(result, *, method="GET", router=None, **options) -> Reply:
    """The reply to a handle that returns `result`."""
    app = router or Router()
    app.route("/", methods=[method])(lambda request, params: result)
    return call(app, method, **options)
