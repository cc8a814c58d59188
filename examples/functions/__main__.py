"""Create a thumbnail without HTTP: the same function, with the same limits.

python -m examples.functions 200 photo.jpg > small.jpg
"""

from __future__ import annotations

import sys
from io import BytesIO

from microfn.agent import CallError

from . import agent, make_thumbnail


def main(arguments: list[str]) -> str | None:
    """Write the thumbnail to stdout, or return the error."""
    if len(arguments) != 2 or not arguments[0].isdecimal():
        return "usage: python -m examples.functions SIZE FILE > THUMBNAIL"
    size, path = int(arguments[0]), arguments[1]
    answer = BytesIO()
    try:
        with open(path, "rb") as photo:
            call = agent.get_call(
                "POST",
                f"/thumb/{size}",
                function=make_thumbnail,
                params={"size": size},
                headers={"Accept": "text/plain"},
                body=photo,
                writer=answer,
            )
        agent.submit(call)
    except OSError as error:
        return f"{path}: {error.strerror}"
    except CallError as error:
        return f"{path}: {error}"
    if call.status != "200 OK":
        return f"{path}: {answer.getvalue().decode().strip()}"
    sys.stdout.buffer.write(answer.getvalue())
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
