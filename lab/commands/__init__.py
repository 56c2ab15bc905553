"""The `lab` command: the local cloud, the chapters and how far one is, logs and mail.

Each file here holds a group of commands.
"""

from __future__ import annotations

import sys

import click

from lab.commands import chapters, cloud, console, demo, dev, look, watch
from lab.course import facade
from lab.errors import FIXABLE
from lab.here import settings


class _Group(click.Group):
    """Shows errors that a user can fix as one line."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except FIXABLE as error:
            print(*facade.report(error), sep="\n", file=sys.stderr)
            sys.exit(1)


main = _Group(
    "lab",
    help=f"""Run the tutorial's local cloud and its chapters.

    Settings come from the environment:

    \b
    {settings.in_words().replace(chr(10), chr(10) + "    ")}
    """,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (demo, cloud, console, watch, chapters, look, dev):
    for command in module.COMMANDS:
        main.add_command(command)
