"""The command that shows the whole tutorial in seconds."""

from __future__ import annotations

import sys
import time

import click

from lab.aws.inventory import survey
from lab.aws.session import session
from lab.course import COURSE
from lab.engine import catch_up
from lab.engine.course import Chapter
from lab.here.own_cloud import in_own_cloud

_OPENING = (
    "This sets up the whole chain on a local cloud of its own, sends one order through it, and "
    "deletes everything again."
)


@click.command()
@click.option("--all", "show_all", is_flag=True, help="Show all that the chapters print.")
def demo(show_all: bool) -> None:
    """Run the whole tutorial on a local cloud of its own, then tear it down."""
    started = time.monotonic()
    print(f"{_OPENING}\n", flush=True)
    with in_own_cloud():
        for number in COURSE.demo:
            _show(COURSE.find(number), show_all)
        left = survey(COURSE.inventory(session()))
    print(f"\nDone in {time.monotonic() - started:.1f} s. Next: make lab")
    sys.exit(1 if left else 0)


def _show(chapter: Chapter, show_all: bool) -> None:
    """Run a chapter. What sets up is a line; of the last chapter there are its last two."""
    is_last = chapter.number == COURSE.last
    if show_all or not (is_last or chapter.number in COURSE.set_up):
        print(f"\n== {chapter.title}", flush=True)
        chapter.run()
    elif is_last:
        said = catch_up.run_quietly(chapter)
        print(f"\n== {chapter.title}", *said.splitlines()[-2:], sep="\n", flush=True)
    else:
        catch_up.run_as_a_line(chapter)


COMMANDS = (demo,)
