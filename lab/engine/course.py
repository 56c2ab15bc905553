"""What a course consists of: chapters, what must be true after each, and an exercise in each.

A chapter is a numbered script, and one file of the course that holds all the rest about it. The
file can lack something, which its author wants to hear in words and all at once. So a course is
loaded as far as it goes, and `problems` says what is wrong with the rest.
"""

from __future__ import annotations

import importlib
import re
import runpy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from lab.aws.inventory import Resource
from lab.errors import CourseError, UnknownChapterError
from lab.here.folders import ROOT
from lab.here.lock import set_up_lock
from lab.here.own_cloud import leave_own_cloud


@dataclass(frozen=True)
class Detail:
    """What is special about one of the things that an expectation wants; what is empty is as the
    expectation has it. In `says` and `fix`, {found} is what was found; of what was found as a
    dictionary, its keys."""

    why: str = ""
    says: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Expectation:
    """Something that must be true: `look` finds what there is, which must hold all of `wanted`.

    `look` returns {} where there is nothing. `cell` is the tag of the cell that fixes it.
    `needs` names what must be there before this can be looked at. `if_there` is how to fix it
    when it is there and wrong, where the cell would leave alone what it finds. `says` is how
    a difference is put into words. `details` has what differs by the name of what is wanted. Where
    an empty list is wanted, each thing that is found is a difference.
    """

    what: str
    why: str
    cell: str
    look: Callable[[], dict[str, Any]]
    wanted: dict[str, Any]
    needs: str = ""
    if_there: str = ""
    says: str = "expected {name} {wanted}, found {found}"
    details: Mapping[str, Detail] = field(default_factory=dict)

    def detail(self, name: str) -> Detail:
        """How a difference in this is told: its why, its words, and its cure."""
        own = self.details.get(name, Detail())
        return Detail(own.why or self.why, own.says or self.says, own.fix or self.if_there)


@dataclass(frozen=True)
class Exercise:
    """`look` returns what is still missing, and nothing when the exercise is solved."""

    look: Callable[[boto3.Session], str]
    hints: tuple[str, ...]


@dataclass(frozen=True)
class Box:
    """A box of the drawing, where it stands, and of a function the role that it runs as."""

    text: str
    column: int
    row: int
    role: str = ""


