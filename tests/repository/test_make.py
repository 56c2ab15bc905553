"""How `make` installs: by uv, and by pip where uv cannot be had or fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.here.folders import ROOT

LOCKED, OURS = "--require-hashes -r requirements.lock", "--no-deps --no-build-isolation -e ."


class Folder:
    """A copy of what `make` needs, in which programs write down how they were called."""

    def __init__(self, path: Path) -> None:
        self.path, self.calls = path, path / "calls"
        for name in ("Makefile", "pyproject.toml", *(lock.name for lock in ROOT.glob("*.lock"))):
            shutil.copy(ROOT / name, path)
        for folder in ("bin", "uv/bin"):
            (path / ".venv" / folder).mkdir(parents=True)
        (path / ".venv" / ".python").touch()
        self.program("bin/python")

    def program(self, where: str, does: str = "") -> None:
        program, name = self.path / ".venv" / where, Path(where).name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls}"\n{does}\n')
        program.chmod(0o755)

    def make(self, python: str = "true") -> tuple[str, list[str]]:
        """What is printed, and the calls. The base Python does nothing, or is another program."""
        # Not as a part of the make that runs the tests, which would say so.
        made = subprocess.run(
            ["make", ".venv/.run", f"PYTHON={python}"],
            cwd=self.path,
            env={name: value for name, value in os.environ.items() if "MAKE" not in name},
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout + made.stderr, self.calls.read_text().splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_uv_installs_where_it_can(folder: Folder) -> None:
    folder.program("uv/bin/uv")
    printed, calls = folder.make()
    assert printed == ""
    uv = "uv pip install -q --system-certs --python .venv/bin/python"
    assert calls == [f"{uv} {LOCKED}", f"{uv} {OURS}"]


def test_pip_installs_everything_where_uv_fails_once(folder: Folder) -> None:
    folder.program("uv/bin/uv", "echo no such index >&2; exit 2")
    printed, (_, *calls) = folder.make()
    assert printed.startswith("uv fails: pip installs what is needed, which takes a minute.")
    assert len(printed.splitlines()) == 1
    pip = "python -m pip -q --disable-pip-version-check install"
    assert calls == [f"{pip} {LOCKED}", f"{pip} {OURS}"]
    assert (folder.path / ".venv" / "uv.log").read_text() == "no such index\n"


@pytest.mark.parametrize(
    ("does", "logged"),
    [
        ("case $* in *config*) ;; *) echo no wheel; exit 1;; esac", "no wheel\n"),
        ("echo \"global.index-url='http://me:secret@here'\"", ".index-url=\n"),
        ("echo \":env:.proxy='http://me:secret@here'\"", ".proxy=\n"),
    ],
)
def test_pip_installs_where_uv_cannot_be_had(folder: Folder, does: str, logged: str) -> None:
    folder.program("bin/base", f'[ "$2" = venv ] && exit; {does}')
    printed, calls = folder.make(".venv/bin/base")
    assert printed.startswith("uv cannot be had: pip installs what is needed")
    assert len(printed.splitlines()) == 1
    assert (folder.path / ".venv" / "uv.log").read_text() == logged
    assert [call.split(" install ")[1] for call in calls if call.startswith("python")] == [
        LOCKED,
        OURS,
    ]
