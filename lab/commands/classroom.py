"""Commands for an instructor with a roster of learners and one account."""

from __future__ import annotations

import datetime
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import boto3
import click

from lab.aws import guard
from lab.aws.session import account_id, in_words, session
from lab.classroom import cost, roster, server, standing
from lab.classroom.process import Processes, processes, side_by_side, stopped_by_an_error
from lab.classroom.roster import Learner
from lab.classroom.seat import Seats
from lab.classroom.server import Place
from lab.classroom.standing import NOT_BEGUN, RIGHT, WRONG, Memory, Standing
from lab.commands import live, many
from lab.commands.account import account_option
from lab.commands.numbers import WholeNumber
from lab.commands.pipeline import EXIT_STATUS
from lab.course import COURSE
from lab.course.learner_calls import SET_UP, TEARDOWN
from lab.engine.screen import Screen, Table, as_text
from lab.here.lock import set_up_lock
from localcloud.host.number import Number

_TEN_YEARS = 87_600  # in hours
_WIDE = 2000  # a pipe gets each learner in one line
_MARKS = {RIGHT: "ok", WRONG: "WRONG", NOT_BEGUN: "-"}

_roster = click.argument("roster_file", metavar="ROSTER", type=click.Path(path_type=Path))
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only list; change nothing.")
_count = click.option(
    "--side-by-side",
    "count",
    type=WholeNumber(1, 100),
    help=f"How many learners at a time; on AWS {many.ON_AWS} if left out.",
)
_keep_rates = click.option(
    "--keep-rates", is_flag=True, help="Keep to AWS's rates on a local cloud, too: a rehearsal."
)
_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=many.FOLDER,
    show_default=True,
    help="Where the learners' files are.",
)


@click.group("class")
def classroom() -> None:
    """Prepare, watch and clear a class of learners on one account.

    ROSTER is a CSV file with the columns name and email. A learner's name is their LAB_PREFIX.
    """


# -- Up --------------------------------------------------------------------------------------------


