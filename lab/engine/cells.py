"""The cells of a chapter, read from its script.

A code cell that makes something has a tag, so that a check can say which cell fixes what it
found wrong. Other tags: `exercise`, `solution` (the builder leaves it out) and jupytext's own
`active-ipynb` (a comment in the script, code in the notebook).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

from lab.engine.course import Chapter
from lab.errors import CourseError


@dataclass(frozen=True)
class Cell:
    """A cell. `position` counts the code cells from 1, as Jupyter does in `[1]`; a text cell has
    that of the code cell before it. `heading` is the heading that it stands under."""

    id: str
    is_code: bool
    source: str
    tags: tuple[str, ...]
    heading: str
    position: int


def read(chapter: Chapter) -> Any:
    """The chapter as an nbformat notebook with the cell ids `<stem>-<nn>`."""
    # With Jupyter installed, jsonschema would spend seconds on a grammar of IRIs that nothing here
    # needs; see localcloud/__main__.py.
    missing: Any = None
    sys.modules.setdefault("rfc3987_syntax", missing)
    import jupytext  # takes a while, and most commands need no cells

    notebook = jupytext.read(chapter.script, fmt="py:percent")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{chapter.stem}-{number:02}"
    return notebook


@cache
def cells(chapter: Chapter) -> tuple[Cell, ...]:
    """The cells of this chapter."""
    found = []
    heading, position = "", 0
    for cell in read(chapter).cells:
        is_code = cell.cell_type == "code"
        tags = tuple(cell.metadata.get("tags", ()))
        position += is_code and "solution" not in tags  # which the notebook does not have
        titles = [line for line in cell.source.splitlines() if line.startswith("#")]
        if titles and not is_code:
            heading = titles[-1].lstrip("# ")
        found.append(Cell(cell.id, is_code, cell.source, tags, heading, position))
    return tuple(found)


def tagged(chapter: Chapter, tag: str) -> Cell:
    """The one cell of a chapter with this tag. Raises CourseError if there is not just one."""
    found = [cell for cell in cells(chapter) if tag in cell.tags]
    if len(found) != 1:
        raise CourseError(
            f"scripts/{chapter.script.name}: expected 1 cell with the tag {tag!r}, found "
            f"{len(found)}."
        )
    return found[0]


def place(chapter: Chapter, tag: str) -> str:
    """Where to find the cell with this tag, in words."""
    cell = tagged(chapter, tag)
    return f'code cell {cell.position} of {chapter.notebook.name}, under "{cell.heading}"'
