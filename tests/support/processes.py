"""Programs of the project, run as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys

from lab.here.folders import ROOT


def run_script(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the project as a user does, from another directory."""
    return subprocess.run(
        [sys.executable, str(ROOT / name), *arguments],
        cwd=ROOT.parent,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` with these arguments."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
