"""Requests that came and responses that leave: werkzeug's, hardened."""
