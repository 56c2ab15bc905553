"""The command for those who give learners their credentials."""

from __future__ import annotations

import json
import os
import re

import click

from lab.aws.session import account_id, session
from lab.course import learner_policy
from lab.course.names import Names
from lab.here import settings


def _checked(_: click.Context, __: click.Parameter, account: str | None) -> str | None:
    if account is not None and not re.fullmatch(r"[0-9]{12}", account):
        raise click.BadParameter(f"expected the 12 digits of an AWS account, found {account!r}.")
    return account


@click.command()
@click.option("--account", callback=_checked, help="The id of the AWS account; yours if left out.")
@click.option("--region", help="The region; yours if left out.")
@click.option("--prefix", help="The learner's LAB_PREFIX; yours if left out.")
def policy(account: str | None, region: str | None, prefix: str | None) -> None:
    """Print the smallest IAM policy that a learner needs on AWS, as JSON.

    It allows what all chapters, the checks and the other commands here need, on what has the
    learner's names. A REST API has no name in a policy, so it allows what others have there, too.

    Make a managed policy of it (iam create-policy), and attach that: it is too long for an inline
    policy of a user.
    """
    if not (account and region):
        aws = session(start=False)
        account, region = account or account_id(aws), region or str(aws.region_name)
    checked = settings.load({**os.environ, **({} if prefix is None else {"LAB_PREFIX": prefix})})
    settings.check_region(region, "--region")
    actions = learner_policy.recorded_actions()
    found = learner_policy.policy(Names(checked.prefix), account, region, actions)
    print(json.dumps(found, indent=2))


COMMANDS = (policy,)
