"""`python -m lab` is the `lab` command."""

from lab.commands.cli import main

main(prog_name="lab")
