"""The chain as a picture: what there is, how it is connected, and what is going on.

All of it follows from the state, so that a learner's own variation is drawn as well: an API's
integrations, event source mappings, subscriptions, what a role lets its function send to, and the
queues that dead letters go to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from localcloud.console.state import Link, Part, State
from localcloud.console.text import shown

WIDTH, HEIGHT = 1240, 400
_BOX = (172, 160)
_LONGEST, _MOST_LINES = 13, 5  # of a name, and of a name with its figures
_ROW, _COLUMN, _LEFT = 202, 204, 12
_TIP, _GAP = 6, 14  # how far an arrow stays away from its target, and from the boxes that it passes


@dataclass(frozen=True)
class Box:
    """A part with its place."""

    part: Part
    x: int
    y: int
    width: int = _BOX[0]
    height: int = _BOX[1]

    @property
    def center(self) -> int:
        return self.y + self.height // 2

    @property
    def lines(self) -> list[str]:
        """The name, in as many lines as it takes, with its words whole; a very long one loses its
        end."""
        words = re.sub(
            r"(?<=[a-z])(?=[A-Z])|(?<=[-_])(?=.)", "\N{ZERO WIDTH SPACE}", self.part.name
        )
        lines = [""]
        for word in words.split("\N{ZERO WIDTH SPACE}"):
            if len(lines[-1]) + len(word) > _LONGEST and lines[-1]:
                lines.append("")
            lines[-1] += shown(word, 60)
        room = max(1, _MOST_LINES - len(self.part.figures))
        return [line[:_LONGEST] for line in lines[:room]]


@dataclass(frozen=True)
class Arrow:
    """A connection with its way: an SVG path. `middle` is a point of it."""

    source: Box
    target: Box
    link: Link
    way: str

    @property
    def middle(self) -> tuple[int, int]:
        x = (self.source.x + self.source.width + self.target.x) // 2
        return x, (self.source.center + self.target.center) // 2

    @property
    def problem(self) -> str:
        """Why nothing passes: "CustomerOrders to notify_fulfillment: The trigger is off." """
        names = [shown(box.part.name, 60) for box in (self.source, self.target)]
        return f"{names[0]} to {names[1]}: {self.link.off}" if self.link.off else ""


@dataclass(frozen=True)
class Picture:
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT


def draw(state: State) -> Picture:
    """Lay the parts out: in the order of an order from left to right, dead letters below."""
    columns = _columns(state.parts, state.links)
    boxes = {box.part.key: box for box in _placed(state.parts, columns)}
    arrows = [
        Arrow(source, target, link, _way(source, target))
        for link in state.links
        if (source := boxes.get(link.source)) and (target := boxes.get(link.target))
    ]
    right = max((box.x + box.width for box in boxes.values()), default=WIDTH - _LEFT)
    bottom = max((box.y + box.height for box in boxes.values()), default=HEIGHT - _LEFT)
    return Picture([*boxes.values()], arrows, right + _LEFT, bottom + _LEFT)


def _columns(parts: Iterable[Part], links: list[Link]) -> dict[str, int]:
    """How many steps each part is from a start, the longest way counting; a circle ends it."""
    columns = {part.key: 0 for part in parts}
    for _ in range(len(columns)):
        moved = False
        for link in links:
            known = link.source in columns and link.target in columns
            if known and not link.is_for_dead_letters:
                wanted = columns[link.source] + 1
                if len(columns) >= wanted > columns[link.target]:
                    columns[link.target], moved = wanted, True
        if not moved:
            break
    for link in links:
        if link.is_for_dead_letters and {link.source, link.target} <= columns.keys():
            columns[link.target] = columns[link.source]
    return columns


def _placed(parts: list[Part], columns: dict[str, int]) -> Iterator[Box]:
    """A row for each part of a column; dead letters stand in the rows below all others."""
    rows: dict[int, int] = {}
    alive = [part for part in parts if not part.is_for_dead_letters]
    for part in alive:
        yield _box(part, columns[part.key], row := rows.get(columns[part.key], 0))
        rows[columns[part.key]] = row + 1
    lowest = max(rows.values(), default=0)
    below: dict[int, int] = {}
    for part in (part for part in parts if part.is_for_dead_letters):
        column = columns[part.key]
        yield _box(part, column, lowest + (row := below.get(column, 0)))
        below[column] = row + 1


def _box(part: Part, column: int, row: int) -> Box:
    return Box(part, _LEFT + column * _COLUMN, _LEFT + row * _ROW)


def _way(source: Box, target: Box) -> str:
    """From the right side to the left one. Down, it goes between the columns, past other boxes."""
    if target.x > source.x:
        x, y = source.x + source.width, source.center
        to_x, to_y = target.x - _TIP, target.center
        middle = (x + to_x) // 2
        return f"M{x},{y} C{middle},{y} {middle},{to_y} {to_x},{to_y}"
    above = target.x + target.width // 2, target.y - _TIP
    if target.y - source.y <= _ROW:
        return f"M{source.x + source.width // 2},{source.y + source.height} L{above[0]},{above[1]}"
    side, turn = source.x + source.width, target.y - _GAP
    from_y = source.y + source.height - _GAP
    return f"M{side},{from_y} H{side + _GAP} V{turn} H{above[0]} V{above[1]}"
