"""Commands for those who change the tutorial."""

from __future__ import annotations

import click

from lab.course import COURSE


@click.group()
def dev() -> None:
    """Commands for those who change the tutorial."""


@dev.command()
def notebooks() -> None:
    """Build the notebooks from the scripts and execute them on a local cloud of their own."""
    from lab.engine.notebooks import build_all  # needs what only the notebooks do

    build_all(COURSE)


COMMANDS = (dev,)
