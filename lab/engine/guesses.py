"""Guesses: written down before a cell is run, and laid beside what happened.

A guess that was wrong is what people remember. So it is asked for, and never judged.
"""

from __future__ import annotations

_guesses: dict[str, str] = {}  # by trial, of this notebook


def guess(about: str, text: object) -> str:
    """Keep a guess about a trial; returns what to say."""
    _guesses[about] = " ".join(str(text).split())
    if not _guesses[about]:
        return (
            "You wrote no guess. Write one between the quotes; a wrong one is worth more than none."
        )
    return "Wrote down your guess. Now run it."


def compare(about: str, happened: str) -> str:
    """What happened, under the guess about it, if there is one."""
    guessed = _guesses.get(about)
    before = f"You guessed:   {guessed}\n" if guessed else ""
    return f"{before}What happened: {happened}"