@classroom.command(epilog=EXIT_STATUS)
@_roster
@click.option("--with-chain", is_flag=True, help="Set up each learner's chain, too.")
@_folder
@_count
@_keep_rates
@_dry_run
@_as_json
@account_option
def up(
    roster_file: Path,
    with_chain: bool,
    folder: Path,
    count: int | None,
    keep_rates: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a user for each learner of ROSTER: with the smallest policy, and a file with a key.

    The learners build their chains themselves, unless you add --with-chain. It can be repeated: a
    key stays as long as its file has it, and is replaced if not.
    """
    learners = roster.read(roster_file)
    aws = session(start=not dry_run)
    calls = SET_UP if with_chain else {}
    what = "a user, a policy and a key each" + (", and the chain" if with_chain else "")
    many.say(
        as_json,
        f"{many.in_number(learners)} in {in_words(aws)}: {what}.",
        many.how_long(learners, calls),
    )
    if dry_run:
        _print_dry_run(aws, learners, as_json, folder)
        return
    guard.insist(aws)
    with (
        set_up_lock("class"),
        processes(aws, keep_to_rates=keep_rates or many.is_on_aws(aws)) as running,
    ):
        seats = Seats(aws, account_id(aws), folder, running)
        do = seats.make_with_chain if with_chain else seats.make
        done = many.do_for_each(learners, do, many.at_a_time(aws, count, learners), as_json)
    many.end(done, as_json, f"Give each learner their file in {folder}; its first line says how.")


def _print_dry_run(
    aws: boto3.Session, learners: tuple[Learner, ...], as_json: bool, folder: Path
) -> None:
    """What of each learner's user stands, and their file."""
    with processes(aws, keep_to_rates=False) as running:
        seats = Seats(aws, account_id(aws), folder, running)
        count = many.at_a_time(aws, None, learners)
        done = {each.name: found for each, found in side_by_side(count, learners, seats.things)}
    found = {learner.name: done[learner.name] for learner in learners}
    if as_json:
        print(json.dumps({"learners": found}))
        return
    for name, things in found.items():
        print(f"  {name:20} {', '.join(things) if things else 'nothing yet'}")


# -- Status ----------------------------------------------------------------------------------------


@classroom.command()
@click.argument("roster_file", metavar="[ROSTER]", type=click.Path(path_type=Path), required=False)
@click.option("--local", "is_local", is_flag=True, help="Look at the local clouds of this machine.")
@click.option("--user", "users", multiple=True, help="With --local, only this user; repeatable.")
@click.option("--watch", is_flag=True, help="Look again and again, until you press Ctrl-C.")
@click.option(
    "--interval",
    type=Number(1, live.A_DAY),
    default=30.0,
    show_default=True,
    help="Seconds between two looks of --watch.",
)
@_count
@_as_json
def status(
    roster_file: Path | None,
    is_local: bool,
    users: tuple[str, ...],
    watch: bool,
    interval: float,
    count: int | None,
    as_json: bool,
) -> None:
    """Show how far each learner of ROSTER is, who is stuck, where, since when, and on what.

    With --local it looks at the users of this machine who run a local cloud, and at what it takes:
    as root at all of them, else at yours. Only looks. "Since" is when a look of yours first saw it.
    Exit status 1 if nobody knows how far somebody is.
    """
    if is_local == (roster_file is not None):
        raise click.UsageError("Name a ROSTER, or add --local, which takes none.")
    if users and not is_local:
        raise click.UsageError("--user is for --local: a roster names its learners itself.")
    with ExitStack() as stack:
        if roster_file is None:
            running = stack.enter_context(stopped_by_an_error(Processes({})))
            look = partial(_look_here, users, running, count or os.cpu_count() or 1)
        else:
            learners = roster.read(roster_file)
            aws = session(start=False)
            memory = Memory(account_id(aws), str(aws.region_name))
            running = stack.enter_context(processes(aws, keep_to_rates=many.is_on_aws(aws)))
            at_a_time = many.at_a_time(aws, count, learners)
            look = partial(_look, learners, memory, running, at_a_time)
        if watch and not as_json and sys.stdout.isatty():
            live.show(lambda: look().shown(_columns()), interval, "Looking…")
            return
        found = look()
    print(json.dumps(found.as_list) if as_json else found.shown(_columns()))
    sys.exit(1 if any(each.problem for each in found.standings) else 0)


@dataclass(frozen=True)
class _Seen:
    """What a look saw: how far everybody is, and what it looks like as text and as JSON."""

    standings: list[Standing]
    shown: Callable[[int], str]
    as_list: list[dict[str, Any]]


def _columns() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE


def _look_here(users: tuple[str, ...], running: Processes, count: int) -> _Seen:
    places = server.look(users, running, count)
    standings = [each.standing for each in places]
    return _Seen(standings, partial(_shown_here, places), [each.as_dict() for each in places])


def _shown_here(places: list[Place], width: int) -> str:
    if not places:
        return "No local cloud runs here that you may look at. Root may look at everybody's."
    there = [each for each in places if each.address]
    takes = {each.standing.learner: (f"{each.megabytes:.0f}", each.processes) for each in there}
    nothing = dict.fromkeys((each.standing.learner for each in places), ("", ""))
    columns = ("MB", "processes")
    grid = _grid([each.standing for each in places], width, columns, {**nothing, **takes})
    megabytes, count = sum(e.megabytes for e in there), sum(e.processes for e in there)
    return f"{grid}\n\nIn all: {megabytes:,.0f} MB and {count} processes."


def _look(learners: tuple[Learner, ...], memory: Memory, running: Processes, count: int) -> _Seen:
    def check(learner: Learner) -> Standing:
        return standing.of(learner.name, running.run(learner.prefix, learner.email, "check"))

    found = dict(side_by_side(count, learners, check))
    standings = memory.since([found[learner] for learner in learners])
    return _Seen(standings, partial(_grid, standings), [each.as_dict() for each in standings])


def _grid(
    found: list[Standing],
    width: int,
    more: tuple[str, ...] = (),
    takes: Mapping[str, tuple[object, ...]] = MappingProxyType({}),
) -> str:
    """The chapters of each learner, and `more` columns with what each `takes`."""
    numbers = next((list(each.chapters) for each in found if each.chapters), [])
    rows = [
        (
            each.learner,
            *(_MARKS.get(each.chapters.get(number, ""), "?") for number in numbers),
            *takes.get(each.learner, ()),
            _told(each),
        )
        for each in found
    ]
    columns = ("learner", *numbers, *more, "stuck")
    return as_text(Screen("", tables=(Table(columns, rows),)), width)


def _told(standing: Standing) -> str:
    if standing.problem:
        return f"not known: {standing.problem}"
    if standing.since is None:
        return ""
    since = time.strftime("%H:%M", time.localtime(standing.since))
    return f"in {standing.stuck} since {since}: {standing.on}"


# -- Down ------------------------------------------------------------------------------------------


@classroom.command(epilog=EXIT_STATUS)
@_roster
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option(
    "--older-than",
    "hours",
    type=Number(0, _TEN_YEARS),
    help="Only learners whose users were made at least so many hours ago.",
)
@_folder
@_count
@_keep_rates
@_dry_run
@_as_json
@account_option
def down(
    roster_file: Path,
    yes: bool,
    hours: float | None,
    folder: Path,
    count: int | None,
    keep_rates: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete the chain, the user, the key and the policy of each learner of ROSTER.

    What is not this tutorial's and that learner's, as the tags say, stays.
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("With --json nobody is asked: add --yes, or --dry-run to list only.")
    everybody = roster.read(roster_file)
    aws = session(start=False)
    with processes(aws, keep_to_rates=keep_rates or many.is_on_aws(aws)) as running:
        seats = Seats(aws, account_id(aws), folder, running)
        learners = tuple(_old_enough(seats, everybody, hours))
        if not learners:
            many.end([], as_json, "Nobody's seat is old enough.")
        where = f"{many.in_number(learners)} in {in_words(aws)}"
        many.say(as_json, f"{where}: all that is theirs.", many.how_long(learners, TEARDOWN))
        if dry_run:
            _print_dry_run(aws, learners, as_json, folder)
            return
        guard.insist(aws)
        if learners and not yes:
            click.confirm(f"Delete all that is theirs of {where}?", abort=True)
        with set_up_lock("class"):
            done = many.do_for_each(
                learners, seats.clear, many.at_a_time(aws, count, learners), as_json
            )
    many.end(done, as_json, "Nothing of them is left.")


def _old_enough(
    seats: Seats, learners: tuple[Learner, ...], hours: float | None
) -> Iterator[Learner]:
    if hours is None:
        yield from learners
        return
    latest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours)
    for learner in learners:
        made = seats.user(learner).made_at()
        if made and made <= latest:
            yield learner
        else:
            why = f"made {made:%Y-%m-%d %H:%M} UTC" if made else "no user, so no age"
            print(f"  {learner.name:20} stays: {why}", file=sys.stderr)


# -- Cost ------------------------------------------------------------------------------------------


@classroom.command("cost")
@_roster
@click.option(
    "--orders",
    type=WholeNumber(min=0),
    default=sum(chapter.orders for chapter in COURSE.chapters),
    show_default=True,
    help="How many orders each learner sends; all chapters send so many.",
)
@click.option(
    "--hours",
    type=Number(0, _TEN_YEARS),
    default=4.0,
    show_default=True,
    help="How long a chain stands.",
)
@_as_json
def cost_of_class(roster_file: Path, orders: int, hours: float, as_json: bool) -> None:
    """Say what a workshop with ROSTER costs, by service, and what goes into the sum."""
    learners = roster.read(roster_file)
    workshop = cost.Workshop(len(learners), orders, hours)
    found, total = list(cost.items(workshop)), cost.total(workshop)
    inputs = {"learners": workshop.learners, "orders": orders, "hours": hours}
    if as_json:
        items = [each.as_dict() for each in found]
        print(json.dumps({**inputs, "prices": cost.PRICED, "items": items, "dollars": total}))
        return
    rows = [
        (each.service, each.what, f"{each.count:,.6g}", f"${each.price:.10f}".rstrip("0"),
         f"${each.dollars:.4f}")
        for each in found
    ]  # fmt: skip
    columns = ("service", "what", "how many", "each", "dollars")
    title = f"{many.in_number(learners)}, {orders} orders each, {hours:g} hours. {cost.PRICED}."
    print(as_text(Screen(title, tables=(Table(columns, rows),)), _WIDE))
    print(f"\nIn all: ${math.ceil(total * 100) / 100:.2f}")


COMMANDS: tuple[Any, ...] = (classroom,)
