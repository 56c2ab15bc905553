"""What the scripts call by `lab.`, where it needs to know the course."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import boto3

from lab.aws import deletion, guard, waiting
from lab.aws.inventory import Found, is_one_of_ours
from lab.aws.session import session
from lab.course import COURSE, article
from lab.course import try_out as trying
from lab.course.console import for_page
from lab.course.cuts import cuts
from lab.course.names import tags
from lab.course.screens import screen
from lab.course.whereabouts import last_seen
from lab.engine import (
    catch_up,
    checks,
    drawing,
    exercises,
    explain,
    ground,
    guesses,
    own_functions,
    together,
)
from lab.engine import screen as screens
from lab.engine.checks import Finding
from lab.engine.display import printable
from lab.errors import CourseError, LabError, TargetError, WaitTimeoutError
from lab.here import failures, local, own_cloud, page

T = TypeVar("T")


def check_ground(aws: boto3.Session, number: str) -> None:
    """Stop the chapter with this number before it makes anything if it cannot work."""
    ground.check_ground(COURSE, aws, number)


def draw_chain(number: str, aws: boto3.Session | None = None) -> None:
    """Draw the chain, with what this chapter builds picked out; with a session, also where it is
    cut in that cloud at this moment, and why."""
    cut = tuple(cuts(COURSE, aws)) if aws else ()
    drawing.draw(COURSE, COURSE.find(number), cut)


def examine(aws: boto3.Session, number: str) -> list[Finding]:
    """Look at all that must be true after the chapter with this number."""
    return checks.examine(COURSE, aws, COURSE.find(number))


def look(what: str, *which: str) -> None:
    """Show a hop of the chain as it stands at this moment: `look("queue")`, `look("order", id)`.

    Only looks. Raises LabError, which lists what can be looked at.
    """
    screens.show(screen(session(), what, *which))


def wait_until(
    look: Callable[[], T | None], what: str, *, timeout: float = 60.0, order: str = ""
) -> T:
    """Call `look` until it returns something true, and return that.

    Raises WaitTimeoutError after `timeout` seconds, with what was seen last: what NotYetError said,
    and of the orders whose ids begin with `order` where they are, and why.
    """
    try:
        return waiting.wait_until(look, what, timeout=timeout)
    except WaitTimeoutError as error:
        if not order:
            raise
        seen = last_seen(COURSE, session(start=False), order)
        raise WaitTimeoutError(f"{error}\n{printable(seen)}") from None


def check(number: str) -> None:
    """Print whether all is right after this chapter: the last cell of every chapter."""
    if together.are_looked_at():
        return
    chapter = COURSE.find(number)
    print(checks.report(chapter, examine(session(), number)))


def insist(*numbers: str) -> None:
    """Print whether all is right after these chapters. Raises MissingStepError if it is not."""
    checks.insist(COURSE, session(), numbers)


def check_exercise(number: str, *, then: str = "") -> None:
    """Print whether the exercise of this chapter is solved. With `then`, which says what comes
    next and cannot be undone, raise UnsolvedError if it is not: *Run All* stops there."""
    if then:
        exercises.insist(session(), COURSE.find(number), then)
    else:
        print(exercises.report(session(), COURSE.find(number)))


def guess(about: str, text: str) -> None:
    """Write down what you expect of a trial, for `compare` to show it beside what happened."""
    print(guesses.guess(about, text))


def compare(about: str, happened: str) -> None:
    """Print what happened, and the guess about it."""
    print(guesses.compare(about, happened))


def write(stem: str) -> None:
    """Make a file for the learner's own version of this function, unless they have one."""
    print(own_functions.write(stem))


def try_out(stem: str) -> None:
    """Try the learner's own version of this function, in a local cloud of its own, and print what
    is right and what is wrong.

    What keeps it from being tried is printed, too, so that *Run All* goes on.
    """
    try:
        print(trying.in_words(stem, trying.try_out(stem)))
    except LabError as error:
        print(error)


def beside_the_article(orders: int = 20) -> None:
    """Print what so many orders cost by our functions and by the article's, measured in a local
    cloud of its own."""
    print(article.in_words(article.compare(orders)))


def run_again(number: str) -> None:
    """Run a chapter once more: it finds what is there, and makes or fixes what is not right."""
    COURSE.find(number).run()


def finished_chain() -> boto3.Session:
    """Set up the whole chain in a local cloud of its own, which then is the one in use; returns a
    session with it. Prints a line for each chapter. The cloud ends with this process."""
    own_cloud.keep_own_cloud()
    for number in COURSE.set_up:
        catch_up.run_as_a_line(COURSE.find(number))
    return session()


def open_page() -> None:
    """Show a link to the page of the local cloud in use. Raises TargetError on another cloud."""
    url = session().endpoint_url
    if url is None or not local.status(url):
        raise TargetError("Only a local cloud has a page; `lab console` says more.")
    page.show_link(url, for_page())


def is_ours(item: dict[str, Any], name: str) -> bool:
    """Whether an entry of one of API Gateway's listings has this name and our tags."""
    return is_one_of_ours(item, name, tags())


def list_ours(aws: boto3.Session, made_by: Collection[str] = COURSE.set_up) -> list[Found]:
    """What the chapters of these numbers made and carries our tags, in the order of deleting."""
    return deletion.list_ours(COURSE.made_by(aws, made_by))


def tear_down(aws: boto3.Session, made_by: Collection[str] = COURSE.set_up) -> list[Found]:
    """Delete what these chapters made and wait until it is gone; returns what is left all the
    same. Raises AccountError on AWS unless the account was named, and LockedError while another
    set-up or teardown is at work."""
    guard.insist(aws)
    return deletion.tear_down(COURSE.made_by(aws, made_by))


def report(error: BaseException) -> list[str]:
    """The lines to show for an error that ends a run."""
    return failures.report(error, _is_known)


def _is_known(text: str) -> bool:
    """Whether `lab explain` knows more of an error. One in its own file must not hide this one."""
    try:
        return explain.explain(explain.load(COURSE.errors), text) is not None
    except CourseError:
        return False
