"""The application for servers: examples.bookmarks.wsgi:application."""

import logging
import os
import sys

from werkzeug.middleware.proxy_fix import ProxyFix

from microfn.middleware import RequestIdFilter

from .app import create_app
from .database import connect
from .settings import read_settings

# stdout gets a line of JSON for each request, and stderr the other logs, with the id of the request.
log = logging.getLogger("microfn.access")
log.addHandler(logging.StreamHandler(sys.stdout))
log.setLevel(logging.INFO)
log.propagate = False
handler = logging.StreamHandler()
handler.addFilter(RequestIdFilter())
logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s", handlers=[handler])

settings = read_settings(os.environ)
app = create_app(settings, connect(settings.database_url))
# Without a proxy, clients can set these headers. So they are ignored unless a setting enables them.
application = ProxyFix(app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies)
