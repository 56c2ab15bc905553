"""A trigger that does not move what waits is noticed, and one that has work in hand is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from typing import Any

import pytest

from lab.aws import movement
from lab.aws.movement import Standing, find_standstill
from lab.aws.session import Session
from lab.course import COURSE
from lab.course.facade import examine
from lab.engine.checks import Finding
from lab.here import local
from tests.support.chapters import given, post
from tests.support.roles import take_away
from tests.support.sessions import make_session

ARN = "arn:aws:sqs:us-east-1:123456789012:CustomerOrders"
MAPPING = {
    "State": "Enabled",
    "EventSourceArn": ARN,
    "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:notify_fulfillment",
}
STILL = Standing(100, 0, oldest_seconds=134, progress=1)


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movement, "PATIENCE_SECONDS", 0.2)


@pytest.fixture
def see(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Standing | None]:
    """What is found where these are seen one after the other, the last one for ever."""

    def find(*seen: Standing, **mapping: Any) -> Standing | None:
        looks: Iterator[Standing] = chain(seen, repeat(seen[-1]))
        monkeypatch.setattr(movement, "look", lambda *_: next(looks))
        monkeypatch.setattr(movement, "cloud_status", lambda _: {"service": "localcloud"})
        return find_standstill(make_session("http://127.0.0.1:9"), "", {**MAPPING, **mapping})

    return find


@pytest.mark.parametrize(
    "seen",
    [
        [Standing(0, 0)],
        [Standing(320, 20, under_way_seconds=3)],  # a full batch in each slot
        [Standing(0, 10, under_way_seconds=60)],  # a slow function
        [Standing(5, 0), Standing(5, 0), Standing(0, 5)],  # it just came
        [Standing(5, 0), Standing(4, 0)],  # fetched between two looks
        [Standing(5, 0, progress=1), Standing(9, 0, progress=2)],  # and as many came
        [Standing(5, 0, oldest_seconds=4000, progress=None), Standing(0, 0)],  # just connected
    ],
)
def test_what_moves_is_right(see: Callable[..., Standing | None], seen: list[Standing]) -> None:
    assert see(*seen) is None


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ([STILL], "100 waiting, the oldest for 134 s, none under way"),
        ([Standing(3, 0)], "3 waiting, none under way"),
        ([Standing(3, 0), Standing(8, 0)], "8 waiting, none under way"),  # more and more
        (
            [Standing(320, 20, oldest_seconds=400, under_way_seconds=400)],
            "320 waiting, the oldest for 400 s, 20 under way for 400 s",
        ),
        (
            [Standing(3, 0, result="PROBLEM: Function call failed")],
            "3 waiting, none under way; the last result of the trigger: "
            "PROBLEM: Function call failed",
        ),
    ],
)
def test_what_stands_still_is_found(
    see: Callable[..., Standing | None], seen: list[Standing], said: str
) -> None:
    assert str(see(*seen)) == said


@pytest.mark.parametrize("state", ["Disabled", "Disabling", "Creating", "Enabling", "Updating"])
def test_a_trigger_that_is_off_or_being_changed_need_not_move(
    see: Callable[..., Standing | None], state: str
) -> None:
    assert see(STILL, State=state) is None


def test_a_batching_window_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movement, "cloud_status", lambda _: {"service": "localcloud"})
    aws = make_session("http://127.0.0.1:9")
    assert movement.patience(aws, {"MaximumBatchingWindowInSeconds": 30}) == 30.2


def tell(monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    """Let the local cloud's status say more."""
    ask = local.status

    def status(url: str) -> dict[str, Any] | None:
        return {**(ask(url) or {}), **more}

    monkeypatch.setattr(local, "status", status)


def about(aws: Session, what: str) -> Finding:
    (found,) = [finding for finding in examine(aws, "05") if finding.what == what]
    return found


def test_a_check_names_a_trigger_that_stands_still(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(*COURSE.set_up)
    assert about(aws, "Orders move from CustomerOrders").wrong == ""
    take_away(aws, "notify_fulfillment", "sqs:ReceiveMessage")
    assert post(aws, product="tea", quantity=1) == 202
    found = about(aws, "Orders move from CustomerOrders")
    assert found.wrong.startswith(
        "expected no order that waits for long while none is under way, found 1 waiting"
    )
    assert "`lab logs --cloud`" in found.fix and "`lab stop`" in found.fix
    source = {"waiting": 7, "under_way": 0, "oldest_seconds": 61.4, "last_progress_ms": None}
    whose = {"function": "notify_fulfillment", "queue": ARN, "enabled": True, "in_flight": 0}
    tell(
        monkeypatch,
        services={"lambda": {"event_source_mappings": [{**whose, **source}]}},
    )
    found = about(aws, "Orders move from CustomerOrders")
    assert found.wrong.endswith("found 7 waiting, the oldest for 61 s, none under way")


def test_a_check_names_what_was_lost(aws: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    given(*COURSE.set_up)
    lost: dict[str, Any] = {"total": 0, "last": []}
    tell(monkeypatch, lost=lost)
    assert about(aws, "Nothing was lost").wrong == ""
    why = {"epoch_ms": 1, "kind": "notification", "what": "order 7", "why": "no disk \x1b[2J"}
    lost.update(total=3, last=[why, {**why, "what": "order 6"}])  # the newest first
    found = about(aws, "Nothing was lost")
    assert found.wrong == "expected 0 lost, found 3; the newest: order 7, no disk \x1b[2J"
    assert "same order_id" in found.fix
