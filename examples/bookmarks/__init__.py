"""Bookmarks: a service for production. docs/howto/bookmarks.md describes how to run, configure and deploy it."""
