"""Calls that are stored, and executed later: `Agent.queued`. Only `store`, `slots` and `child` import the engine."""
