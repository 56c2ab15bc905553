"""What is true of this course only: its chapters, its names, its resources and its errors."""

from __future__ import annotations

from pathlib import Path

from lab.course.orders import forget_those_of
from lab.course.resources import inventory
from lab.engine.course import Box, Course, load_chapters

_ORDER = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10")
_chapters, _unreadable = load_chapters(__name__, *_ORDER)

COURSE = Course(
    name=__name__,
    chapters=_chapters,
    set_up=("01", "02", "03", "04", "05"),
    breaks=("08", "09"),
    last="10",  # it takes everything down, so a new chapter goes before it
    demo=("01", "02", "03", "04", "05", "06", "10"),
    inventory=inventory,
    forget=forget_those_of,
    errors=Path(__file__).with_name("errors.toml"),
    # 5.98 for the chain and 20.00 for its e-mail, in us-east-1 and without the free tier.
    price=25.98,
    priced="e-mail included, prices of November 2026",
    outside=(Box("shop", 0, 0),),
    callers={"urllib3": "urllib3", "shop": "urllib3", "teardown": "teardown"},
    unreadable=_unreadable,
)
