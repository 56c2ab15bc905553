"""How far each learner is: by chapter, who is stuck, where, since when and on what.

It is what `lab check` says of each, so it only looks. A learner is stuck in the first chapter that
was begun and is not right. Nobody keeps a history of that, so "since" is when we first saw it; it
is remembered in the user's private folder.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.classroom.process import Ended
from lab.engine.display import printable
from lab.here.folders import folder_of_project
from localcloud.host import private

_A_DAY = 86_400  # by which clocks may differ
RIGHT, WRONG, NOT_BEGUN = "right", "wrong", "not begun"


@dataclass(frozen=True)
class Standing:
    """A learner's chapters, by number. `stuck` is the number of the one that is wrong, `on` what is
    wrong there first, `since` when that was first seen, in epoch seconds. `problem` is why nobody
    knows."""

    learner: str
    chapters: Mapping[str, str] = field(default_factory=dict)
    stuck: str = ""
    on: str = ""
    since: float | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def of(learner: str, ended: Ended) -> Standing:
    """What `lab check --json` said of the learner of that name."""
    if not isinstance(ended.said, dict):
        return Standing(learner, problem=ended.words or f"status {ended.status}")
    numbers = list(ended.said)[:-1]  # the last one takes everything down
    chapters = {number: _state(ended.said[number]) for number in numbers}
    stuck = next((number for number in numbers if chapters[number] == WRONG), "")
    first = next((each for each in ended.said.get(stuck, []) if each["wrong"]), None)
    on = printable(f"{first['what']}: {first['wrong']}") if first else ""
    return Standing(learner, chapters, stuck, on)


def _state(findings: list[dict[str, Any]]) -> str:
    right = [not each["wrong"] for each in findings]
    return RIGHT if all(right) else WRONG if any(right) else NOT_BEGUN


class Memory:
    """When each learner was first seen stuck where they are, for one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self._name = hashlib.sha256(f"{account}\n{region}".encode()).hexdigest()[:12]

    def since(self, found: list[Standing], now: float | None = None) -> list[Standing]:
        """The same, with since when those are stuck who are, which is remembered."""
        known, at = self._read(), time.time() if now is None else now
        dated = [replace(each, since=_since(each, known, at)) for each in found]
        kept = {each.learner: [each.stuck, each.on, each.since] for each in dated if each.stuck}
        others = {name: seen for name, seen in known.items() if name not in _names(found)}
        with suppress(OSError):
            private.write(self._path(), json.dumps({**others, **kept}))
        return dated

    def _path(self) -> Path:
        return folder_of_project() / f"class-{self._name}.json"

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(private.read(self._path()))
            return {name: seen for name, seen in found.items() if _is_a_memory(seen)}
        except (OSError, ValueError, AttributeError):  # the first look, or no file of ours
            return {}


def _is_a_memory(seen: object) -> bool:
    """Whether it is where a learner is stuck, on what, and a time since when."""
    match seen:
        case [str(), str(), int() | float() as since]:
            return 0 <= since < time.time() + _A_DAY
    return False


def _names(found: list[Standing]) -> set[str]:
    """Of whom something is known; what is not known now may be as it was."""
    return {each.learner for each in found if not each.problem}


def _since(standing: Standing, known: dict[str, Any], now: float) -> float | None:
    if not standing.stuck:
        return None
    stuck, on, since = known.get(standing.learner, ("", "", now))
    return float(since) if (stuck, on) == (standing.stuck, standing.on) else now