@dataclass(frozen=True)
class Cut:
    """An arrow of the drawing, by the texts of its boxes, that nothing passes, and why."""

    start: str
    end: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A chapter. `builds` says what it builds, `article` where the article has it; `builds_on`
    are the chapters whose resources it uses; `orders` is how many orders it sends, which is what
    it costs on AWS; `boxes` and `arrows` (between the texts of boxes) are its part of the drawing;
    with `in_own_cloud` it shows something in a cloud of its own, and leaves nothing in the others.
    """

    stem: str
    builds: str
    article: str
    expects: Callable[[boto3.Session], Iterable[Expectation]]
    exercise: Exercise
    builds_on: tuple[str, ...] = ()
    orders: int = 0
    boxes: tuple[Box, ...] = ()
    arrows: tuple[tuple[str, str], ...] = ()
    in_own_cloud: bool = False

    @property
    def number(self) -> str:
        return self.stem[:2]

    @property
    def called(self) -> tuple[str, ...]:
        """All that it may be called: number, stem and title, with and without the number, and the
        first word of the name."""
        words = self.name.replace("_", " ")
        first, _, _ = words.partition(" ")
        return self.number, self.stem, self.name, words, f"{self.number} {words}", first

    @property
    def name(self) -> str:
        """The stem without the number: "take_orders"."""
        return self.stem[3:]

    @property
    def title(self) -> str:
        """The number and the name: "NN Take orders"."""
        return f"{self.number} {self.stem[3:].replace('_', ' ').capitalize()}"

    @property
    def script(self) -> Path:
        return ROOT / "scripts" / f"{self.stem}.py"

    @property
    def notebook(self) -> Path:
        return ROOT / "notebooks" / f"{self.stem}.ipynb"

    @property
    def order_prefix(self) -> str:
        """What the ids of the orders begin with that this chapter sends through the chain."""
        return f"chapter-{self.number}-"

    def run(self) -> None:
        """Run the chapter in this process, as `python scripts/NN_....py` would."""
        try:
            with set_up_lock():
                runpy.run_path(str(self.script), run_name="__main__")
        finally:
            if self.in_own_cloud:
                leave_own_cloud()


@dataclass(frozen=True, kw_only=True)
class Course:
    """The chapters in order, the part that each plays, and what they have in common.

    - `set_up`, `breaks`, `last`, `demo`: the numbers of those that make things, of those that break
      them, of the one that takes everything down, and of those that the demo shows
    - `inventory` lists all that they make; `forget` deletes what some of them left in the things
      of others, and returns how much that was
    - `errors`: the file of the errors that `lab explain` knows
    - `price`: what an order costs, in dollars a million; `priced`: what is in that
    - `outside`: boxes of the drawing that nobody makes
    - `callers`: what a script makes calls with, besides its clients: by variable, the name to show
    - `unreadable`: by number, what keeps a file from being a chapter
    """

    name: str
    chapters: tuple[Chapter, ...]
    set_up: tuple[str, ...]
    breaks: tuple[str, ...]
    last: str
    demo: tuple[str, ...]
    inventory: Callable[[boto3.Session], tuple[Resource, ...]]
    forget: Callable[[boto3.Session, tuple[str, ...]], int]
    errors: Path
    price: float
    priced: str
    outside: tuple[Box, ...] = ()
    callers: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its files are, from the project's folder."""
        return self.name.replace(".", "/")

    def file(self, number: str) -> str:
        """The file of the chapter with this number."""
        return f"{self.folder}/chapter_{number}.py"

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        return tuple(chapter.number for chapter in self.chapters)

    def find(self, number: str) -> Chapter:
        """The chapter with this number, with or without its leading zero, or with this name.
        Raises UnknownChapterError, which lists them."""
        padded = number.zfill(2) if re.fullmatch(r"\d{1,2}", number) else number
        found = [chapter for chapter in self.chapters if padded.lower() in chapter.called]
        if len(found) != 1:
            titles = "\n".join(f"  {chapter.title}" for chapter in self.chapters)
            raise UnknownChapterError(
                f"There is no chapter {number!r}. The chapters are:\n{titles}"
            )
        return found[0]

    def is_left_out(self, chapter: Chapter) -> bool:
        """Whether `lab goto` never runs it: it breaks things, takes everything down, or is at home
        in another cloud."""
        return chapter.number in (*self.breaks, self.last) or chapter.in_own_cloud

    @property
    def here(self) -> tuple[Chapter, ...]:
        """The chapters whose results are in the cloud in use."""
        return tuple(chapter for chapter in self.chapters if not chapter.in_own_cloud)

    def changes(self, chapter: Chapter) -> bool:
        """Whether it makes or breaks what other chapters use."""
        return chapter.number in (*self.set_up, *self.breaks)

    def before(self, chapter: Chapter) -> list[Chapter]:
        """The chapters to run before this one, in order."""
        earlier = self.chapters[: self.chapters.index(chapter)]
        return [each for each in earlier if not self.is_left_out(each)]

    def with_dependents(self, chapter: Chapter) -> list[Chapter]:
        """This chapter and those that build on it, in order."""
        return [c for c in self.chapters if chapter.number in (c.number, *c.builds_on)]

    def made_by(self, aws: boto3.Session, numbers: Iterable[str]) -> tuple[Resource, ...]:
        """What the chapters of these numbers make, in the order of making."""
        wanted = set(numbers)
        return tuple(each for each in self.inventory(aws) if each.chapter in wanted)

    def problems(self) -> list[str]:
        """What is wrong with the files of this course, a sentence each; nothing if it is whole."""
        return [*self.unreadable.values(), *([] if self.unreadable else self._contradictions())]

    def insist_on_being_whole(self) -> None:
        """Raise CourseError if a file of the course lacks something."""
        if problems := self.problems():
            raise CourseError("\n".join(problems))

    def _contradictions(self) -> Iterator[str]:
        where = f"{self.folder}/__init__.py"
        parts = {"set_up": self.set_up, "breaks": self.breaks, "demo": self.demo}
        for part, numbers in (*parts.items(), ("last", (self.last,))):
            for number in set(numbers) - set(self.numbers):
                yield f"{where}: `{part}` names the chapter {number}, which is not in COURSE."
        for chapter in self.chapters:
            for number in set(chapter.builds_on) - set(self.numbers):
                yield (
                    f"{self.file(chapter.number)}: `builds_on` names the chapter {number}, which "
                    "is not in COURSE."
                )
            if not chapter.exercise.hints:
                yield f"{self.file(chapter.number)}: the exercise has no `hints`; write them."


def load_chapters(course: str, *numbers: str) -> tuple[tuple[Chapter, ...], dict[str, str]]:
    """The chapters of these numbers from their files in a course's folder, in this order, and by
    number a sentence on each file that is no chapter."""
    chapters: list[Chapter] = []
    problems: dict[str, str] = {}
    for number in numbers:
        try:
            chapters.append(_load(course, number))
        except CourseError as error:
            problems[number] = str(error)
    return tuple(chapters), problems


def _load(course: str, number: str) -> Chapter:
    """Raises CourseError, which names the file and what it lacks."""
    name, file = f"{course}.chapter_{number}", _file(course, number)
    try:
        found = getattr(importlib.import_module(name), "CHAPTER", None)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise CourseError(
            f"There is no {file}, though COURSE has a chapter {number}: write it, or take the "
            f"number out of {_file(course)}/__init__.py."
        ) from None
    except TypeError as error:
        what = re.match(r"(\w+)\.__init__\(\) missing .*?: (.+)", str(error))
        if what is None:
            raise
        parts = what[2].replace("'", "`")
        raise CourseError(f"{file}: the {what[1]} lacks {parts}; give it that.") from None
    if not isinstance(found, Chapter):
        raise CourseError(f"{file} has no `CHAPTER`, which says what the chapter is; write it.")
    if found.number != number:
        raise CourseError(
            f"{file}: expected a `stem` that begins with {number}, found {found.stem!r}."
        )
    return found


def _file(course: str, number: str = "") -> str:
    folder = course.replace(".", "/")
    return f"{folder}/chapter_{number}.py" if number else folder
