"""The rules that keep the rooms of the repository apart, each told in a sentence.

The test of these rules and `lab dev check` both come here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from lab.here.folders import ROOT

# What may not be imported, by where a file stands.
FORBIDDEN = {
    "localcloud": ("lab", "scripts", "teardown"),
    "lambdas": ("lab", "localcloud", "moto", "scripts", "teardown"),
    "scripts": ("localcloud", "moto"),
    "teardown.py": ("moto",),
    "lab": ("moto",),
    "lab/aws": ("lab.course", "lab.commands"),
    "lab/engine": ("lab.course", "lab.commands"),
    "lab/here": ("lab.course", "lab.commands"),
    "lab/errors.py": ("lab.course", "lab.commands"),
    "lab/course": ("lab.commands",),
}
_MAY_NAME_CHAPTERS = ("scripts", "lab/course")


def code(root: Path = ROOT) -> list[Path]:
    """Every file of ours that runs for a user."""
    folders = ("lab", "lambdas", "localcloud", "scripts")
    found = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    return [*found, root / "teardown.py"]


def broken_rules(numbers: Collection[str], root: Path = ROOT) -> Iterator[str]:
    """What is wrong with any file. `numbers` are those of the chapters."""
    for path in code(root):
        yield from wrong_imports(path, root)
        yield from missing_opening(path, root)
        yield from chapter_numbers(path, numbers, root)


def wrong_imports(path: Path, root: Path = ROOT) -> Iterator[str]:
    """What a file imports from a room that it may know nothing of."""
    name, imported = path.relative_to(root).as_posix(), _imported(path)
    for room, forbidden in FORBIDDEN.items():
        for module in forbidden if _is_in(name, room) else ():
            if any(each == module or each.startswith(f"{module}.") for each in imported):
                yield f"{name} imports {module}, which nothing in {room} may; pass it in."


def missing_opening(path: Path, root: Path = ROOT) -> Iterator[str]:
    """A script opens with text for its reader, any other file by saying its job."""
    name, text = path.relative_to(root).as_posix(), path.read_text("utf-8")
    if _is_in(name, "scripts"):
        if not text.startswith("# %% [markdown]"):
            yield f"{name} does not open with a cell of text; write what the chapter is about."
    elif not ast.get_docstring(ast.parse(text)):
        yield f"{name} does not open by saying its job; write a docstring."


def chapter_numbers(path: Path, numbers: Collection[str], root: Path = ROOT) -> Iterator[str]:
    """The number of a chapter belongs into the course's own folder, and into the scripts."""
    name = path.relative_to(root).as_posix()
    if any(_is_in(name, room) for room in _MAY_NAME_CHAPTERS):
        return
    either = "|".join(numbers)
    pattern = rf"""(["'])({either})\1|\b[Cc]hapters? ({either})\b|\blab \w+ ({either})\b"""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if found := re.search(pattern, line):
            yield (
                f"{name}, line {number}, names a chapter: {found[0]}. Say it in lab/course/, and "
                "pass it in."
            )


def _is_in(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}/")


def _imported(path: Path) -> set[str]:
    """The full names of the modules that a file imports, and of what it takes from them."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    taken = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    return plain | taken | {node.module or "" for node in froms}
