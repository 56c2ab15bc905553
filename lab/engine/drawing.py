"""Draws what a course builds, with the part of one chapter picked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.engine.course import Box, Chapter, Course
from lab.engine.display import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class _Stroke:
    """How something is drawn. Nobody has to tell colors apart: lines differ, too."""

    color: str
    width: float = 2
    dashes: str = "solid"


_NOW, _BEFORE, _LATER = (
    _Stroke("#b8500f", 3.5),
    _Stroke("#30343b"),
    _Stroke("#6b7280", 1.5, "dashed"),
)
_WIDTH, _HEIGHT = 0.8, 0.5  # of a box


def draw(course: Course, chapter: Chapter) -> None:
    """Draw the boxes and arrows of all chapters: what this one builds in color and thick, what
    stands already dark, the rest dashed. A chapter that builds nothing has everything in color.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.9), layout="constrained")
    axes = figure.add_subplot(xlim=(-0.45, 4.5), ylim=(3.35, -0.35))
    axes.axis("off")
    boxes = {box.text: box for box in course.outside}
    boxes |= {box.text: box for each in course.chapters for box in each.boxes}
    for each in course.chapters:
        for start, end in each.arrows:
            _draw_arrow(axes, boxes[start], boxes[end], _stroke(course, each, chapter))
    for box in course.outside:
        _draw_box(axes, box, _BEFORE if chapter.number in course.set_up else _NOW)
    for each in course.chapters:
        for box in each.boxes:
            _draw_box(axes, box, _stroke(course, each, chapter))
    show(figure, f"chain-{chapter.number}", _in_words(course, chapter))


def _in_words(course: Course, chapter: Chapter) -> str:
    """What the picture shows: the whole chain, and what this chapter adds."""
    arrows = [arrow for each in course.chapters for arrow in each.arrows]
    ways = ", ".join(f"{_name(start)} to {_name(end)}" for start, end in arrows)
    own = ", ".join(_name(box.text) for box in chapter.boxes)
    adds = f" This chapter builds {own}." if own else ""
    return f"The chain: {ways}.{adds}"


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
