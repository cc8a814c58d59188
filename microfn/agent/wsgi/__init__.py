"""Calls of an agent for WSGI requests."""
