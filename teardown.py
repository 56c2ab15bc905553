"""Delete everything that the tutorial made, and prove that nothing is left.

Lists what carries our tags, asks, deletes in the reverse order of making, waits until each
thing is gone, and lists again. What has one of our names without our tags stays.
"""

from __future__ import annotations

import sys

import boto3
import click

import lab
from lab.inventory import Found, inventory, survey
from lab.waiting import wait_until


def list_ours(aws: boto3.Session) -> list[Found]:
    """What exists and carries our tags, in the order of deleting."""
    return [found for found in survey(reversed(inventory(aws))) if found.ours]


def tear_down(aws: boto3.Session) -> list[Found]:
    """Delete everything of ours and wait until it is gone; returns what is left all the same."""
    for found in list_ours(aws):
        resource = found.resource
        resource.delete(found.id)
        wait_until(lambda: resource.find() is None, f"{resource} is gone", timeout=300)  # noqa: B023
        print(f"Deleted the {resource}.")
    return list_ours(aws)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--dry-run", is_flag=True, help="List only.")
def main(yes: bool, dry_run: bool) -> None:
    """Delete what the tutorial made, for the LAB_TARGET and LAB_PREFIX that are set.

    Exit status: 0 when nothing is left, 1 when something is, 2 for a wrong option.
    """
    aws = lab.session()
    ours = list_ours(aws)
    for found in survey(inventory(aws)):
        print(f"  {found.resource}{'' if found.ours else '  (not ours: stays)'}")
    if dry_run or not ours:
        print(f"{len(ours)} left" if not ours else f"{len(ours)} to delete")
        sys.exit(0)
    if not yes:
        where = "AWS" if lab.load_settings().target == "aws" else "the local cloud"
        click.confirm(f"Delete these {len(ours)} from {where}?", abort=True)
    left = tear_down(aws)
    for found in left:
        print(f"  {found.resource} is still there", file=sys.stderr)
    print(f"{len(left)} left")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
