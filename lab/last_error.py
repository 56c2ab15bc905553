"""Remembers the last error that a chapter met, so that `lab explain` needs no pasting.

It is one small file per user, in the private directory of the local cloud's logs. It holds
what the screen showed, without anything that looks like a credential. Remembering is a
courtesy: when it fails, for whatever reason the file system has, nobody is told.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from lab.folders import private_folder

_LONGEST = 4000
_SECRETS = (
    (r"The Canonical String for this request.*", ""),  # AWS repeats the session token in it
    (r"\b(AKIA|ASIA)[A-Z0-9]{12,}", r"\1..."),
    (r"//[^/@\s]+@", "//"),  # the user and password of an address
)


def path() -> Path:
    """Where the last error is kept."""
    return private_folder() / "last-error.txt"


def remember(text: str) -> None:
    """Keep this error instead of the one before; only its owner may read the file."""
    for pattern, harmless in _SECRETS:
        text = re.sub(pattern, harmless, text, flags=re.DOTALL)
    with suppress(OSError, KeyError):  # a user without a name has no directory: KeyError
        kept = path()
        # A new file that takes the old one's place: mode 0600, and no link is followed.
        descriptor, draft = tempfile.mkstemp(dir=kept.parent)
        with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text[:_LONGEST])
        os.replace(draft, kept)


def recall() -> str | None:
    """The last error, or None if there was none."""
    with suppress(OSError, KeyError):
        return path().read_text("utf-8", errors="replace").strip() or None
    return None
