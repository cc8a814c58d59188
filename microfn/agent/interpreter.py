"""The Python interpreter that runs functions and the launcher."""

from __future__ import annotations

import os.path
import sys

__all__ = ["interpreter"]


def interpreter() -> str:
    """Return the path of a Python like this one. If a server embeds Python, `sys.executable` may be the server."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = sys.executable or ""
    if os.path.basename(found).startswith("python"):
        return found
    return os.path.join(sys.exec_prefix, "bin", name)
