"""A function's package, unpacked for its workers.

Programs that clean temporary folders by age do not know us, and a handler may delete its own files.
So before a worker starts, we check the files, and unpack them again if one is missing. They then go
into a new directory, as running workers may still read the old one. A thread unpacks large
packages, so that the event loop goes on.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import zipfile
from itertools import islice
from pathlib import Path

_LARGE_BYTES = 1024 * 1024
_LARGE_FILES = 100
_LOOKED_AT = 500  # files; checking more each time takes too long


class Package:
    """The zip file `code`, unpacked below `place`."""

    def __init__(self, code: bytes, place: Path) -> None:
        self._code = code
        self._place = place
        self._files: list[str] = []
        self.directory: Path | None = None
        self.old: list[Path] = []  # that workers may still use

    @property
    def is_large(self) -> bool:
        return len(self._code) > _LARGE_BYTES or len(self._files) > _LARGE_FILES

    def is_whole(self) -> bool:
        """Whether it is unpacked, and nothing seems to be missing."""
        root = self.directory
        return root is not None and all(
            os.path.lexists(root / name) for name in islice(self._files, _LOOKED_AT)
        )

    def unpack(self) -> None:
        """Unpack it into a new directory. For a bad file zipfile raises one of many exceptions."""
        directory = self._place / f"task-{secrets.token_hex(6)}"
        try:
            with zipfile.ZipFile(io.BytesIO(self._code)) as package:
                package.extractall(directory)
        except Exception:
            shutil.rmtree(directory, ignore_errors=True)  # what is unpacked so far
            raise
        self._files = [
            str(path.relative_to(directory))
            for path in islice(directory.rglob("*"), _LARGE_FILES + _LOOKED_AT)
        ]
        if self.directory is not None:
            self.old.append(self.directory)
        self.directory = directory

    def directories(self) -> list[Path]:
        return self.old + ([self.directory] if self.directory else [])
