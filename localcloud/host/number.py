"""The kind of number that options take, where a fraction is one."""

from __future__ import annotations

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A number from `least` to `most`. Python takes "nan" for one, which no range keeps out."""

    name = "number"

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)

    def convert(
        self, value: Any, param: click.Parameter | None, context: click.Context | None
    ) -> float:
        found = float(super().convert(value, param, context))
        if math.isnan(found):
            self.fail(f"{value!r} is not a valid number.", param, context)
        return found
