"""The article's functions beside ours: what is counted, and that both do their work."""

from __future__ import annotations

import pytest

import lab
from lab.course import article
from lab.here import own_cloud
from tests.support import clouds


@pytest.fixture(autouse=True)
def _quick_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_cloud, "own_cloud", clouds.own_cloud)


@pytest.mark.slow
def test_the_article_calls_more_often_and_records_twice(capsys: pytest.CaptureFixture[str]) -> None:
    lab.beside_the_article(12)
    _, runs, calls, time, items = capsys.readouterr().out.splitlines()
    # Ours: 2 batches and 12 records. Theirs: each function once for each order.
    assert runs.split()[-2:] == [f"{(2 + 12) / 12:.1f}", "2.0"]
    # Ours: 3 calls a batch, two of which Lambda makes itself, and one a record. Theirs: two
    # lookups, receive, publish, delete; and one a record.
    assert calls.split()[-2:] == [f"{(2 * 3 + 12) / 12:.1f}", "6.0"]
    assert time.split()[-1] == "ms"
    assert items.split()[-2:] == ["1", "2"]


def test_a_function_that_fails_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = article._COUNTED.replace("    return {{", "    1 / 0\n    return {{")
    monkeypatch.setattr(article, "_COUNTED", broken)
    with pytest.raises(lab.LabError, match="ZeroDivisionError"):
        article.compare(1)
