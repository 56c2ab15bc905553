"""The `lab` command: the local cloud, the chapters and how far one is, logs and mail.

Each file here holds a group of commands.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from lab.commands import (
    chapters,
    classroom,
    cloud,
    console,
    demo,
    dev,
    look,
    own_functions,
    pipeline,
    policy,
    preflight,
    watch,
)
from lab.course import COURSE, facade
from lab.errors import FIXABLE, LabError
from lab.here import folders, settings
from lab.here.early import STOPPED
from lab.here.failures import of_no_room

_EXAMPLE = COURSE.find(COURSE.set_up[-1])
_STOPPED_STATUS = 130  # as a shell has it for Ctrl-C: 128 and the number of the signal


class _Group(click.Group):
    """Shows errors that a user can fix in a line or two, and lists the commands in the order of
    use."""

    def invoke(self, context: click.Context) -> object:
        try:
            try:
                return super().invoke(context)
            finally:
                with suppress(BrokenPipeError):
                    sys.stdout.flush()  # a full disk must not end in success
        except FIXABLE as error:
            _end_with(error)
        except OSError as error:
            if known := of_no_room(error):
                _end_with(known)
            if error.filename is None:  # the reader of a pipe has gone, or a bug of ours
                raise
            _end_with(_of_file(error))
        except (KeyboardInterrupt, click.Abort) as error:  # at a question, click makes it an Abort
            print(STOPPED, file=sys.stderr)
            sys.exit(_STOPPED_STATUS if isinstance(error, KeyboardInterrupt) else 1)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


def _end_with(error: BaseException) -> NoReturn:
    print(*facade.report(error), sep="\n", file=sys.stderr)
    sys.exit(1)


def _of_file(error: OSError) -> LabError:
    path = folders.shown(Path(os.fsdecode(error.filename)))
    return LabError(
        f"{path} cannot be used: {error.strerror}. Move it away, or change who may read and write "
        "it; then try again."
    )


@click.group(
    "lab",
    cls=_Group,
    invoke_without_command=True,
    help=f"""Run the tutorial's chapters and its local cloud.

    Without a command: where you are, and what is next. A chapter is named by its number or its
    name: `lab check {_EXAMPLE.number}` and `lab check {_EXAMPLE.name}` are the same.

    \b
    lab goto {_EXAMPLE.number}        make what comes before chapter {_EXAMPLE.number}
    lab check          say what is right, what is wrong, and how to fix it
    lab explain        say what the last error means

    Settings come from the environment:

    \b
    {settings.in_words().replace(chr(10), chr(10) + "    ")}
    """,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(package_name="chain-lambda-functions", message="%(package)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        chapters.say_where_you_are()


_IN_ORDER = (
    *(demo, chapters, own_functions, pipeline, preflight, classroom),
    *(look, console, watch, cloud, policy, dev),
)
for module in _IN_ORDER:
    for command in module.COMMANDS:
        main.add_command(command)
