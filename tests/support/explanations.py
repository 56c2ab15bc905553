"""What `lab explain` knows."""

from __future__ import annotations

from lab.course import COURSE
from lab.engine import explain

EXPLANATIONS = explain.load(COURSE.errors)


def name_for(text: str, *, local: bool = False) -> str | None:
    """The name of the explanation that a text leads to."""
    found = explain.explain(EXPLANATIONS, text, local=local)
    return found.name if found else None
