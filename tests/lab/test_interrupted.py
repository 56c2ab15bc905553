"""Set-up and teardown that are stopped after a call that changes something: `lab up` then completes
the pipeline, and `lab down` leaves nothing.

A run leaves nothing but what is in the cloud. So where a chapter is stopped, those before it need
not be run: the cloud is brought back to the state after them.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.aws import session as sessions
from lab.aws.inventory import Found
from lab.aws.session import Session, session
from lab.aws.waiting import wait_until
from lab.commands import main
from lab.course import COURSE, facade
from lab.engine import catch_up
from lab.here import local
from lab.here.early import STOPPED
from tests.support.chapters import READS, given, resources, run_chapters, status
from tests.support.sizes import size

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("interrupted")]

STEPS = [
    pytest.param(9, id="every 9th"),
    pytest.param(size(1, 7), marks=pytest.mark.long, id="more, or each in the soak"),
]
MANY = 1000  # calls; no chapter makes as many


class Stop:
    """Stops what runs, as Ctrl-C does, after so many calls that changed something; `calls` are
    those of the last run."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._after = MANY

    def listen(self, aws: Session) -> None:
        """To the clients that this session makes from now on."""
        aws.events.register("after-call", self._count, unique_id="stop")

    def after(self, count: int, run: Callable[[], object]) -> bool:
        """Run this and stop it after so many calls; whether it made as many."""
        self.calls, self._after = [], count
        try:
            run()
        except KeyboardInterrupt:
            return True
        finally:
            self._after = MANY
        return False

    def _count(self, model: Any, **_: Any) -> None:
        if READS.match(model.name):
            return
        self.calls.append(model.name)
        if len(self.calls) == self._after:
            raise KeyboardInterrupt


@pytest.fixture
def stop(cloud: str) -> Stop:
    """It hears of every call that the course makes in this process."""
    sessions._made_up.cache_clear()
    made = Stop()
    made.listen(session())
    return made


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", COURSE.set_up)
def test_a_stopped_chapter_leaves_what_up_completes_and_what_down_deletes(
    stop: Stop, number: str, step: int
) -> None:
    earlier = COURSE.set_up[: COURSE.set_up.index(number)]
    for where in each_stop(stop, step, earlier, lambda: run_chapters(number)):
        up_completes_it(where)
        down_deletes_it(where)


@pytest.mark.parametrize("step", STEPS)
def test_a_stopped_teardown_leaves_what_down_deletes_and_what_up_completes(
    stop: Stop, step: int
) -> None:
    for where in each_stop(stop, step, COURSE.set_up, tear_down):
        down_deletes_it(where)
        up_completes_it(where)


@pytest.mark.parametrize("command", [("up",), ("down", "--yes")])
def test_a_stopped_command_says_so_by_its_status(stop: Stop, command: tuple[str, ...]) -> None:
    given(COURSE.set_up[0])
    results: list[Result] = []
    stop.after(3, lambda: results.append(CliRunner().invoke(main, command)))
    assert (results[0].exit_code, len(stop.calls)) == (130, 3)
    assert results[0].stderr.splitlines()[-1] == STOPPED


def each_stop(
    stop: Stop, step: int, stands: Sequence[str], run: Callable[[], object]
) -> Iterator[str]:
    """Runs this where these chapters stand, stops it after one call in every `step`, takes a
    checkpoint, and yields where that was; until it runs to its end."""
    first = (step + 1) // 2
    for count in itertools.count(first, step):
        given(*stands)
        if not stop.after(count, run):
            assert count > first, f"expected {first} calls, found {stop.calls}"
            return
        wait_until(lambda: status(address())["is_idle"], "nothing is under way")
        local.checkpoint(address(), "take", "stopped")
        yield f"stopped after call {count}, {stop.calls[-1]}"


def up_completes_it(where: str) -> None:
    local.checkpoint(address(), "restore", "stopped")
    catch_up.set_up(COURSE)
    aws = session()
    wrong = {f.what: f.wrong for n in COURSE.set_up for f in facade.examine(aws, n) if f.wrong}
    assert not wrong, where


def down_deletes_it(where: str) -> None:
    local.checkpoint(address(), "restore", "stopped")
    assert tear_down() == [], where
    assert resources(session()) == {}, where


def tear_down() -> list[Found]:
    return facade.tear_down(session())


def address() -> str:
    return os.environ["AWS_ENDPOINT_URL"]
