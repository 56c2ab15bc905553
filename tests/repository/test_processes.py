"""A program that is forked shows what its user sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import Completed, run_lab, run_script, start_module, start_script


def start_lab(*arguments: str) -> Completed:
    return start_module("lab", *arguments)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fork", "start", "command"),
    [
        (run_lab, start_lab, ("hint", "01")),
        (run_lab, start_lab, ("tea",)),
        (run_lab, start_lab, ("reset", "01")),
        (run_script, start_script, ("scripts/06_verify.py",)),
        (run_script, start_script, ("teardown.py",)),
    ],
)
def test_a_fork_is_like_a_start(
    cloud: str,
    fork: Callable[..., Completed],
    start: Callable[..., Completed],
    command: tuple[str, ...],
) -> None:
    forked, started = fork(*command), start(*command)
    assert forked.returncode == started.returncode
    assert forked.stdout == started.stdout
    assert forked.stderr == started.stderr


@pytest.mark.parametrize(
    "source",
    [
        "print('tea', len(sys.argv), os.getcwd(), os.environ['CUP'], sys.stdin.read())",
        "sys.exit('no tea')",
        "sys.exit(3)",
        "import lab; raise ValueError('no tea')",
    ],
)
def test_a_script_ends_in_a_fork_as_it_ends_by_itself(source: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import os, sys\n{source}\n")
    forked, started = (run(str(script), "hot", CUP="1") for run in (run_script, start_script))
    assert forked.returncode == started.returncode
    assert forked.stdout == started.stdout
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]
