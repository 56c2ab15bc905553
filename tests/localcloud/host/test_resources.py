"""The limit of open files is raised when the local cloud starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_RAISES = """
import resource
from localcloud.host.resources import raise_file_limit
print(raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such limit")
@pytest.mark.parametrize(("soft", "hard"), [(64, 64), (64, 200), (128, 128)])
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(soft: int, hard: int) -> None:
    command = f'ulimit -Sn {soft} && ulimit -Hn {hard} && exec "{sys.executable}" -c "{_RAISES}"'
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [str(hard), str(hard)]
