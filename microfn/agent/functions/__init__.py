"""Functions: what a program is told of a call, and what its output means."""
