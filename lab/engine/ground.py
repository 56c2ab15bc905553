"""The ground that a chapter builds on: is it ours, is it there once, and is it there at all?"""

from __future__ import annotations

import boto3

from lab.aws import guard
from lab.aws.inventory import none_but_ours
from lab.engine import together
from lab.engine.course import Course
from lab.errors import MissingStepError
from lab.here.folders import ROOT
from lab.here.lock import hold_if_a_script
from lab.here.shell import command


def check_ground(course: Course, aws: boto3.Session, number: str) -> None:
    """Stop the chapter with this number before it makes anything if it cannot work.

    Raises NotOursError if one of our names belongs to somebody else, DuplicateError if there are
    two where one is wanted, MissingStepError if something is missing that one of the chapters
    makes that it builds on. One that makes or breaks something raises AccountError on AWS unless
    the account was named; a script of that kind holds the lock of set-up from here to its end:
    LockedError.
    """
    chapter = course.find(number)
    if course.changes(chapter):
        guard.insist(aws)
        hold_if_a_script(ROOT / "scripts")
    if together.are_looked_at():
        return
    resources = course.inventory(aws)
    there = {str(found.resource) for found in none_but_ours(resources)}
    for resource in (r for r in resources if r.needed):
        if resource.chapter in chapter.builds_on and str(resource) not in there:
            raise MissingStepError(
                f"Chapter {number} builds on chapter {resource.chapter}, but there is no "
                f"{resource} yet: run {course.find(resource.chapter).stem} first, or "
                f"`{command(f'goto {number}')}`, which runs all that has to come before."
            )
