"""Which route a request matches. Nothing here knows an HTTP library."""
