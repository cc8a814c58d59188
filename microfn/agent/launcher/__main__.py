"""The program: be the launcher of the process at the other end of stdin."""

from __future__ import annotations  # pragma: no cover - in a process of its own

import os  # pragma: no cover
import sys  # pragma: no cover
from importlib import import_module  # pragma: no cover
from types import ModuleType  # pragma: no cover

name = __package__ or "launcher"  # pragma: no cover
if not __package__:  # pragma: no cover
    # Run by its path: nothing around the folder is imported, and no file in it hides a module of the standard library.
    sys.path.pop(0)
    package = ModuleType(name)
    package.__path__ = [os.path.dirname(os.path.abspath(__file__))]
    sys.modules[name] = package

import_module(f"{name}.program").main(*sys.argv[1:])  # pragma: no cover
