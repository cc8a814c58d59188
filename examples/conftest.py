"""Run the examples in a temporary directory, since importing examples.shortlinks creates its database.

Importing examples.bookmarks.wsgi configures the logs of a server, so only servers import it.
"""

import os
import tempfile

os.environ.setdefault("SHORTLINKS_DATABASE", os.path.join(tempfile.mkdtemp(), "shortlinks.db"))
collect_ignore = ["bookmarks/wsgi.py"]
