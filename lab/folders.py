"""The folders that the plumbing uses."""

from __future__ import annotations

import getpass
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent  # the project
BUILD = ROOT / "build"  # what can be made again; not in the repository


def private_folder() -> Path:
    """A folder of the user's own, for the local cloud's logs and the last error."""
    folder = Path(tempfile.gettempdir()) / f"lab-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
