"""Errors that a user can mend, shown as one line instead of a traceback.

Every message says where, what, and what to try. Scripts and the `lab` command print it on
standard error and exit with 1; in a notebook it takes the traceback's place.
"""

from __future__ import annotations

import sys
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError


class LabError(Exception):
    """Something that the user can mend; the message says how."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class SettingsError(LabError):
    """A setting has a value that cannot work."""


class TargetError(LabError):
    """The chosen target cannot be reached or used."""


class NotOursError(LabError):
    """A resource has one of our names but not our tags."""


class MissingStepError(LabError):
    """Something is missing that an earlier chapter makes."""


class WaitTimeoutError(LabError):
    """What was waited for did not happen in time."""


class RefusedError(LabError):
    """An order was refused that should have been accepted."""


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, LabError | ClientError | BotoCoreError):
        print(f"{kind.__name__}: {error}", file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        print("Stopped. Run it again: it finds what is there.", file=sys.stderr)
    else:
        _previous_hook(kind, error, trace)


_previous_hook = sys.excepthook
sys.excepthook = _show
