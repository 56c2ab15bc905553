"""Draws the chain, with the part that a chapter builds picked out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.course import chapters
from lab.engine.display import show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What stands where (column, row), and the chapter that makes it.
BOXES = {
    "shop": (0, 0, ""),
    "API Gateway\nOrders": (1, 0, "00"),
    "Lambda\ntake_order": (2, 0, "00"),
    "SQS\nCustomerOrders": (3, 0, "00"),
    "Lambda\nnotify_fulfillment": (3, 1, "01"),
    "SNS\nOrders": (2, 1, "01"),
    "e-mail to\nfulfillment": (1, 1, "01"),
    "Lambda\nrecord_order": (2, 2, "02"),
    "DynamoDB\nOrders": (3, 2, "02"),
}
ARROWS = [
    ("shop", "API Gateway\nOrders", "00"),
    ("API Gateway\nOrders", "Lambda\ntake_order", "00"),
    ("Lambda\ntake_order", "SQS\nCustomerOrders", "00"),
    ("SQS\nCustomerOrders", "Lambda\nnotify_fulfillment", "03"),
    ("Lambda\nnotify_fulfillment", "SNS\nOrders", "01"),
    ("SNS\nOrders", "e-mail to\nfulfillment", "01"),
    ("SNS\nOrders", "Lambda\nrecord_order", "03"),
    ("Lambda\nrecord_order", "DynamoDB\nOrders", "02"),
]
_NOW, _BEFORE, _LATER = "#b8500f", "#30343b", "#b9bec7"
_WIDTH, _HEIGHT = 0.8, 0.5  # of a box


def draw_chain(number: str) -> None:
    """Draw the chain: what this chapter builds in color, what stands already dark, the rest pale.

    A chapter that builds nothing has the whole chain in color.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import BoxStyle, FancyBboxPatch

    figure = Figure(figsize=(8, 3.3), layout="constrained")
    axes = figure.add_subplot(xlim=(-0.5, 3.55), ylim=(2.45, -0.45))
    axes.axis("off")
    for start, end, made in ARROWS:
        _draw_arrow(axes, BOXES[start], BOXES[end], _color(made, number))
    for name, (column, row, made) in BOXES.items():
        color = _color(made, number)
        corner = (column - _WIDTH / 2, row - _HEIGHT / 2)
        shape = BoxStyle("Round", pad=0, rounding_size=0.06)
        box = FancyBboxPatch(corner, _WIDTH, _HEIGHT, shape, fc="white", ec=color, lw=2)
        axes.add_patch(box)
        axes.text(column, row, name, color=color, ha="center", va="center", fontsize=11)
    show(figure, f"chain-{number}")


def _color(made: str, number: str) -> str:
    if number not in chapters.SET_UP or made == number:
        return _NOW
    return _BEFORE if made < number else _LATER


def _draw_arrow(axes: Axes, start: Any, end: Any, color: str) -> None:
    """An arrow between two boxes, from edge to edge."""
    (x0, y0, _), (x1, y1, _) = start, end
    dx, dy = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
    axes.annotate(
        "",
        xy=(x1 - dx * _WIDTH / 2, y1 - dy * _HEIGHT / 2),
        xytext=(x0 + dx * _WIDTH / 2, y0 + dy * _HEIGHT / 2),
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2, "mutation_scale": 14},
    )
