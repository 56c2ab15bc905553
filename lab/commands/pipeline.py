"""Commands for the whole pipeline, for people and for scripts: `lab up` makes it, and `lab down`,
which is also teardown.py, deletes it.

With --json, standard output carries the JSON and nothing else; progress goes to standard error.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Sequence

import boto3
import click

from lab.aws import deletion, guard, reads
from lab.aws.inventory import Found, Resource, none_but_ours, survey
from lab.aws.session import account_id, session, to_name_things_only
from lab.commands import many
from lab.commands.account import account_option
from lab.course import COURSE, facade
from lab.course.names import names
from lab.engine import catch_up, together
from lab.engine.checks import Finding, in_brief, wrong_in_words
from lab.errors import NoCloudError
from lab.here.lock import set_up_lock

EXIT_STATUS = """Exit status: 0 when all is done, 1 when something is left or wrong, 2 for a wrong
option, 130 when it was stopped with Ctrl-C. After a stop, run it again, or the other of the two: it
goes on from what is there."""

_dry_run = click.option("--dry-run", is_flag=True, help="Only list; change nothing.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


# -- Up --------------------------------------------------------------------------------------------


@click.command(
    epilog=EXIT_STATUS,
    help=f"Set up the whole pipeline: chapters {COURSE.set_up[0]} to {COURSE.set_up[-1]}. "
    "It can be repeated: what stands stays. `lab down` is the reverse.",
)
@_dry_run
@_as_json
@account_option
def up(dry_run: bool, as_json: bool) -> None:
    if dry_run:
        _say_what_would_be_made(as_json)
        return
    aws = session()  # what is wrong with it is reported before anything is printed
    with set_up_lock(), _standard_output_for_json(as_json):
        stands, missing = _standing(aws)
        with together.looked_at():
            catch_up.set_up(COURSE)
        wrong = _what_is_wrong(aws)
    if as_json:
        wrong_as_json = [finding.as_dict() for finding in wrong]
        _print_json(_where(aws), stood=_listed(stands), made=_listed(missing), wrong=wrong_as_json)
    else:
        _say_what_is_wrong(wrong)
    sys.exit(1 if wrong else 0)


def _what_is_wrong(aws: boto3.Session) -> list[Finding]:
    """Look at all that was set up, and print of each chapter how much is right."""
    with reads.once_each():
        found = {number: facade.examine(aws, number) for number in COURSE.set_up}
    for number, findings in found.items():
        print(in_brief(COURSE.find(number), findings))
    return [finding for findings in found.values() for finding in findings if finding.wrong]


def _say_what_would_be_made(as_json: bool) -> None:
    try:
        aws: boto3.Session = session(start=False)
        where = _where(aws)
        stands, missing = _standing(aws)
    except NoCloudError:
        where = {}
        stands, missing = [], list(_inventory(to_name_things_only()))
    if as_json:
        _print_json(where, stands=_listed(stands), to_make=_listed(missing))
        return
    for what, resources in (("stands", stands), ("to make", missing)):
        for resource in resources:
            print(f"  {what:8} {resource}")
    print(f"{len(missing)} to make in {_in_words(where)}")


def _standing(aws: boto3.Session) -> tuple[list[Resource], list[Resource]]:
    """What stands of ours, and what is missing. Raises what stops a chapter, too: NotOursError,
    DuplicateError."""
    everything = _inventory(aws)
    ours = {str(found.resource) for found in none_but_ours(everything)}
    stands = [each for each in everything if str(each) in ours]
    return stands, [each for each in everything if str(each) not in ours]


def _say_what_is_wrong(wrong: Sequence[Finding]) -> None:
    for finding in wrong:
        print(*wrong_in_words(finding), sep="\n", file=sys.stderr)
    if wrong:
        print("`lab check` says whether it is right now.", file=sys.stderr)


# -- Down ------------------------------------------------------------------------------------------


@click.command(epilog=EXIT_STATUS)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@_dry_run
@_as_json
@click.option(
    "--everyone",
    is_flag=True,
    help="What any learner left in the account and region; for the instructor of a class.",
)
@account_option
def down(yes: bool, dry_run: bool, as_json: bool, everyone: bool) -> None:
    """Delete what the tutorial made, and prove that nothing is left. `lab up` is the reverse.

    Lists what carries our tags, asks, deletes in reverse order, waits until each thing is gone, and
    lists again. What has one of our names but not our tags stays.
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("With --json nobody is asked: add --yes, or --dry-run to list only.")
    try:
        aws = session(start=False)
    except NoCloudError as error:
        _say_that_nothing_is_there(error, dry_run, as_json)
        return
    if everyone:
        many.sweep_account(aws, yes, dry_run, as_json)
        return
    found = survey(_inventory(aws))
    if not as_json:
        for each in found:
            print(f"  {each.resource}{'' if each.ours else '  (not ours: stays)'}")
    if dry_run:
        _say_what_would_be_deleted(aws, found, as_json)
        return
    _delete(aws, found, yes, as_json)


