"""Importing examples.shortlinks makes its database: under pytest in a directory of its own.

Importing examples.bookmarks.wsgi sets up the logs of a server, so only servers do.
"""

import os
import tempfile

os.environ.setdefault("SHORTLINKS_DATABASE", os.path.join(tempfile.mkdtemp(), "shortlinks.db"))
collect_ignore = ["bookmarks/wsgi.py"]
