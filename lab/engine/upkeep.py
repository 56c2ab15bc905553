"""What a course still lacks, for its author: each thing in a sentence that names file and part."""

from __future__ import annotations

import re
from collections.abc import Iterator

import boto3
import nbformat

from lab.engine import cells, explain, house, notebooks, pages
from lab.engine.course import Chapter, Course
from lab.errors import CourseError
from lab.here.folders import ROOT

_HINTS = 2  # the first must not give all away
_WORDS, _MINUTES = 1500, 25  # of a chapter, at most: more than that nobody reads in one sitting
_BUILD = "run `make notebooks`"


def problems(course: Course) -> list[str]:
    """All that is missing or wrong; nothing if all is right."""
    found = [*course.problems(), *_strays(course), *_order(course)]
    for chapter in course.chapters:
        found += _lacks(course, chapter)
    found += [*_drawing(course), *_errors(course), *house.broken_rules(course.numbers)]
    if all(chapter.script.exists() for chapter in course.chapters):
        found += _resources(course)
    return found or list(_generated(course))  # which would differ with each of the above


def _strays(course: Course) -> Iterator[str]:
    """Scripts without a chapter, and chapters that COURSE does not have."""
    files = {path.stem[-2:] for path in (ROOT / course.folder).glob("chapter_[0-9][0-9].py")}
    scripts = {path.stem for path in (ROOT / "scripts").glob("[0-9][0-9]_*.py")}
    known = {*course.numbers, *course.unreadable}
    for stem in sorted(scripts - {chapter.stem for chapter in course.chapters}):
        if stem[:2] not in files | known:
            yield (
                f"scripts/{stem}.py has no {course.file(stem[:2])}, which says what the chapter "
                "is; write it."
            )
    for number in sorted(files - known):
        yield (
            f"{course.file(number)} is not in COURSE; add {number} to the chapters in "
            f"{course.folder}/__init__.py."
        )


def _order(course: Course) -> Iterator[str]:
    """A chapter after the one that takes everything down would find nothing."""
    _, _, after = "\n".join(course.numbers).partition(course.last)
    for number in after.split():
        yield (
            f"{course.folder}/__init__.py: chapter {course.last} takes everything down, so put "
            f"{number} before it."
        )


def _lacks(course: Course, chapter: Chapter) -> Iterator[str]:
    if len(chapter.exercise.hints) < _HINTS:
        yield (
            f"{course.file(chapter.number)}: expected at least {_HINTS} `hints` for the exercise, "
            f"found {len(chapter.exercise.hints)}."
        )
    if not chapter.builds:
        yield f"{course.file(chapter.number)}: `builds` is empty; say what the chapter builds."
    if chapter.script.exists():
        yield from _script(chapter)
    else:
        yield f"There is no scripts/{chapter.script.name}; write it."


def _script(chapter: Chapter) -> Iterator[str]:
    """What every script has."""
    name, number = f"scripts/{chapter.script.name}", chapter.number
    found = cells.cells(chapter)
    text = "\n".join(cell.source for cell in found if not cell.is_code)
    sources = [cell.source for cell in found]
    tags = [tag for cell in found for tag in cell.tags]
    wanted: dict[str, object] = {
        f"a title: # {chapter.title}": text.startswith(f"# {chapter.title}\n"),
        "the paragraph **You need**": "**You need**" in text,
        "the heading ## You now have…": "## You now have…" in text,
        "the heading ## Exercise": "## Exercise" in text,
        f"a word on `lab hint {number}`": f"`lab hint {number}`" in text,
        "a cell with the tag exercise": "exercise" in tags,
        "a cell with the tag solution": "solution" in tags,
    }
    for call in ("draw_chain", "check", "check_exercise"):
        code = f'lab.{call}("{number}")'
        begins = code.removesuffix(")")
        wanted[f"a cell with {code}"] = any(begins in source for source in sources)
    for part, there in wanted.items():
        if not there:
            yield f"{name} lacks {part}; write it."
    yield from _too_long(name, chapter)
    yield from _files(name, "\n".join(cell.source for cell in found if cell.is_code))


def _too_long(name: str, chapter: Chapter) -> Iterator[str]:
    words, minutes = pages.words(chapter), pages.minutes(chapter)
    if words > _WORDS or minutes > _MINUTES:
        yield (
            f"{name} has {words} words, and takes {minutes} minutes. Expected at most {_WORDS} "
            f"words and {_MINUTES} minutes: split it, or put into an aside what one may skip."
        )


def _files(name: str, code: str) -> Iterator[str]:
    """The events and the functions that a script takes from their folders."""
    kinds = {"event": "events/{}.json", "package": "lambdas/{}.py", "schema": "lambdas/{}.py"}
    kinds["write"] = "lambdas/stubs/{}.py"
    for kind, stem in re.findall(rf'lab\.({"|".join(kinds)})\("([\w.]+)"', code):
        path = kinds[kind].format(stem)
        if not (ROOT / path).exists():
            yield f"{name} uses {path}, which is not there; write it."


def _drawing(course: Course) -> Iterator[str]:
    boxes = {box.text for box in course.outside}
    boxes |= {box.text for chapter in course.chapters for box in chapter.boxes}
    for chapter in course.chapters:
        file = course.file(chapter.number)
        if chapter.number in course.set_up and not (chapter.boxes or chapter.arrows):
            yield f"{file} adds nothing to the drawing; give it `boxes` or `arrows`."
        for text in {end for arrow in chapter.arrows for end in arrow} - boxes:
            yield f"{file}: one of the `arrows` leads to the box {text!r}, which nobody draws."


def _resources(course: Course) -> Iterator[str]:
    """Each resource names a chapter and one of its cells. Nothing is asked of AWS."""
    nobody = boto3.Session("nobody", "nobody", region_name="us-east-1")
    file = f"{course.folder}/resources.py"
    for resource in course.inventory(nobody):
        if resource.chapter not in course.numbers:
            yield f"{file}: the {resource} is made by chapter {resource.chapter}, which is none."
            continue
        try:
            cells.tagged(course.find(resource.chapter), resource.cell)
        except CourseError as error:
            yield f"{file}: the {resource} names a cell that makes it. {error}"


def _errors(course: Course) -> Iterator[str]:
    try:
        explain.load(course.errors)
    except CourseError as error:
        yield str(error)


def _generated(course: Course) -> Iterator[str]:
    """Notebooks and pages as the builder makes them, and how long each notebook took."""
    for chapter in course.chapters:
        name = f"notebooks/{chapter.notebook.name}"
        if not chapter.notebook.exists():
            yield f"There is no {name}; {_BUILD}."
        elif not _is_current(course, chapter):
            yield f"{name} is not what scripts/{chapter.script.name} builds; {_BUILD}."
        if chapter.number not in pages.durations():
            yield f"notebooks/durations.json does not have chapter {chapter.number}; {_BUILD}."
    for path, text in pages.generated(course).items():
        if not path.exists() or path.read_text("utf-8") != text:
            yield f"{path.relative_to(ROOT)} is not up to date; {_BUILD}."


def _is_current(course: Course, chapter: Chapter) -> bool:
    stored = nbformat.read(chapter.notebook, as_version=4)
    return notebooks.sources(stored) == notebooks.sources(notebooks.build(course, chapter))
