"""The code of a function, for its screen: the texts in its package."""

from __future__ import annotations

import io
import zipfile
from functools import lru_cache

_LARGEST = 5_000_000  # bytes of a package that is opened for a page
_MOST_FILES = 5
_LONGEST = 100_000  # bytes of a file


Files = tuple[tuple[str, str], ...]  # names and texts


def files_of(package: bytes) -> Files:
    """The first files of a zip; none if it is large or cannot be read."""
    return _files_of(package) if len(package) <= _LARGEST else ()


@lru_cache(maxsize=16)  # a page that follows its function asks again and again
def _files_of(package: bytes) -> Files:
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as opened:
            found = [f for f in opened.infolist() if not f.is_dir() and f.file_size <= _LONGEST]
            return tuple(
                (each.filename, opened.read(each).decode("utf-8", "replace"))
                for each in found[:_MOST_FILES]
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return ()
