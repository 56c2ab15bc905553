"""Commands for those who change the tutorial."""

from __future__ import annotations

import json
import sys

import click

from lab.aws.packaging import event
from lab.aws.session import Session, session
from lab.commands import look, watch
from lab.course import COURSE, learner_policy
from lab.course import dead_letters as stuck
from lab.course.names import names
from lab.engine.permissions import permissions_of
from lab.here.folders import ROOT
from lab.here.own_cloud import in_own_cloud


@click.group()
def dev() -> None:
    """Commands for those who change the tutorial."""


@dev.command()
def check() -> None:
    """Say what a chapter still lacks, and where a rule of the repository is broken.

    Exit status 0 if there is nothing to say.
    """
    from lab.engine import upkeep  # reads every script, which no other command does

    found = upkeep.problems(COURSE)
    print("\n".join(found) or f"All right: {len(COURSE.chapters)} chapters, and the house.")
    sys.exit(1 if found else 0)


@dev.command()
@click.argument("chapter", required=False)
def notebooks(chapter: str | None) -> None:
    """Build the notebooks from the scripts and execute them on a local cloud of their own.

    With CHAPTER only its notebook, after the chapters that it builds on.
    """
    from lab.engine.notebooks import build_all

    build_all(COURSE, COURSE.find(chapter) if chapter else None)


@dev.command()
def permissions() -> None:
    """Run all chapters on a local cloud of their own, and write down what a learner needs for that.

    `lab policy` is made from it.
    """
    with in_own_cloud():
        actions = permissions_of(COURSE, session(), use_commands)
    learner_policy.write_actions(actions)
    print(f"Wrote {len(actions)} actions to {learner_policy.ACTIONS_FILE.relative_to(ROOT)}.")


def use_commands(aws: Session) -> None:
    """Look at the chain that stands, and send back a dead letter, as a learner does."""
    look.logs.main([], standalone_mode=False)
    watch.watch.main(["--once"], standalone_mode=False)
    sqs = aws.client("sqs")
    (record,) = json.loads(event("notify_fulfillment"))["Records"]
    name = names().queue_dead_letters
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=record["body"])
    stuck.dead_letters(aws)
    stuck.redrive(aws, name)


COMMANDS = (dev,)
