"""`python -m microfn` is the command line."""

from .cli import main

main(prog_name="python -m microfn")
