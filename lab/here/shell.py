"""Where the chapter runs, in a notebook or as a script, and what that needs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_as_text = False


def ipython() -> Any:
    """The IPython that runs us, in a notebook or a terminal, or None in plain Python."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module else None


def shell() -> Any:
    """The notebook's IPython, or None in a script."""
    found = ipython()
    return found if found is not None and hasattr(found, "kernel") else None


def shows_pictures() -> bool:
    """Whether what is shown is more than text: in a notebook, but not of a chapter that it runs."""
    return shell() is not None and not _as_text


@contextmanager
def as_text() -> Iterator[None]:
    """What is shown in here is printed, as in a script, also in a notebook."""
    global _as_text
    before, _as_text = _as_text, True
    try:
        yield
    finally:
        _as_text = before


def command(name: str) -> str:
    """How to give a command of ours here: "lab check" in a terminal, "!lab check" in a cell."""
    return f"lab {name}" if shell() is None else f"!lab {name}"


def command_line() -> str:
    """What this process was started as: "lab up", "teardown.py --yes", or a notebook."""
    if ipython() is not None:
        return "notebook"
    script, *arguments = sys.argv or [""]
    path = Path(script)
    name = path.parent.name if path.name == "__main__.py" else path.name  # python -m lab
    return " ".join((name.removesuffix(".exe"), *arguments))


def put_commands_on_path() -> None:
    """Let a notebook's `!lab` find the command of its own environment."""
    folder = str(Path(sys.executable).parent)
    if shell() is not None and folder not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((folder, os.environ["PATH"]))


def fill_in_closed_streams() -> None:
    """Where a stream was closed (`lab check >&-`), Python has None, and what is opened next gets
    its number. So nothing is read there, and what is written there is dropped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nothing, mode, encoding="utf-8"))


def show_what_the_encoding_lacks() -> None:
    """Let an output that is not UTF-8 show the cup in "Té verde ☕" as \\u2615, not fail on it.

    The error output does so by itself.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a notebook's is no TextIOWrapper
        sys.stdout.reconfigure(errors="backslashreplace")
