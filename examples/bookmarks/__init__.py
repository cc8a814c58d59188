"""Bookmarks: a service as it goes to production. docs/howto/bookmarks.md says how to run, set and deploy it."""
