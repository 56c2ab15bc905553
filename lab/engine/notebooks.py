"""Builds the notebooks from the scripts, executes them, and writes the pages made from both.

    lab dev notebooks

The scripts are the only source. The outputs are real: those of a run against a local cloud of its
own. Numbers differ from run to run, so the outputs of the last build stay as long as nothing but
such numbers has changed, and a rebuild without a change changes no file.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import click
import nbformat
from rich.console import Console
from rich.progress import track
from traitlets.config import Config

from lab.engine import asides, cells, pages
from lab.engine.course import Chapter, Course
from lab.engine.exercises import BUILDING
from lab.here.own_cloud import in_own_cloud

# How often something was asked for until it was there.
_REPEATS = re.compile(r", \d+ times")
# What else differs from run to run: ids, times, and how these are aligned.
_VOLATILE = re.compile(
    r"(chapter-\d\d-)?[0-9a-f]{8}(-[0-9a-f-]{27})?|[\d.:-]*\d"
    r"|(?<=after) +|(?<=within) +"
)

# What goes to and from a kernel is then not readable for other users of this machine.
_KERNEL = Config({"KernelManager": {"transport_encryption": "auto"}})


_UNSTORED = "remove-output"  # the tag of a cell that shows what is true on one machine only


class EditedNotebookError(click.ClickException):
    """A notebook holds changes that would be lost."""


class ChapterFailedError(click.ClickException):
    """A cell of a notebook ended in an error."""


def build(course: Course, chapter: Chapter) -> Any:
    """The learner's notebook of a chapter, without outputs: its solution is left out."""
    notebook = cells.read(chapter)
    notebook.cells = [c for c in notebook.cells if "solution" not in c.metadata.get("tags", ())]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = asides.shown(cell.source)
        tags = [tag for tag in cell.metadata.get("tags", ()) if tag != "active-ipynb"]
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    title = notebook.cells[0]
    title.source += f"\n\n{pages.facts(course, chapter)}"
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(notebook: Any, chapter: Chapter) -> None:
    """Run all cells and keep their outputs. Raises ChapterFailedError when one fails."""
    from nbclient import NotebookClient  # not there where only scripts are run
    from nbclient.exceptions import CellExecutionError

    chapter.notebook.parent.mkdir(exist_ok=True)
    client = NotebookClient(
        notebook,
        timeout=120,
        record_timing=False,
        config=_KERNEL,
        coalesce_streams=True,
        resources={"metadata": {"path": str(chapter.notebook.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise ChapterFailedError(f"{chapter.title}: {error}") from None
    for cell in notebook.cells:
        if _UNSTORED in cell.metadata.get("tags", ()):
            cell.outputs = []
    notebook.metadata["language_info"] = {"name": "python"}  # without this Python's version


def sources(notebook: Any) -> list[Any]:
    """What the builder wrote of a notebook, all but the outputs."""
    head = {name: value for name, value in notebook.metadata.items() if name != "built"}
    return [head, *((c.id, c.cell_type, c.source, dict(c.metadata)) for c in notebook.cells)]


def fingerprint(notebook: Any) -> str:
    """A digest of all that a reader sees, by which the builder knows its own work again."""
    seen = [
        (cell.id, cell.cell_type, cell.source, cell.get("outputs", [])) for cell in notebook.cells
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def refuse_to_lose(paths: list[Path]) -> None:
    """Raise EditedNotebookError if somebody's changes to one of these are nowhere else.

    They are safe if it is as the builder left it, or as git has it.
    """
    edited = [f"notebooks/{path.name}" for path in paths if _holds_changes(path)]
    if edited:
        raise EditedNotebookError(
            "Edited or run since they were built, and git does not have the changes: "
            f"{', '.join(edited)}. Move the changes into the scripts, or commit or copy them. "
            "To drop them: git checkout notebooks"
        )


def _holds_changes(path: Path) -> bool:
    if not path.exists() or _is_committed(path):
        return False
    try:
        notebook = nbformat.read(path, as_version=4)
        return bool(notebook.metadata["built"] != fingerprint(notebook))
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, KeyError):
        return True


def _is_committed(path: Path) -> bool:
    command = ["git", "status", "--porcelain", "--ignored", "--", path.name]
    try:
        found = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    except FileNotFoundError:  # no git on this machine
        return False
    return found.returncode == 0 and not found.stdout.strip()


def keep_old_outputs(new: Any, old: Any) -> bool:
    """Whether the old outputs may stay: same sources, and outputs that differ in numbers only."""
    return sources(new) == sources(old) and _stable(new) == _stable(old)


def _stable(notebook: Any) -> list[str]:
    """The outputs without what differs from run to run."""
    outputs = [
        _name(output) if _is_measured(output) else output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]
    texts = [_REPEATS.sub("", json.dumps(output, sort_keys=True)) for output in outputs]
    return [_VOLATILE.sub("#", text) for text in texts]


def _is_measured(output: Any) -> bool:
    """Whether it is a picture of measurements, which is another one each time."""
    return "image/png" in output.get("data", {}) and not _name(output).startswith("chain-")


def _name(picture: Any) -> str:
    return str(picture.metadata.get("image/png", {}).get("name", ""))


def write(notebook: Any, path: Path) -> bool:
    """Write the notebook unless the one that is there says the same; returns whether it did."""
    if path.exists():
        old = nbformat.read(path, as_version=4)
        if old.metadata.get("built") == fingerprint(old) and keep_old_outputs(notebook, old):
            return False
    notebook.metadata["built"] = fingerprint(notebook)
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return True


def build_all(course: Course, only: Chapter | None = None) -> None:
    """Build and execute the chapters in order, and write what changed; or only this one, after
    those that it builds on."""
    chapters = [only] if only else list(course.chapters)
    refuse_to_lose([chapter.notebook for chapter in chapters])
    changed = []
    with in_own_cloud(**{BUILDING: "1"}):
        for earlier in course.before(only) if only else ():
            if earlier.number in course.set_up:
                earlier.run()
        steps = track(chapters, "Notebooks", console=Console(stderr=True), transient=True)
        for chapter in steps:
            changed += _build_and_execute(course, chapter)
    changed += pages.write(course)
    print(f"Changed: {', '.join(changed) or 'nothing'}")


def _build_and_execute(course: Course, chapter: Chapter) -> list[str]:
    """Returns the name of the notebook if it changed."""
    notebook = build(course, chapter)
    started = time.monotonic()
    execute(notebook, chapter)
    took = time.monotonic() - started
    print(f"{chapter.title}: {took:.1f} s", flush=True)
    pages.note_duration(chapter, took)
    notebook.cells[0].source = build(course, chapter).cells[0].source  # which tells the duration
    return [f"notebooks/{chapter.notebook.name}"] if write(notebook, chapter.notebook) else []
