"""Calls of an agent for requests. The rest of the agent does not depend on WSGI."""
