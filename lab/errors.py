"""Errors that a user can mend, shown as one line instead of a traceback.

Every message of ours says where, what, and what to try; those of AWS do not, so a second
line points to `lab explain` when that knows more. Scripts and the `lab` command print it on
standard error and exit with 1; in a notebook it takes the traceback's place.
"""

from __future__ import annotations

import atexit
import os
import sys
from types import TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from lab.engine.display import printable
from lab.here import last_error
from lab.here.shell import command, ipython


class LabError(Exception):
    """Something that the user can mend; the message says how."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return report(self)


class SettingsError(LabError):
    """A setting has a value that cannot work."""


class TargetError(LabError):
    """The chosen target cannot be reached or used."""


class NoCloudError(TargetError):
    """No local cloud runs."""


class NoAnswerError(TargetError):
    """Something listens and does not answer, so it is not known what is there."""


class NotOursError(LabError):
    """A resource has one of our names but not our tags."""


class DuplicateError(LabError):
    """Something of ours is there more than once, though its name should be unique."""


class LockedError(LabError):
    """Another process is setting up or tearing down the same cloud."""


class MissingStepError(LabError):
    """Something is missing that an earlier chapter makes."""


class UnknownChapterError(LabError):
    """There is no chapter with that number."""


class WaitTimeoutError(LabError):
    """What was waited for did not happen in time."""


class RefusedError(LabError):
    """An order was refused that should have been accepted."""


# What a user can mend. Exceptions such as `sqs.exceptions.QueueNameExists` are ClientErrors.
MENDABLE = (LabError, ClientError, BotoCoreError, HTTPError)


def report(error: BaseException) -> list[str]:
    """The lines to show for an error that ends a run. The error is remembered for `lab explain`."""
    line = printable(last_error.without_secrets(f"{type(error).__name__}: {error}"))
    if not isinstance(error, UnknownChapterError):  # no chapter has met that one
        last_error.remember(line)
    if isinstance(error, LabError):  # it says what to try
        return [line]
    from lab.course.explain import explain  # a long table, which only an error needs

    return [line, f"What does it mean? Run: {command('explain')}"] if explain(line) else [line]


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, MENDABLE):
        print(*report(error), sep="\n", file=sys.stderr)
    elif isinstance(error, BrokenPipeError):
        pass  # nobody reads on, as after `| head`, and nobody is to be told
    elif isinstance(error, KeyboardInterrupt):
        print(
            "Stopped. `lab check` says what is there; run it again, and it finds that.",
            file=sys.stderr,
        )
    else:
        report(error)
        _previous_hook(kind, error, trace)


def _show_in_ipython(
    shell: Any, kind: type[BaseException], error: Any, trace: Any, tb_offset: int | None = None
) -> None:
    """Every error is remembered; those that are not ours and can be mended are one line, too."""
    lines = report(error)
    if issubclass(kind, MENDABLE):
        error._render_traceback_ = lambda: lines
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _watch_ipython() -> None:
    """https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html"""
    shell = ipython()
    if shell is not None:
        shell.set_custom_exc((Exception,), _show_in_ipython)


def _drop_what_nobody_reads() -> None:
    """Python itself would complain at its end of output that it cannot get rid of.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    try:
        print(end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_previous_hook = sys.excepthook
sys.excepthook = _show
atexit.register(_drop_what_nobody_reads)
_watch_ipython()