def _say_that_nothing_is_there(error: NoCloudError, dry_run: bool, as_json: bool) -> None:
    if as_json:
        _print_json({}, **({"to_delete": []} if dry_run else {"deleted": [], "left": []}))
    else:
        print(f"{error} So there is nothing to delete.\n0 left")


def _say_what_would_be_deleted(aws: boto3.Session, found: list[Found], as_json: bool) -> None:
    ours, theirs = _ours(found), _not_ours(found)
    if as_json:
        _print_json(_where(aws), to_delete=_as_dicts(ours), not_ours=_as_dicts(theirs))
    else:
        print(f"{len(ours)} to delete in {_in_words(_where(aws))}")


def _delete(aws: boto3.Session, found: list[Found], yes: bool, as_json: bool) -> None:
    guard.insist(aws)
    where, ours = _where(aws), _ours(found)
    if ours and not yes:
        click.confirm(f"Delete these {len(ours)} in {_in_words(where)}?", abort=True)
    with _standard_output_for_json(as_json):
        left = deletion.tear_down(_inventory(aws), list(reversed(ours)))
    for each in left:
        print(f"Expected to delete the {each.resource}, but it is still there.", file=sys.stderr)
    if left:
        print("See the reasons above, and run it again.", file=sys.stderr)
    if as_json:
        deleted = [each for each in ours if each not in left]
        parts = {"deleted": deleted, "left": left, "not_ours": _not_ours(found)}
        _print_json(where, **{part: _as_dicts(those) for part, those in parts.items()})
    else:
        print(f"{len(left)} left")
    sys.exit(1 if left else 0)


def _ours(found: list[Found]) -> list[Found]:
    return [each for each in found if each.ours]


def _not_ours(found: list[Found]) -> list[Found]:
    return [each for each in found if not each.ours]


# -- Both ------------------------------------------------------------------------------------------


def _inventory(aws: boto3.Session) -> tuple[Resource, ...]:
    return COURSE.inventory(aws)


def _where(aws: boto3.Session) -> dict[str, str]:
    return {"account": account_id(aws), "region": str(aws.region_name), "prefix": names().prefix}


def _in_words(where: dict[str, str]) -> str:
    if not where:
        return "a local cloud, which `lab up` starts"
    return f"account {where['account']}, region {where['region']}"


def _listed(resources: Iterable[Resource]) -> list[dict[str, str]]:
    return [{"kind": r.kind, "name": r.name, "chapter": r.chapter} for r in resources]


def _as_dicts(found: Iterable[Found]) -> list[dict[str, str]]:
    return [{**_listed([each.resource])[0], "id": each.id} for each in found]


def _print_json(where: dict[str, str], **parts: object) -> None:
    print(json.dumps({**where, **parts}))


def _standard_output_for_json(as_json: bool) -> contextlib.AbstractContextManager[object]:
    """Keeps what is printed in here out of standard output if that is for JSON."""
    return contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()


COMMANDS = (up, down)
