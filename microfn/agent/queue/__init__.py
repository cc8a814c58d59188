"""Queued calls: `Agent.queued` stores a call, and a worker executes it later.

Only `engine`, `store` and `child` import DBOS. Only `slots` imports psycopg.
"""
