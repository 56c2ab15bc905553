"""Shows an error that ends a run: as one line if its user can fix it, else as Python does.

AWS's messages do not say what to try, so below them a second line points to `lab explain` where
that knows more. Scripts and the `lab` command print to standard error and exit with 1; in a
notebook the lines take the traceback's place. Nothing of this happens before `install`.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from lab.engine.display import printable
from lab.errors import FIXABLE, CourseError, LabError, TargetError, UnknownChapterError
from lab.here import last_error
from lab.here.early import STOPPED
from lab.here.shell import command, ipython

Report = Callable[[BaseException], list[str]]
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def report(error: BaseException, is_known: Callable[[str], bool]) -> list[str]:
    """The lines to show for an error, which is remembered for `lab explain`. `is_known` says
    whether that knows more about it."""
    error = _of_no_cloud(error) or error
    line = printable(last_error.without_secrets(f"{type(error).__name__}: {error}"))
    if not isinstance(error, UnknownChapterError | CourseError):  # no chapter has met these
        last_error.remember(line)
    if isinstance(error, LabError):  # it says what to try
        return [line]
    return [line, f"What does it mean? Run: {command('explain')}"] if is_known(line) else [line]


def _of_no_cloud(error: BaseException) -> TargetError | None:
    """What to say of an answer that AWS would not give, such as a web page; None for another
    error."""
    said = error.response["Error"].get("Message", "") if isinstance(error, ClientError) else ""
    if not isinstance(error, ResponseParserError) and not said.lstrip().startswith("<"):
        return None
    where = os.environ.get("AWS_ENDPOINT_URL")
    return TargetError(
        f"What listens at {where or 'the address of AWS'} does not answer as AWS does: "
        f"{str(error).splitlines()[0].rstrip('.')}. "
        + ("Set AWS_ENDPOINT_URL right, or unset it." if where else "Is a proxy in between?")
    )


def of_no_room(error: BaseException) -> LabError | None:
    """What to say where something could not be written, to a file or to the output; None for
    another error. What waits for a full output is dropped, so that this is said once."""
    if not isinstance(error, OSError) or error.filename or error.errno not in _NO_ROOM:
        return None
    _drop_what_cannot_be_written()
    return LabError(f"What was to be written was not: {error.strerror}. Make room, and try again.")


def install(report: Report) -> None:
    """From now on, show the errors that end this process, and those of a notebook's cells."""
    previous = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not _show(error, report):
            previous(kind, error, trace)

    sys.excepthook = show
    atexit.register(_at_the_end)
    _watch_ipython(report)


def _show(error: BaseException, report: Report) -> bool:
    """Whether that was all there is to show."""
    known = of_no_room(error) or error
    if isinstance(known, FIXABLE):
        print(*report(known), sep="\n", file=sys.stderr)
    elif isinstance(error, KeyboardInterrupt):
        print(STOPPED, file=sys.stderr)
    elif not isinstance(error, BrokenPipeError):  # as after `| head`: there is nobody to tell
        report(error)
        return False
    return True


def _watch_ipython(report: Report) -> None:
    """https://ipython.readthedocs.io/en/stable/api/generated/IPython.core.interactiveshell.html"""

    def show(
        shell: Any, kind: type[BaseException], error: Any, trace: Any, tb_offset: int | None = None
    ) -> None:
        """Every error is remembered; those that can be fixed, and a stop, are shown as one line."""
        stopped = issubclass(kind, KeyboardInterrupt)
        lines = [STOPPED] if stopped else report(error)
        if stopped or issubclass(kind, FIXABLE):
            error._render_traceback_ = lambda: lines
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if (found := ipython()) is not None:
        found.set_custom_exc((Exception, KeyboardInterrupt), show)


def _at_the_end() -> None:
    error = _drop_what_cannot_be_written()
    if error is not None and (known := of_no_room(error)):
        print(known, file=sys.stderr)


def _drop_what_cannot_be_written() -> OSError | None:
    """Python itself would complain at its end of output that it cannot get rid of. Returns why.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    try:
        print(end="", flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None
