"""The chapters, which are the numbered scripts: what each needs, and running them."""

from __future__ import annotations

import re
import runpy
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UnknownChapterError
from lab.here.folders import ROOT
from lab.here.lock import set_up_lock


@dataclass(frozen=True)
class Chapter:
    """A chapter. `builds_on` are the chapters whose resources it uses; `orders` is how many
    orders it sends, which is what it costs on AWS; `article` is where the article has it;
    `breaks` says that it breaks things, which nobody wants to have done on the way."""

    stem: str
    builds: str
    article: str
    builds_on: tuple[str, ...] = ()
    orders: int = 0
    breaks: bool = False

    @property
    def number(self) -> str:
        return self.stem[:2]

    @property
    def title(self) -> str:
        """ "00 Take orders" """
        return f"{self.number} {self.stem[3:].replace('_', ' ').capitalize()}"

    @property
    def script(self) -> Path:
        return ROOT / "scripts" / f"{self.stem}.py"

    @property
    def notebook(self) -> Path:
        return ROOT / "notebooks" / f"{self.stem}.ipynb"

    @property
    def changes(self) -> bool:
        """Whether it makes or breaks what other chapters use."""
        return self.breaks or self.number in SET_UP

    @property
    def order_prefix(self) -> str:
        """What the ids of the orders begin with that this chapter sends through the chain."""
        return f"chapter-{self.number}-"

    def run(self) -> None:
        """Run the chapter in this process, as `python scripts/NN_....py` would."""
        with set_up_lock():
            runpy.run_path(str(self.script), run_name="__main__")


SET_UP = ("00", "01", "02", "03")
CHAPTERS = {
    chapter.number: chapter
    for chapter in (
        Chapter(
            "00_take_orders",
            "queue, topic, role, `take_order`, REST API with key, model and usage plan",
            "taken for granted",
            orders=2,
        ),
        Chapter(
            "01_notify_fulfillment",
            "topic, e-mail, role, `notify_fulfillment`, test event",
            "Step 1",
            builds_on=("00",),
            orders=1,
        ),
        Chapter(
            "02_record_orders",
            "table, role, `record_order`, test event",
            "Step 2",
            orders=1,
        ),
        Chapter(
            "03_connect",
            "permission, subscription, trigger",
            "left out",
            builds_on=("00", "01", "02"),
        ),
        Chapter(
            "04_verify",
            "one order, followed from the API to the table",
            "Step 4",
            builds_on=SET_UP,
            orders=1,
        ),
        Chapter(
            "05_measure",
            "200 orders, and pictures of where the time goes",
            "promised, not shown",
            builds_on=SET_UP,
            orders=200,
        ),
        Chapter(
            "06_break_it",
            "six faults on purpose, and what saves the order",
            "left out",
            builds_on=SET_UP,
            orders=19,
            breaks=True,
        ),
        Chapter("07_tear_down", "nothing left", ""),
    )
}


def find(number: str) -> Chapter:
    """The chapter with this number, "3" or "03". Raises UnknownChapterError, which lists them."""
    padded = number.zfill(2) if re.fullmatch(r"\d{1,2}", number) else number
    if padded not in CHAPTERS:
        titles = "\n".join(f"  {chapter.title}" for chapter in CHAPTERS.values())
        raise UnknownChapterError(f"There is no chapter {number!r}. The chapters are:\n{titles}")
    return CHAPTERS[padded]


def run_again(number: str) -> None:
    """Run a chapter once more: it finds what is there, and makes or mends what is not right."""
    find(number).run()


def before(chapter: Chapter) -> list[Chapter]:
    """The chapters before this one, in order."""
    return [each for each in CHAPTERS.values() if each.number < chapter.number]


def with_dependents(chapter: Chapter) -> list[Chapter]:
    """This chapter and those that build on it, in order."""
    return [each for each in CHAPTERS.values() if chapter.number in (each.number, *each.builds_on)]
