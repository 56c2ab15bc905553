"""The command for the day before a workshop."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import click

from lab.aws import preflight as before
from lab.aws.session import session
from lab.commands.numbers import WholeNumber
from lab.course import COURSE, learner_policy
from lab.course.names import names
from lab.engine.display import printable


@click.command()
@click.option(
    "--learners", type=WholeNumber(min=1), default=1, show_default=True, help="How many come."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def preflight(learners: int, as_json: bool) -> None:
    """Say before a workshop whether the account carries it: who you are, permissions,
    names, quotas and rates.

    Only looks, changes nothing. Permissions are simulated, where IAM lets you do that. Exit
    status 1 if there is something to do first.
    """
    aws = session(start=False)
    today = datetime.datetime.now(datetime.UTC).date()
    policy = partial(_policy, str(aws.region_name))
    found = list(before.answers(aws, COURSE.inventory(aws), policy, learners, today))
    print(json.dumps([asdict(each) for each in found]) if as_json else "\n".join(_lines(found)))
    sys.exit(1 if any(each.wrong for each in found) else 0)


def _policy(region: str, account: str) -> dict[str, Any]:
    return learner_policy.policy(names(), account, region, learner_policy.recorded_actions())


def _lines(found: Sequence[before.Answer]) -> Iterator[str]:
    for each in found:
        mark = "WRONG" if each.wrong else "right" if each.is_known else "?"
        yield f"  {mark:5}  {printable(each.found)}"
        if each.wrong:
            yield f"         What to do: {printable(each.fix)}"


COMMANDS = (preflight,)
