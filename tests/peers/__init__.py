"""werkzeug's and Flask's own tests, with microfn's Request and Response instead of werkzeug's: `make peers`."""
