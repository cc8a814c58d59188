"""A pytest plugin that replaces werkzeug's Request and Response by microfn's.

Load it before the import of the suite (`-p tests.peers.swap`), so that Flask's classes inherit from microfn's.
Importing it has no effect, since pytest imports each file of tests/ to find doctests.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import pytest
import werkzeug.debug
import werkzeug.test
import werkzeug.testapp
import werkzeug.wrappers

import microfn

REPLACEMENTS = {werkzeug.wrappers.Request: microfn.Request, werkzeug.wrappers.Response: microfn.Response}


def import_package() -> None:
    """Import each module of microfn, since one that is imported after the swap would inherit from microfn's classes."""
    for module in pkgutil.walk_packages(microfn.__path__, "microfn."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def swap() -> None:
    """Replace the classes in each module of werkzeug, and in the builder of its test client."""
    if "flask" in sys.modules:
        raise RuntimeError("Flask must be imported after the swap, since its classes have werkzeug's as bases")
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "werkzeug":
            for attribute, value in list(vars(module).items()):
                if isinstance(value, type) and value in REPLACEMENTS:
                    setattr(module, attribute, REPLACEMENTS[value])
    werkzeug.test.EnvironBuilder.request_class = microfn.Request


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Swap before a conftest of the suite imports subclasses."""
    import_package()
    swap()
