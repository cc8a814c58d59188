"""Functions: the request that a program gets, and the response in its output."""
