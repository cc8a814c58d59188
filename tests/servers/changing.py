"""An application whose routes are replaced all the time, by a thread, while it serves.

Each change includes a Router, makes a group, and replaces two routes; all of them know its number. Whatever is answered
is wholly of one number.
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
    """Without any middleware, a request would not know what it is answered from."""
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
    """A handle that tells its number, and whether all that it is answered from has the same one."""

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
        time.sleep(0.001)  # others run in the middle of it
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
