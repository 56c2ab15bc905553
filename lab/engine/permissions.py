"""Finds out what a learner must be allowed to do for all chapters of a course: it runs them."""

from __future__ import annotations

from collections.abc import Callable

from lab.aws import deletion, permissions
from lab.aws.session import Session, session
from lab.engine import catch_up
from lab.engine.checks import examine
from lab.engine.course import Course
from lab.here import own_cloud


def permissions_of(course: Course, besides: Callable[[Session], object]) -> set[str]:
    """The actions for running the chapters, for their checks, for setting up what stands already,
    for what a learner does `besides`, and for deleting all, in a local cloud of its own."""
    own_cloud.keep_own_cloud()
    try:
        aws = session()
        with permissions.recorded(aws) as actions:
            _do_all(course, aws, besides)
    finally:
        own_cloud.leave_own_cloud()
    return actions


def _do_all(course: Course, aws: Session, besides: Callable[[Session], object]) -> None:
    for chapter in course.here[:-1]:  # the last one may wait for somebody; see below
        catch_up.run_as_a_line(chapter)
    catch_up.set_up(course)
    for chapter in course.here:
        examine(course, aws, chapter)
    besides(aws)
    deletion.tear_down(course.inventory(aws))
