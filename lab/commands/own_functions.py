"""Commands for the functions that the learner writes."""

from __future__ import annotations

import json
import sys

import click

from lab.course import try_out as trying
from lab.engine import own_functions

FUNCTION = click.argument("function")


@click.command()
@FUNCTION
def write(function: str) -> None:
    """Make a file for your own version of FUNCTION, with what it has to do.

    A file of yours that is there stays as it is.
    """
    trying.insist_on_being_known(function)
    print(own_functions.write(function))


@click.command("try")
@FUNCTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def try_(function: str, as_json: bool) -> None:
    """Try your own version of FUNCTION with the test events, in a cloud of its own.

    Touches nothing of the chain. Exit status 1 if something is wrong.
    """
    found = trying.try_out(function)
    if as_json:
        print(json.dumps([each._asdict() for each in found]))
    else:
        print(trying.in_words(function, found))
    sys.exit(1 if any(each.problem for each in found) else 0)


COMMANDS = (write, try_)
