"""The learner's own version of a function: a file among the working copies, made from a stub.

What is theirs is never overwritten.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.aws import packaging
from lab.engine.exercises import BUILDING
from lab.errors import LabError
from lab.here.folders import WORK, shown


def write(stem: str) -> str:
    """Make the file unless it is there. Returns what to say about it."""
    path = WORK / f"{stem}.py"
    if BUILDING not in os.environ and not path.exists():
        WORK.mkdir(exist_ok=True)
        path.write_text(packaging.stub(stem), "utf-8")
        return f"Made {shown(path)} for you. Open it, and write its handler."
    return f"Your function is in {shown(path)}. Open it, and write its handler."


def package(stem: str, **more: str) -> bytes:
    """The zip of the learner's function. What it takes from ours is the module `reference` in it.
    `more` are the sources of other modules in it, by name.

    Raises LabError if there is none yet, if it is still the stub, and if it is no Python.
    """
    modules = {stem: _source(stem), "reference": packaging.source(stem), **more}
    return packaging.package(stem, **modules)


def _source(stem: str) -> str:
    path = WORK / f"{stem}.py"
    if BUILDING in os.environ:  # the notebooks show what a learner sees first
        raise _unwritten(path)
    if not path.exists():
        raise LabError(
            f"Expected your function in {shown(path)}, found no such file. "
            f"`lab write {stem}` makes it, with what it has to do."
        )
    try:
        source = path.read_text("utf-8")
        compile(source, shown(path), "exec")
    except UnicodeDecodeError:
        raise LabError(f"{shown(path)} is no UTF-8 text. Save it as that.") from None
    except (SyntaxError, ValueError) as error:  # ValueError: a zero byte
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise LabError(f"{shown(path)}{line}: this is no Python: {error.args[0]}.") from None
    if source == packaging.stub(stem):
        raise _unwritten(path)
    return source


def _unwritten(path: Path) -> LabError:
    return LabError(
        f"{shown(path)} is still as you got it. Write what its comments say, then try it again."
    )
