"""Catching up and going back: `lab goto` and `lab reset`.

The cloud is the state: a chapter is run if its check finds something wrong, so both can be
repeated, and whatever a learner has done already stays. Only one of them works at a time.
"""

from __future__ import annotations

import contextlib
import io
import time
from typing import NamedTuple, NoReturn

import boto3

from lab.aws import deletion, guard
from lab.aws.inventory import Found
from lab.engine.checks import Finding, examine, is_right, report
from lab.engine.course import Chapter, Course
from lab.engine.display import waiting_sign
from lab.errors import MissingStepError
from lab.here.lock import set_up_lock
from lab.here.shell import as_text


def go_to(course: Course, aws: boto3.Session, chapter: Chapter) -> None:
    """Run those chapters before this one that are not right as they stand, but none that breaks
    things or takes everything down. Raises MissingStepError, with what to do, if something is
    wrong that no chapter fixes."""
    ran = []
    with set_up_lock():
        for earlier in course.before(chapter):
            found = examine(course, aws, earlier)
            if is_right(found):
                print(f"== {earlier.title}: stands already", flush=True)
            elif any(finding.by_hand for finding in found):
                _give_up(earlier, found)
            else:
                print(f"== {earlier.title}", flush=True)
                earlier.run()
                ran.append(earlier)
        for earlier in ran:  # on AWS, somebody may have to open a mail first
            if not is_right(found := examine(course, aws, earlier)):
                _give_up(earlier, found)


def _give_up(chapter: Chapter, found: list[Finding]) -> NoReturn:
    raise MissingStepError(
        f"Running chapter {chapter.number} does not fix all that is wrong there. Do what stands "
        f"below, then run this again.\n{report(chapter, found)}"
    )


def set_up(course: Course) -> None:
    """Run the chapters that set up, one after the other."""
    with set_up_lock():
        for position, number in enumerate(course.set_up, 1):
            chapter = course.find(number)
            print(f"== {chapter.title} ({position} of {len(course.set_up)})", flush=True)
            chapter.run()


def run_as_a_line(chapter: Chapter) -> None:
    """Run a chapter, and print a line about it: what it builds, and how long that took."""
    started = time.monotonic()
    run_quietly(chapter)
    took = time.monotonic() - started
    print(f"{chapter.title:22} {took:5.1f} s   {chapter.builds}", flush=True)


def run_quietly(chapter: Chapter) -> str:
    """Run a chapter; returns what it showed, as text. If it fails, that is printed first."""
    said = io.StringIO()
    try:
        with waiting_sign(chapter.title), as_text(), contextlib.redirect_stdout(said):
            chapter.run()
    except BaseException:
        print(said.getvalue(), end="", flush=True)
        raise
    return said.getvalue()


def undone_by(course: Course, chapter: Chapter) -> tuple[str, ...]:
    """The numbers of the chapters that go when this one goes."""
    return tuple(each.number for each in course.with_dependents(chapter))


class Undone(NamedTuple):
    """Whether there was anything to undo, and what is left of it."""

    anything: bool
    left: list[Found]


def undo(course: Course, aws: boto3.Session, numbers: tuple[str, ...]) -> Undone:
    """Delete what these chapters made, and the orders that they sent. Raises AccountError on AWS
    unless the account was named."""
    guard.insist(aws)
    with set_up_lock():
        forgotten = course.forget(aws, numbers)
        made = course.made_by(aws, numbers)
        found = deletion.list_ours(made)
        return Undone(bool(forgotten or found), deletion.tear_down(made, found))
