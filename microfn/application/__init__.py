"""The life of a request, and what it is answered from."""
