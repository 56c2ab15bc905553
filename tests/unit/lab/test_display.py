"""What others wrote is shown as it is: no markup, nothing that a terminal would obey."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from lab.aws.waiting import NotYetError, wait_until
from lab.course import facade
from lab.engine import display
from lab.errors import LabError, WaitTimeoutError
from lab.here import last_error
from tests.support.processes import run_script

NASTY = "[/b]@x.y [red]\x1b[2J\x07 :tea:"
PLAIN = "[/b]@x.y [red]?[2J? :tea:"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A terminal; what would be shown on it is here."""
    shown = io.StringIO()

    def console(**_: Any) -> Console:
        return Console(file=shown, force_terminal=True, width=200, color_system=None)

    monkeypatch.setattr(display, "Console", console)
    display._stderr.cache_clear()  # which another test may have made
    yield shown
    display._stderr.cache_clear()


def test_a_sign_shows_it_as_it_is(screen: io.StringIO) -> None:
    with display.waiting_sign(NASTY):
        pass
    assert PLAIN in screen.getvalue()


def test_a_bar_shows_it_as_it_is(screen: io.StringIO) -> None:
    assert list(display.progress([1, 2], NASTY)) == [1, 2]
    with display.counter(NASTY, 3) as advance:
        advance(3)
    assert screen.getvalue().count("[/b]@x.y [red]?[2J?") >= 2


def test_an_address_that_looks_like_markup_is_none() -> None:
    result = run_script("scripts/03_notify_fulfillment.py", LAB_EMAIL="[/b]@x.y")
    assert result.returncode == 1
    assert result.stderr.startswith("SettingsError: LAB_EMAIL is '[/b]@x.y'; set it to")


def test_an_error_shows_nothing_that_a_terminal_obeys_and_no_password() -> None:
    (line,) = facade.report(LabError("red \x1b[31m at http://ana:s3cret@host/"))
    assert line == "LabError: red ?[31m at http://host/"
    assert last_error.recall() == line


def test_a_wait_in_vain_tells_what_it_saw_last() -> None:
    answers = iter(["first", "[ERROR] No module named 'boto3'"])
    now = iter(range(100))

    def look() -> str:
        raise NotYetError(next(answers, "[ERROR] No module named 'boto3'"))

    with pytest.raises(WaitTimeoutError) as raised:
        wait_until(look, "it passes", timeout=7, sleep=lambda _: None, clock=lambda: next(now))
    assert "What was seen last: [ERROR] No module named 'boto3' `lab logs`" in str(raised.value)


def test_a_wait_shortens_what_it_saw() -> None:
    now = iter(range(100))

    def look() -> None:
        raise NotYetError("word " * 10_000)

    with pytest.raises(WaitTimeoutError) as raised:
        wait_until(look, "it passes", timeout=1, sleep=lambda _: None, clock=lambda: next(now))
    assert len(str(raised.value)) < 700
