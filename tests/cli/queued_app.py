"""The application for tests of `microfn work` and `microfn calls`."""

from click.testing import CliRunner

from microfn import cli

QUEUED = """
from microfn import Router
from microfn.agent import Agent

app = Router()
agent = Agent(ram="256M", queue="sqlite:///{directory}/calls.db")
plain = Agent()
app.post("/cat")(agent.queued(agent.cold(["cat"], memory=16, timeout=5), retries=1, expires=50))
"""


def failing(*words):
    """Run a command that must fail with an error message, and return its output."""
    result = CliRunner().invoke(cli.main, words)
    assert result.exit_code in (1, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output
