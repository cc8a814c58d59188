"""Run the command line with `python -m microfn`."""

from .cli import main

main(prog_name="python -m microfn")
