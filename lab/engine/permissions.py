"""Finds out what a learner must be allowed to do for all chapters of a course: it runs them."""

from __future__ import annotations

from collections.abc import Callable

from lab.aws import deletion, permissions
from lab.aws.session import Session
from lab.engine import catch_up
from lab.engine.checks import examine
from lab.engine.course import Course


def permissions_of(course: Course, aws: Session, besides: Callable[[Session], object]) -> set[str]:
    """The actions for running the chapters, for their checks, for setting up what stands already,
    for what a learner does `besides`, and for deleting all. `aws` is the session in use, new."""
    with permissions.recorded(aws) as actions:
        for chapter in course.here[:-1]:  # the last one may wait for somebody; see below
            catch_up.run_as_a_line(chapter)
        catch_up.set_up(course)
        for chapter in course.here:
            examine(course, aws, chapter)
        besides(aws)
        deletion.tear_down(course.inventory(aws))
    return actions
