"""How much of something a test does: all of it in `make soak` (`pytest --soak`), else little.

Both run the same code.
"""

from __future__ import annotations

import os

VARIABLE = "LAB_TEST_SOAK"  # set by conftest, before the tests are imported


def is_soak() -> bool:
    """Whether the full sizes were asked for."""
    return os.environ.get(VARIABLE) == "1"


def size(full: int, little: int) -> int:
    """`full` in the soak, else `little`."""
    return full if is_soak() else little
