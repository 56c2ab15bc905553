"""Draws what a course builds, with the part of one chapter picked out, and where it is cut."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.engine.course import Box, Chapter, Course, Cut
from lab.engine.display import printable, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class _Stroke:
    """How something is drawn. Nobody has to tell colors apart: lines differ, too."""

    color: str
    width: float = 2
    dashes: str = "solid"


_NOW, _BEFORE, _LATER, _CUT = (
    _Stroke("#b8500f", 3.5),
    _Stroke("#30343b"),
    _Stroke("#6b7280", 1.5, "dashed"),
    _Stroke("#b3261e", 2, "dotted"),
)
_WIDTH, _HEIGHT = 0.8, 0.5  # of a box
_CROSS = "✕"
_TOP, _BOTTOM = -0.35, 3.35  # of the drawing, without the lines below it
_LINE, _LETTERS = 0.22, 115  # the height of such a line, and what fits there


def draw(course: Course, chapter: Chapter, cuts: Sequence[Cut] = ()) -> None:
    """Draw the boxes and arrows of all chapters: what this one builds in color and thick, what
    stands already dark, the rest dashed. A chapter that builds nothing has everything in color.
    An arrow that is cut has a cross, and a line below the drawing says why.
    """
    from matplotlib.figure import Figure

    marked = (f"{_CROSS} {_reason(cut)}" for cut in cuts)
    reasons = [line for text in marked for line in textwrap.wrap(text, _LETTERS)]
    bottom = _BOTTOM + _LINE * len(reasons)
    height = 3.9 * (bottom - _TOP) / (_BOTTOM - _TOP)
    figure = Figure(figsize=(9, height), layout="constrained")
    axes = figure.add_subplot(xlim=(-0.45, 4.5), ylim=(bottom, _TOP))
    axes.axis("off")
    boxes = {box.text: box for box in _boxes(course)}
    where = {(cut.start, cut.end) for cut in cuts}
    for each in course.chapters:
        for start, end in each.arrows:
            stroke = _CUT if (start, end) in where else _stroke(course, each, chapter)
            _draw_arrow(axes, boxes[start], boxes[end], stroke)
    for box in course.outside:
        _draw_box(axes, box, _BEFORE if chapter.number in course.set_up else _NOW)
    for each in course.chapters:
        for box in each.boxes:
            _draw_box(axes, box, _stroke(course, each, chapter))
    for cut in cuts:
        _draw_cross(axes, boxes[cut.start], boxes[cut.end])
    for number, line in enumerate(reasons):
        at = _BOTTOM + _LINE * (number + 0.5)
        axes.text(-0.4, at, line, color=_CUT.color, va="center", fontsize=9.5, parse_math=False)
    name = f"chain-{chapter.number}{'-cut' if cuts else ''}"
    show(figure, name, _in_words(course, chapter, cuts))


def _boxes(course: Course) -> list[Box]:
    return [*course.outside, *(box for each in course.chapters for box in each.boxes)]


def _in_words(course: Course, chapter: Chapter, cuts: Sequence[Cut]) -> str:
    """What the picture shows: the whole chain, who runs as what, what this chapter adds, and where
    it is cut."""
    arrows = [arrow for each in course.chapters for arrow in each.arrows]
    ways = ", ".join(f"{_name(start)} to {_name(end)}" for start, end in arrows)
    texts = [f"The chain: {ways}."]
    if roles := [f"{_name(box.text)} as {box.role}" for box in _boxes(course) if box.role]:
        texts.append(f"Roles: {', '.join(roles)}.")
    if own := [_name(box.text) for box in chapter.boxes]:
        texts.append(f"This chapter builds {', '.join(own)}.")
    texts += [f"Cut: {_reason(cut)}." for cut in cuts]
    return " ".join(texts)


def _reason(cut: Cut) -> str:
    """ "Lambda record_order to DynamoDB Orders: DynamoDB table Orders is missing" """
    return printable(f"{_name(cut.start)} to {_name(cut.end)}: {cut.why}")


def _name(text: str) -> str:
    return text.replace("\n", " ")


def _stroke(course: Course, made_by: Chapter, chapter: Chapter) -> _Stroke:
    """The stroke of what one chapter makes in the drawing of another."""
    if chapter.number not in course.set_up or made_by == chapter:
        return _NOW
    is_there = course.chapters.index(made_by) < course.chapters.index(chapter)
    return _BEFORE if is_there else _LATER


def _draw_box(axes: Axes, box: Box, stroke: _Stroke) -> None:
    from matplotlib.patches import BoxStyle, FancyBboxPatch

    corner = (box.column - _WIDTH / 2, box.row - _HEIGHT / 2)
    shape = BoxStyle("Round", pad=0, rounding_size=0.06)
    ink, width, dashes = stroke.color, stroke.width, stroke.dashes
    axes.add_patch(
        FancyBboxPatch(corner, _WIDTH, _HEIGHT, shape, fc="white", ec=ink, lw=width, ls=dashes)
    )
    axes.text(box.column, box.row, box.text, color=ink, ha="center", va="center", fontsize=11)
    if box.role:  # to the right of an arrow that leads down
        beside, below = box.column + 0.06, box.row + _HEIGHT / 2 + 0.05
        axes.text(beside, below, f"runs as\n{box.role}", color=ink, va="top", fontsize=8.5)


def _draw_arrow(axes: Axes, start: Box, end: Box, stroke: _Stroke) -> None:
    """An arrow between two boxes, from edge to edge."""
    x0, y0, x1, y1 = start.column, start.row, end.column, end.row
    dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    axes.annotate(
        "",
        xy=(x1 - dx * _WIDTH / 2, y1 - dy * _HEIGHT / 2),
        xytext=(x0 + dx * _WIDTH / 2, y0 + dy * _HEIGHT / 2),
        arrowprops={
            "arrowstyle": "-|>",
            "color": stroke.color,
            "lw": stroke.width,
            "ls": stroke.dashes,
            "mutation_scale": 14,
        },
    )


def _draw_cross(axes: Axes, start: Box, end: Box) -> None:
    """A cross in the middle of an arrow."""
    x, y = (start.column + end.column) / 2, (start.row + end.row) / 2
    axes.text(
        x,
        y,
        _CROSS,
        color=_CUT.color,
        ha="center",
        va="center",
        fontsize=13,
        fontweight="bold",
        bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": _CUT.color, "lw": 1.5},
        zorder=5,
    )
