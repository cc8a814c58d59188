"""Hot functions: processes that answer call after call."""
