"""Compares what there is with what must be, and says what is wrong, why, and what mends it.

`lab check`, the last cell of each chapter and the tests all come here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3

from lab.aws import calls
from lab.aws.session import session
from lab.course import chapters
from lab.course.chapters import CHAPTERS
from lab.course.expectations import Expectation, expectations
from lab.engine import cells
from lab.engine.display import printable
from lab.errors import MissingStepError

MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """What came of an expectation; `wrong` and `mend` are empty where it is right."""

    what: str
    wrong: str
    why: str
    mend: str


def examine(aws: boto3.Session, number: str) -> list[Finding]:
    """Look at all that must be true after the chapter with this number."""
    found: dict[str, Finding] = {}
    with calls.hidden():
        expected = list(expectations(aws, number))
        for expectation in expected:
            if expectation.needs and not _stands(found.get(expectation.needs)):
                continue  # there is nothing to look at, which was said already
            wrong = _difference(expectation)
            mend = ""
            if wrong:
                by_cell = wrong == MISSING or not expectation.if_there
                mend = _cells(number, expectation, expected) if by_cell else expectation.if_there
            found[expectation.what] = Finding(expectation.what, wrong, expectation.why, mend)
    return list(found.values())


def _cells(number: str, expectation: Expectation, expected: list[Expectation]) -> str:
    """The cell that mends it, and the last of those whose work is gone with it."""
    gone = {expectation.what}
    last = cells.tagged(number, expectation.cell).position
    first = last
    for other in expected:  # what needs another comes after it
        if other.needs in gone:
            gone.add(other.what)
            last = max(last, cells.tagged(number, other.cell).position)
    further = f", and those below it up to {last}" if last > first else ""
    return f"Run {cells.place(number, expectation.cell)}{further}."


def _stands(finding: Finding | None) -> bool:
    return finding is not None and finding.wrong != MISSING


def has_begun(findings: list[Finding]) -> bool:
    """Whether anything of the chapter is there."""
    return any(not finding.wrong for finding in findings)


def is_right(findings: list[Finding]) -> bool:
    return all(not finding.wrong for finding in findings)


def report(number: str, findings: list[Finding], *, everything: bool = False) -> str:
    """The findings in words: how many are right, and what is wrong, why and what mends it."""
    right = sum(not finding.wrong for finding in findings)
    lines = [f"{CHAPTERS[number].title}: {right} of {len(findings)} right."]
    for finding in findings:
        if finding.wrong:
            lines += [
                f"  WRONG  {finding.what}: {printable(finding.wrong)}.",
                f"         Why it matters: {finding.why}",
                f"         What mends it: {finding.mend}",
            ]
        elif everything:
            lines.append(f"  right  {finding.what}")
    return "\n".join(lines)


def overview(found: dict[str, list[Finding]]) -> str:
    """How far one is: a line for each chapter, and what is wrong in those that were begun."""
    begun = {number for number, findings in found.items() if has_begun(findings)}
    if begun == {"07"}:
        begun = set()  # where there was nothing, tearing down is no merit
    return "\n".join(
        report(number, findings) if number in begun else f"{CHAPTERS[number].title}: not begun."
        for number, findings in found.items()
    )


def _difference(expectation: Expectation) -> str:
    """What is wrong, in words; nothing if all that is wanted is found."""
    found = expectation.look()
    if not found:
        return MISSING
    return ", ".join(
        expectation.says.format(name=name, found=_plain(found.get(name)), wanted=_plain(value))
        for name, value in expectation.wanted.items()
        if found.get(name) != value
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def insist(*numbers: str) -> None:
    """Print whether all is right after these chapters. Raises MissingStepError if it is not."""
    found = {number: examine(session(), number) for number in numbers}
    for number, findings in found.items():
        print(report(number, findings))
    if not all(map(is_right, found.values())):
        raise MissingStepError(
            f"Mend what is WRONG first: run chapters {numbers[0]} to {numbers[-1]} again, and then "
            "this one from its first cell."
        )


def check(number: str) -> None:
    """Print whether all is right after this chapter: the last cell of every chapter."""
    chapter = chapters.find(number)
    print(report(chapter.number, examine(session(), chapter.number)))
