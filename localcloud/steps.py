"""The latest steps of messages through the cloud: answered, sent, received, delivered, run.

AWS has delivery logs, metrics and X-Ray for that. Noting a step costs next to nothing, as its text
is kept as it is, and searched only when somebody looks. What is kept is bounded in number and in
bytes. It is for the page, behind its cookie: nothing of it goes into a log.
"""

from __future__ import annotations

import re
from collections import deque
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


def note(part: str, what: str, text: str | bytes, to: str = "", problem: str = "") -> None:
    """Note a step. `text` is the message."""
    global _bytes
    _steps.append(Step(clock.now_ms(), part, what, text, to, problem))
    _bytes += len(text)
    while len(_steps) > _MOST or _bytes > _MOST_BYTES:
        _bytes -= len(_steps.popleft().text)


def at(part: str) -> Iterator[Step]:
    """The steps at one part, the newest first."""
    return (step for step in reversed(_steps) if step.part == part)


def about(word: str) -> list[Step]:
    """The steps of the messages in which a word stands, such as an order's id."""
    pattern = rf"(?<![\w-]){re.escape(word)}(?![\w-])"
    text, data = re.compile(pattern), re.compile(pattern.encode("utf-8", "replace"))
    return [
        step
        for step in _steps
        if (text.search(step.text) if isinstance(step.text, str) else data.search(step.text))
    ]


def clear() -> None:
    """Forget them all."""
    global _bytes
    _steps.clear()
    _bytes = 0
