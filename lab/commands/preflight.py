"""The command for the day before a workshop."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from lab.aws import preflight as before
from lab.aws.session import session
from lab.commands.numbers import WholeNumber
from lab.course import COURSE
from lab.engine.display import printable


@click.command()
@click.option(
    "--learners", type=WholeNumber(min=1), default=1, show_default=True, help="How many come."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def preflight(learners: int, as_json: bool) -> None:
    """Say before a workshop whether the account carries it: identity, names, quotas and rates.

    Only looks, changes nothing. Exit status 1 if there is something to do first.
    """
    aws = session(start=False)
    today = datetime.datetime.now(datetime.UTC).date()
    found = list(before.answers(aws, COURSE.inventory(aws), learners, today))
    print(json.dumps([asdict(each) for each in found]) if as_json else "\n".join(_lines(found)))
    sys.exit(1 if any(each.wrong for each in found) else 0)


def _lines(found: Sequence[before.Answer]) -> Iterator[str]:
    for each in found:
        yield f"  {'WRONG' if each.wrong else 'right'}  {printable(each.found)}"
        if each.wrong:
            yield f"         What to do: {printable(each.fix)}"


COMMANDS = (preflight,)
