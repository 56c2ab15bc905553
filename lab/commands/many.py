"""What commands for many learners share: a line about each, who failed, and how long it takes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import boto3
import click

from lab.aws import guard, rates
from lab.aws.inventory import Found
from lab.aws.session import account_id, in_words
from lab.classroom import sweep
from lab.classroom.process import processes, side_by_side
from lab.classroom.roster import Learner
from lab.classroom.seat import Result, Seats
from lab.course.learner_calls import TEARDOWN
from lab.engine.display import printable
from lab.here import settings
from lab.here.lock import set_up_lock

ON_AWS = 30  # processes mostly wait there; a local cloud shares this machine with them
FOLDER = Path("class")


def do_for_each(
    learners: Sequence[Learner], do: Callable[[Learner], Result], count: int, as_json: bool
) -> list[Result]:
    """Do this for each, with a line about each as it is done."""
    done: list[Result] = []
    for learner, result in side_by_side(count, learners, do):
        done.append(result)
        told = f"FAILED  {result.problem}" if result.problem else result.done
        say(as_json, f"  {learner.name:20} {result.seconds:6.1f} s   {told}")
    return done


def end(done: Sequence[Result], as_json: bool, following: str) -> NoReturn:
    """Say who failed and why, and end with a status that says whether anybody did."""
    failed = [each for each in done if each.problem]
    if as_json:
        print(json.dumps({"learners": [each.as_dict() for each in done]}))
    else:
        print(f"{len(done) - len(failed)} of {len(done)} done.", *([] if failed else [following]))
    for each in failed:
        print(f"{each.learner.name}: {each.problem}", file=sys.stderr)
    if failed:
        print("Correct that, and run it again: it finds what is there.", file=sys.stderr)
    sys.exit(1 if failed else 0)


def say(as_json: bool, *lines: str) -> None:
    """Print lines for people; standard output may be for JSON."""
    for line in filter(None, lines):
        print(printable(line), file=sys.stderr if as_json else sys.stdout, flush=True)


def in_number(learners: Sequence[Learner]) -> str:
    return "1 learner" if len(learners) == 1 else f"{len(learners)} learners"


def how_long(learners: Sequence[Learner], calls: Mapping[str, int]) -> str:
    """How long it takes at least if each learner makes these calls; "" if no rate decides that."""
    name, seconds = rates.slowest({call: len(learners) * n for call, n in calls.items()})
    if not seconds:
        return ""
    return (
        f"On AWS that takes {rates.minutes(seconds)} at least ({rates.in_words(name)}, "
        "for the whole account)."
    )


def is_on_aws(aws: boto3.Session) -> bool:
    """Whether there are rates to keep to."""
    return settings.load().target == "aws" and getattr(aws, "endpoint_url", None) is None


def at_a_time(aws: boto3.Session, count: int | None, learners: Sequence[Learner]) -> int:
    """How many learners are done side by side: so many if that was said."""
    most = ON_AWS if is_on_aws(aws) else max(2, os.cpu_count() or 1)
    return max(1, min(count or most, len(learners)))


def sweep_account(aws: boto3.Session, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete what any learner left in the account and region, after listing and asking."""
    account = account_id(aws)
    found = sweep.learners(aws, account)
    _list(aws, found, as_json)
    if dry_run:
        if as_json:
            things = {each.prefix: [str(f.resource) for f in found[each]] for each in found}
            print(json.dumps({"to_delete": things}))
        return
    guard.insist(aws)
    if found and not yes:
        click.confirm(f"Delete all of that in {in_words(aws)}?", abort=True)
    with set_up_lock("class"), processes(aws, keep_to_rates=is_on_aws(aws)) as running:
        clear = Seats(aws, account, FOLDER, running).clear
        done = do_for_each([*found], clear, at_a_time(aws, None, [*found]), as_json)
    left = sweep.learners(aws, account)
    end([_looked_after(each, left) for each in done], as_json, f"{len(left)} left")


def _list(aws: boto3.Session, found: Mapping[Learner, list[Found]], as_json: bool) -> None:
    say(as_json, f"{in_number([*found])} left something in {in_words(aws)}.")
    for learner, things in found.items():
        kinds = ", ".join(sorted({each.resource.kind for each in things}))
        say(as_json, f"  {learner.name:20} {len(things)} things: {kinds}")
    say(as_json, how_long([*found], TEARDOWN))


def _looked_after(result: Result, left: Mapping[Learner, list[Found]]) -> Result:
    """The result, after a second look at what is there."""
    if result.problem or result.learner not in left:
        return result
    return replace(result, problem=f"{left[result.learner][0].resource} is still there")
