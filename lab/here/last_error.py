"""Remembers the last error that a chapter met, so that `lab explain` needs no pasting.

It is one small file for each copy of the project, in the user's private folder. It holds what the
screen showed, without anything that looks like a credential. Where it cannot be written, nothing
else fails, and nobody is told.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from lab.here.folders import folder_of_project
from localcloud.host import private

_LONGEST = 4000
_SECRETS = (
    (r"The Canonical String for this request.*", ""),  # AWS repeats the session token in it
    (r"\b(AKIA|ASIA|LOCAL)[A-Z0-9]{12,}", r"\1..."),
    (r"//[^/\s'\"]+@", "//"),  # the user and password of an address
)


def path() -> Path:
    """Where the last error is kept."""
    return folder_of_project() / "last-error.txt"


def remember(text: str) -> None:
    """Keep this error instead of the one before; only its owner may read the file."""
    with suppress(OSError):
        private.write(path(), without_secrets(text)[:_LONGEST])


def without_secrets(text: str) -> str:
    """The text without anything that looks like a credential."""
    for pattern, harmless in _SECRETS:
        text = re.sub(pattern, harmless, text, flags=re.DOTALL)
    return text


def recall() -> str | None:
    """The last error, or None if there was none."""
    with suppress(OSError):
        return private.read(path()).strip() or None
    return None
