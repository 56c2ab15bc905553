"""The folders that the plumbing uses."""

from __future__ import annotations

import errno
import getpass
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent  # the project
BUILD = ROOT / "build"  # what can be made again; not in the repository


def private_folder() -> Path:
    """A folder of the user's own, for the local cloud's logs and the last error.

    Raises OSError, with the folder as its `filename`, where there is none that can be used.
    """
    folder = Path(tempfile.gettempdir()) / f"lab-{getpass.getuser()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder
