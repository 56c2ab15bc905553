"""The folders that the plumbing uses."""

from __future__ import annotations

import hashlib
from pathlib import Path

from localcloud.host import private

ROOT = Path(__file__).parents[2]  # the project
BUILD = ROOT / "build"  # what can be made again; not in the repository
WORK = ROOT / "work"  # the learner's own files; not in the repository either


def shown(path: Path) -> str:
    """A file of the learner's as a message shows it: "work/take_order.py"."""
    return f"{path.parent.name}/{path.name}"


def private_folder() -> Path:
    """A folder that only this user can use, for keys, logs and the last error.

    Raises OSError, with the folder as its `filename`, where there is none that can be used.
    """
    return private.folder()


def folder_of_project() -> Path:
    """The part of the private folder that belongs to this copy of the project.

    Raises OSError as `private_folder` does.
    """
    name = hashlib.sha256(str(ROOT.resolve()).encode()).hexdigest()[:12]
    return private.folder(f"{ROOT.name}-{name}")
