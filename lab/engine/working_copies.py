"""The learner's own copies of the notebooks, without outputs, in a folder that git ignores.

The notebooks of the repository keep their outputs, for people who read them on the web. Somebody
who works through them works on a copy, so the repository stays as it is. A copy knows which cells
it was made with. So we can tell whether somebody has edited it, and nothing of theirs is ever
overwritten.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat

from lab.engine import kernel
from lab.engine.course import Chapter, Course
from lab.here.folders import ROOT, WORK, shown

FOLDER = WORK
_MADE_WITH = "made_with"  # the name of the digest among a copy's metadata
_UNREADABLE = (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, ValueError)


def path_of(chapter: Chapter) -> Path:
    return FOLDER / chapter.notebook.name


def bring_up_to_date(course: Course) -> list[str]:
    """Make the copies that are missing, and replace those of older versions that nobody has edited.
    Returns a sentence for each that was edited and is of an older version."""
    FOLDER.mkdir(exist_ok=True)
    for page in course.chapters[0].notebook.parent.glob("*.md"):  # that the notebooks link to
        shutil.copyfile(page, FOLDER / page.name)
    return [said for chapter in course.chapters if (said := _bring_up_to_date(chapter))]


def make_fresh(chapter: Chapter) -> Path | None:
    """Make a fresh copy. If somebody has edited the one that is there, it is kept beside it:
    returns where."""
    path, kept = path_of(chapter), None
    FOLDER.mkdir(exist_ok=True)
    if path.exists() and _look(path)[1]:
        names = (path.with_name(f"{path.stem}.mine-{n}.ipynb") for n in itertools.count(1))
        kept = path.rename(next(name for name in names if not name.exists()))
    _write(_copy_of(chapter), path)
    return kept


def jupyter(chapter: Chapter, flags: tuple[str, ...], *, is_root: bool) -> list[str]:
    """The command that opens JupyterLab at a chapter's copy. As root it wants to be told so."""
    return [
        *(sys.executable, "-m", "jupyter", "lab"),
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{shown(path_of(chapter))}",
        *(["--allow-root"] if is_root else []),
        *flags,
    ]


def _bring_up_to_date(chapter: Chapter) -> str:
    """Returns what to say about the copy, or "" """
    path, new = path_of(chapter), _copy_of(chapter)
    made_with, is_edited = _look(path) if path.exists() else ("", False)
    if made_with == new.metadata[_MADE_WITH]:
        return ""
    if not is_edited:
        _write(new, path)
        return ""
    return (
        f"{shown(path)} has changes of yours, and the chapter has changed since. "
        f"`lab reset {chapter.number} --notebook` gives you a fresh one and keeps yours beside it."
    )


def _copy_of(chapter: Chapter) -> Any:
    """The notebook of the repository without its outputs."""
    notebook = nbformat.read(chapter.notebook, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("built", None)
    notebook.metadata["kernelspec"] = kernel.spec()
    notebook.metadata[_MADE_WITH] = _digest(notebook)
    return notebook


def _look(path: Path) -> tuple[str, bool]:
    """The digest of the cells that a copy was made with, and whether it has others now. To run
    them changes nothing. What cannot be read counts as edited."""
    try:
        notebook = nbformat.read(path, as_version=4)
        made_with = str(notebook.metadata.get(_MADE_WITH, ""))
        return made_with, made_with != _digest(notebook)
    except _UNREADABLE:
        return "", True


def _digest(notebook: Any) -> str:
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _write(notebook: Any, path: Path) -> None:
    """Nobody ever sees half of it."""
    draft = path.with_suffix(".draft")
    nbformat.write(notebook, draft)
    draft.replace(path)
