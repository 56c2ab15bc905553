"""Copies of the project, for another folder of this user, or for another user of this machine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import urllib3

from lab.here.folders import ROOT

SITE_PACKAGES = Path(urllib3.__file__).parent.parent
STRANGER = 23457


@dataclass(frozen=True)
class Clone:
    """A copy of the project, and the one who works in it."""

    folder: Path
    home: Path
    python: str = sys.executable
    user: int | None = None

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python in this copy, as its user does."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env={
                "HOME": str(self.home),
                "XDG_STATE_HOME": str(self.home / "state"),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.folder),
                **variables,
            },
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def lab(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "lab", *arguments, **variables)

    def status(self) -> dict[str, object]:
        return dict(json.loads(self.lab("status", "--json").stdout))


def copy_project(folder: Path) -> None:
    """With what Python has compiled, which would take each process seconds."""
    for name in ("lab", "localcloud", "scripts", "lambdas", "events"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "teardown.py", folder)


@contextmanager
def clone_of_another_user() -> Iterator[Clone]:
    """The copy of the project and the virtual environment of another user of this machine."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("only root can be another user")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # not below a folder of root's own
        home = Path(folder)
        copy_project(home / "clone")
        python = home / "venv" / "bin" / "python"
        for path in (home, *home.rglob("*")):
            os.chown(path, STRANGER, STRANGER)
        made = Clone(home / "clone", home, str(python), STRANGER)
        for base in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
            if _make_venv(replace(made, python=str(base))) and made.lab("--help").returncode == 0:
                break
        else:
            pytest.skip("another user can start no Python that has the packages")
        yield made


def _make_venv(owner: Clone) -> bool:
    """Whether this Python can make the owner a virtual environment, with the packages of ours."""
    packages = "import sysconfig; print(sysconfig.get_path('purelib'))"
    try:
        made = owner.run("-m", "venv", "--without-pip", "--clear", str(owner.home / "venv"))
    except OSError:  # it cannot be started by this user
        return False
    if made.returncode != 0:
        return False
    python = replace(owner, python=str(owner.home / "venv" / "bin" / "python"))
    folder = Path(python.run("-c", packages).stdout.strip())
    (folder / "packages.pth").write_text(f"{owner.folder}\n{SITE_PACKAGES}\n")
    return True
