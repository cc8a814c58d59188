"""HTTP: requests and responses, based on werkzeug's."""
