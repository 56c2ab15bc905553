"""`python -m lab` is the `lab` command."""

from lab.cli import main

main(prog_name="lab")
