"""The program: be the launcher of the process at the other end of stdin."""

from __future__ import annotations  # pragma: no cover - in a process of its own

import os  # pragma: no cover
import sys  # pragma: no cover
from types import ModuleType  # pragma: no cover

if not __package__:  # pragma: no cover
    # Run by its path: nothing around the folder is imported, and no file in it hides a module of the standard library.
    sys.path.pop(0)
    __package__ = "launcher"
    package = ModuleType(__package__)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[__package__] = package

from .program import main  # pragma: no cover

main()  # pragma: no cover
