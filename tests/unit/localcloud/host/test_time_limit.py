"""Work on the event loop that takes too long is ended, and waiting is not."""

from __future__ import annotations

import re
import sys
import time

import pytest

from localcloud.host.time_limit import time_limit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such alarm")
_SLOW = re.compile(r"(a+)+b")


def test_a_search_that_never_comes_back_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"longer than 0\.05 s"), time_limit(0.05):
        _SLOW.match("a" * 40)


def test_a_busy_machine_ends_nothing() -> None:
    with time_limit(0.05):
        time.sleep(0.2)  # which takes no time of the processor's


def test_a_limit_that_was_kept_is_gone() -> None:
    with time_limit(0.05):
        pass
    begun = time.process_time()
    while time.process_time() - begun < 0.2:
        pass
