"""The story of an order is told in order of time, whichever hop was faster."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lab.aws.session import to_name_things_only
from lab.course.function_logs import Line
from lab.course.screens import story
from lab.engine.screen import Screen, as_text

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def at(ms: int) -> int:
    return round(NOON.timestamp() * 1000) + ms


def line(function: str, ms: int, status: str) -> Line:
    return Line(at(ms), function, json.dumps({"order_id": "o", "status": status}))


def told(monkeypatch: pytest.MonkeyPatch, mailed: datetime | None, **ms: int) -> Screen:
    """The story of an order whose hops have these times, in milliseconds after noon."""
    hops = {"take_order": "QUEUED", "notify_fulfillment": "PUBLISHED", "record_order": "RECORDED"}
    lines = [line(function, ms[status], status) for function, status in hops.items()]
    item: dict[str, Any] = {f"{hop}_epoch_ms": at(ms[hop]) for hop in ("received", "queued")}
    item |= {"recorded_epoch_ms": at(ms["recorded"]), "record_id": str(UUID(int=7))}
    mails = [(mailed, "fulfillment@example.com")] if mailed else []
    traces = story._Traces(item, {}, lines, mails, [])
    monkeypatch.setattr(story, "_traces", lambda aws, order_id: traces)
    return story.order(to_name_things_only(), "o")


def happened(found: Screen) -> list[object]:
    return [row[2] for row in found.tables[0].rows]


def test_the_next_hop_may_come_before_the_line_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = {"received": 0, "queued": 1, "PUBLISHED": 5, "QUEUED": 7, "recorded": 8, "RECORDED": 9}
    found = told(monkeypatch, None, **slow)
    assert happened(found) == ["received", "sent", "PUBLISHED", "QUEUED", "stored", "RECORDED"]
    assert "By then the next hop may have begun" in found.words
    assert "mail" not in found.words


def test_what_has_one_time_stands_in_the_order_of_the_chain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hops = ("received", "queued", "QUEUED", "PUBLISHED", "recorded", "RECORDED")
    found = told(monkeypatch, None, **dict.fromkeys(hops, 3))
    assert happened(found) == ["received", "sent", "QUEUED", "PUBLISHED", "stored", "RECORDED"]


def test_a_mail_stands_at_the_end_of_its_second_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hops = {"received": 0, "queued": 1, "QUEUED": 2, "PUBLISHED": 3, "recorded": 998}
    found = told(monkeypatch, NOON, **hops, RECORDED=1000)
    assert happened(found)[-3:] == ["stored", "mailed", "RECORDED"]
    assert "A mail has no milliseconds" in found.words
    late = told(monkeypatch, NOON + timedelta(seconds=1), **hops, RECORDED=1000)
    assert happened(late)[-2:] == ["RECORDED", "mailed"]


def test_the_story_of_an_order_that_came_through_fits_into_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hops = dict.fromkeys(("received", "queued", "QUEUED", "PUBLISHED", "recorded", "RECORDED"), 3)
    found = told(monkeypatch, NOON, **hops)
    assert found.facts["day"] == "2026-11-27"
    assert max(map(len, as_text(found, 1000).splitlines()[2:])) <= 80
    assert max(map(len, as_text(found, 1000).splitlines()[:2])) <= 2 * 80


def test_each_row_has_its_day_where_an_order_took_more_than_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hops = {"received": 0, "queued": 1, "QUEUED": 2, "PUBLISHED": 3}
    late = round(timedelta(days=1) / timedelta(milliseconds=1))
    found = told(monkeypatch, None, **hops, recorded=late, RECORDED=late)
    times = [row[1] for row in found.tables[0].rows]
    assert times[0] == "2026-11-27 12:00:00.000"
    assert times[-1] == "2026-11-28 12:00:00.000"
    assert "day" not in found.facts
