"""Delete everything that the tutorial made, and prove that nothing is left.

Lists what carries our tags, asks, deletes in reverse order, waits until each
thing is gone, and lists again. It leaves alone what has one of our names but not our tags.
"""

from __future__ import annotations

import sys

import click

import lab
from lab.aws.inventory import survey
from lab.course.facade import list_ours, tear_down
from lab.course.resources import inventory
from lab.errors import NoCloudError

__all__ = ["list_ours", "tear_down"]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--dry-run", is_flag=True, help="List only.")
def main(yes: bool, dry_run: bool) -> None:
    """Delete what the tutorial made, with the LAB_TARGET, LAB_PREFIX and region that you set.

    Exit status: 0 when nothing is left, 1 when something is, 2 for a wrong option.
    """
    try:
        aws = lab.session(start=False)
    except NoCloudError as error:
        print(f"{error} So there is nothing to delete.\n0 left")
        return
    where = f"account {lab.account_id(aws)}, region {aws.region_name}"
    everything = survey(inventory(aws))
    ours = [found for found in everything if found.ours]
    for found in everything:
        print(f"  {found.resource}{'' if found.ours else '  (not ours: stays)'}")
    if dry_run:
        print(f"{len(ours)} to delete in {where}")
        return
    if ours and not yes:
        click.confirm(f"Delete these {len(ours)} in {where}?", abort=True)
    left = tear_down(aws)
    for found in left:
        print(f"Expected to delete the {found.resource}, but it is still there.", file=sys.stderr)
    if left:
        print("See the reasons above, and run teardown again.", file=sys.stderr)
    print(f"{len(left)} left")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
