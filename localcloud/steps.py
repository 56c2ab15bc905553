"""The latest steps of messages through the cloud: answered, sent, received, delivered, run.

AWS has delivery logs, metrics and X-Ray for that. Noting a step costs next to nothing, as its text
is kept as it is, and searched only when somebody looks. What is kept is bounded in number and in
bytes. It is for the page, behind its cookie: nothing of it goes into a log.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from localcloud import clock

_MOST = 5000
_MOST_BYTES = 16 * 1024 * 1024


class Step(NamedTuple):
    """What happened to a message, and where: `part` is an ARN, or the id of an API. `to` is where
    it went from there, `problem` why that failed, or ""."""

    epoch_ms: float
    part: str
    what: str
    text: str | bytes
    to: str
    problem: str


_steps: deque[Step] = deque()
_bytes = 0
_totals: Counter[str] = Counter()  # of all steps, by part


def note(
    part: str,
    what: str,
    text: str | bytes,
    to: str = "",
    problem: str = "",
    began_ms: float | None = None,
) -> None:
    """Note a step. `text` is the message; `began_ms` is when it began, if that is not now."""
    global _bytes
    _steps.append(Step(began_ms or clock.now_ms(), part, what, text, to, problem))
    _bytes += len(text)
    _totals[part] += 1
    while len(_steps) > _MOST or _bytes > _MOST_BYTES:
        _bytes -= len(_steps.popleft().text)


def total(part: str) -> int:
    """How many steps there were at one part, those that are forgotten as well."""
    return _totals[part]


def at(part: str) -> Iterator[Step]:
    """The steps at one part, the newest first."""
    return (step for step in reversed(_steps) if step.part == part)


def about(word: str) -> list[Step]:
    """The steps of the messages that are about a word."""
    return [step for step in _steps if is_about(step.text, word)]


def is_about(text: str | bytes, word: str) -> bool:
    """Whether a word stands in a text, such as the id of an order, and not as a part of another."""
    pattern = rf"(?<![\w-]){re.escape(word)}(?![\w-])"
    if isinstance(text, str):
        return re.search(pattern, text) is not None
    return re.search(pattern.encode("utf-8", "replace"), text) is not None


def clear() -> None:
    """Forget them all."""
    global _bytes
    _steps.clear()
    _totals.clear()
    _bytes = 0
