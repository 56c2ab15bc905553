"""Delete everything that the tutorial made, and prove that nothing is left.

This is `lab down`. The last chapter uses the two functions that it stands on.
"""

from __future__ import annotations

import sys

from lab.commands import main as lab_command
from lab.commands.pipeline import down as main
from lab.course.facade import list_ours, tear_down

__all__ = ["list_ours", "main", "tear_down"]

if __name__ == "__main__":
    lab_command(["down", *sys.argv[1:]], prog_name="lab")
