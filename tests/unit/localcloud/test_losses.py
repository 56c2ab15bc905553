"""The list of places where something could be lost is complete; the record of it is bounded."""

from __future__ import annotations

import re

from lab.here.folders import ROOT
from localcloud import losses


def test_each_place_has_a_test_that_provokes_it() -> None:
    marks = (
        mark
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for mark in re.findall(
            r'^@pytest\.mark\.place\("([^"]+)"\)$', path.read_text("utf-8"), re.M
        )
    )
    assert sorted(set(marks)) == sorted(losses.PLACES)


def test_each_place_has_one_of_the_five_ways_out() -> None:
    ways = {losses.REFUSED, losses.DEAD_LETTERED, losses.KEPT, losses.RECORDED, losses.ASKED_FOR}
    assert {place.way for place in losses.PLACES.values()} == ways


def test_the_record_is_bounded_its_counts_are_complete_and_a_reset_forgets_both() -> None:
    losses.clear()
    for number in range(1001):
        losses.record("log lines", f"f-{number}", "why")
    found = losses.describe(last=2)
    assert (found["total"], found["counts"]) == (1001, {"log lines": 1001})
    assert [each["what"] for each in found["last"]] == ["f-1000", "f-999"]
    assert len(losses.describe()["last"]) == 1000
    losses.clear()
    assert losses.describe() == {"total": 0, "counts": {}, "last": []}
