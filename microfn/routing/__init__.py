"""Routing: find the route of a request. No module here imports an HTTP library."""
