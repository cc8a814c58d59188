"""Importing examples.shortlinks makes its database: under pytest in a directory of its own."""

import os
import tempfile

os.environ.setdefault("SHORTLINKS_DATABASE", os.path.join(tempfile.mkdtemp(), "shortlinks.db"))
