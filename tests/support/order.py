"""Which tests begin first: the longest, so that no worker has one left when the others are done.

The seconds are those of two idle cores. What is not here takes a few seconds at most.
"""

from __future__ import annotations

import pytest

# By the end of a test's id, without its parameters.
SECONDS: dict[str, int] = {}


def key(item: pytest.Item) -> tuple[int, int]:
    """Sorts the longest to the front, and then those that share something of their file: the
    others fill the gaps."""
    name = item.nodeid.partition("[")[0].rpartition("/")[2]
    is_alone = item.get_closest_marker("xdist_group") is None
    return -SECONDS.get(name, 0), int(is_alone)
