"""An application whose routes a thread replaces continuously while it serves.

Each change includes a Router, makes a group, and replaces two routes. All of them return its number, so each response
must have one number.
"""

from __future__ import annotations

import threading
import time

from microfn import Router

CHANGES = 40

app = Router(overlap=True)
state = {"number": 0}


@app.use
def unchanged(handle):
    """Keep the handle: a request without any middleware would have no reference to its snapshot."""
    return lambda request, params: handle(request, params)


def stamp(number):
    def stamped(handle):
        def run(request, params):
            response = handle(request, params)
            response.headers["X-Number"] = str(number)
            return response

        return run

    return stamped


def teller(number):
    """Return a handle that reports its number. `is_whole` is True if its whole snapshot has that number."""

    def tell(request, params):
        find = request._snapshot.find
        now, later = find("GET", "/now")[0], find("GET", f"/v{number + 1}/x")[0]
        return {"number": number, "is_whole": (now.handle.number == number) == (later is None), **params}

    tell.number = number
    return tell


def change(number):
    part = Router()
    part.use(stamp(number))
    part.get("/x")(teller(number))
    part.error(404)(lambda request, error: {"number": number, "is_whole": True})
    with app.changes():
        if number:
            app.remove("GET", "/now")
            app.remove("GET", "/now/:id")
        app.get("/now")(teller(number))
        app.include(f"/v{number}", part)
        time.sleep(0.001)  # other threads run in the middle of the change
        app.group(f"/g{number}", use=[stamp(number)]).get("/:id")(teller(number))
        app.get("/now/:id")(teller(number))


def go_on():
    for number in range(1, CHANGES):
        change(number)
        state["number"] = number
        time.sleep(0.005)


@app.post("/start")
def start(request, params):
    threading.Thread(target=go_on).start()
    return {}


@app.get("/state")
def tell_state(request, params):
    return state


@app.get("/echo/:name")
def echo(request, params):
    return params


change(0)
app.build()
