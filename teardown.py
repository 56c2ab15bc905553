"""Delete everything that the tutorial made, and prove that nothing is left.

Lists what carries our tags, asks, deletes in the reverse order of making, waits until each
thing is gone, and lists again. What has one of our names without our tags stays.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

import boto3
import click
from botocore.exceptions import ClientError

import lab
from lab.chapters import SET_UP
from lab.errors import TargetError, WaitTimeoutError
from lab.inventory import Found, inventory, survey
from lab.settings import load as load_settings
from lab.waiting import wait_until


def list_ours(aws: boto3.Session, made_by: Collection[str] = SET_UP) -> list[Found]:
    """What the chapters of these numbers made and carries our tags, in the order of deleting."""
    wanted = [resource for resource in inventory(aws) if resource.chapter in made_by]
    return [found for found in survey(reversed(wanted)) if found.ours]


def tear_down(aws: boto3.Session, made_by: Collection[str] = SET_UP) -> list[Found]:
    """Delete what these chapters made and wait until it is gone; returns what is left all the same.

    What cannot be deleted does not keep the rest from being deleted; the reason goes to
    standard error.
    """
    for found in list_ours(aws, made_by):
        try:
            _delete(found)
            print(f"Deleted the {found.resource}.")
        except (ClientError, WaitTimeoutError) as error:
            print(f"The {found.resource} could not be deleted: {error}", file=sys.stderr)
    return list_ours(aws, made_by)


def _delete(found: Found) -> None:
    found.resource.delete(found.id)
    # Another resource may bear the same name; ours is gone when its id is.
    wait_until(lambda: found.resource.find() != found.id, f"{found.resource} is gone", timeout=300)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--dry-run", is_flag=True, help="List only.")
def main(yes: bool, dry_run: bool) -> None:
    """Delete what the tutorial made, for the LAB_TARGET, LAB_PREFIX and region that are set.

    Exit status: 0 when nothing is left, 1 when something is, 2 for a wrong option.
    """
    try:
        aws = lab.session(start=False)
    except TargetError as error:
        if load_settings().target == "aws":
            raise
        print(f"{error} So there is nothing to delete.\n0 left")
        return
    where = f"account {lab.account_id(aws)}, region {aws.region_name}"
    everything = list(survey(inventory(aws)))
    ours = [found for found in everything if found.ours]
    for found in everything:
        print(f"  {found.resource}{'' if found.ours else '  (not ours: stays)'}")
    if dry_run:
        print(f"{len(ours)} to delete in {where}")
        return
    if ours and not yes:
        click.confirm(f"Delete these {len(ours)} in {where}?", abort=True)
    left = tear_down(aws)
    print(f"{len(left)} left")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
