"""Says in one line that somebody pressed Ctrl-C while the rest was still loading.

boto3 takes a second for that. `lab` imports this before all else, so it imports little itself.
"""

from __future__ import annotations

import sys
from types import TracebackType

STOPPED = "Stopped. Run it again: what is there already is found, and not made twice."
_previous = sys.excepthook


def _show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(STOPPED, file=sys.stderr)
    else:
        _previous(kind, error, trace)


sys.excepthook = _show
