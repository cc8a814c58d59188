"""Optional middleware: `app.use(cors("*"))`, `app.group("/api", use=[access_log()])`."""

from .access_log import access_log
from .cors import cors
from .metrics import Metrics
from .request_id import RequestIdFilter, request_id
from .security_headers import security_headers

__all__ = ["Metrics", "RequestIdFilter", "access_log", "cors", "request_id", "security_headers"]
