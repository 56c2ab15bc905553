"""Catching up and going back: `lab goto` and `lab reset`.

The cloud is the state: a chapter is run if its check finds something wrong, so both can be
repeated, and whatever a learner has done already stays. Only one of them works at a time.
"""

from __future__ import annotations

import boto3

from lab.aws import deletion
from lab.course import chapters, orders
from lab.course.chapters import Chapter
from lab.course.resources import Found
from lab.engine.checks import examine, is_right
from lab.here.lock import set_up_lock


def go_to(aws: boto3.Session, chapter: Chapter) -> None:
    """Run those chapters before this one that are not right as they stand, but for one that
    breaks things: nothing later needs it."""
    with set_up_lock():
        for earlier in chapters.before(chapter):
            if earlier.breaks:
                continue
            if is_right(examine(aws, earlier.number)):
                print(f"== {earlier.title}: stands already", flush=True)
            else:
                print(f"== {earlier.title}", flush=True)
                earlier.run()


def set_up() -> None:
    """Run the chapters that set up, one after the other."""
    with set_up_lock():
        for number in chapters.SET_UP:
            print(f"== {chapters.CHAPTERS[number].title}", flush=True)
            chapters.CHAPTERS[number].run()


def undone_by(chapter: Chapter) -> tuple[str, ...]:
    """The numbers of the chapters that go when this one goes."""
    return tuple(each.number for each in chapters.with_dependents(chapter))


def undo(aws: boto3.Session, numbers: tuple[str, ...]) -> list[Found]:
    """Delete what these chapters made, and the orders that they sent; returns what is left."""
    with set_up_lock():
        _forget_orders(aws, numbers)
        return deletion.tear_down(aws, numbers)


def _forget_orders(aws: boto3.Session, numbers: tuple[str, ...]) -> None:
    """Delete the orders of these chapters, unless the table goes as a whole."""
    table = [found for found in deletion.list_ours(aws) if found.resource.cell == "table"]
    if table and "02" not in numbers:
        for number in numbers:
            count = sum(orders.forget(aws, f"{kind}-{number}") for kind in ("chapter", "exercise"))
            if count:
                print(f"Deleted what chapter {number} ordered from the table: {count}.")
