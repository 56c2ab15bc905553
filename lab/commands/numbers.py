"""The kind of number that options take."""

from __future__ import annotations

import click


class WholeNumber(click.IntRange):
    """A whole number, called so where something else was given."""

    name = "whole number"
