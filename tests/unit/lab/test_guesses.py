"""A guess is kept, shown beside what happened, and never judged."""

from __future__ import annotations

import pytest

from lab.engine import guesses


@pytest.fixture(autouse=True)
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "_guesses", {})


def test_a_guess_stands_beside_what_happened() -> None:
    assert guesses.guess("poison", "all ten\n fail") == "Wrote down your guess. Now run it."
    assert guesses.compare("poison", "nine pass") == (
        "You guessed:   all ten fail\nWhat happened: nine pass"
    )
    assert guesses.compare("table", "three wait") == "What happened: three wait"


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_guess_is_asked_for_and_stops_nothing(text: str) -> None:
    assert "You wrote no guess" in guesses.guess("poison", text)
    assert guesses.compare("poison", "nine pass") == "What happened: nine pass"
