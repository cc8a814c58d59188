"""The application of the soak. Its functions log each execution to a file, and some of them fail."""

import os
import time

from microfn import Router
from microfn.agent import Agent

app = Router()
agent = Agent(ram="2G", queue=os.environ.get("MICROFN_QUEUE", "sqlite:////nowhere/calls.db"))
_env = {"PATH": os.environ["PATH"], "EXECUTIONS": os.environ.get("MICROFN_EXECUTIONS", "/dev/null")}
_note = 'echo "$FN_CALL_ID $HTTP_FN_ATTEMPT" >> "$EXECUTIONS"'
_SCRIPTS = {
    "well": 'sleep 0.02; printf %s "$FN_CALL_ID"',
    "slow": 'sleep 0.5; printf %s "$FN_CALL_ID"',
    "failing": "exit 1",
    "late": "sleep 9",
}
for _name, _script in _SCRIPTS.items():
    _function = agent.cold(
        ["sh", "-c", f"{_note}; {_script}"], name=_name, memory=8, timeout=1 if _name == "late" else 5, env=_env
    )
    app.post(f"/{_name}")(agent.queued(_function, retries=0 if _name == "late" else 2 if _name == "failing" else 8))


def handle(request, params):
    """Do the work of the function "well" in the worker itself."""
    call_id = request.environ["FN_CALL_ID"]
    with open(_env["EXECUTIONS"], "a", encoding="ascii") as file:
        file.write(f"{call_id} {request.headers['Fn-Attempt']}\n")
    time.sleep(0.02)
    return call_id


app.post("/handle")(agent.queued(handle, retries=8))
app.mount("/calls", agent.calls)
