"""Applications to read and to start from. Each runs under any WSGI server as `examples.<name>:app`."""
