"""Compares what there is with what must be, and says what is wrong, why, and how to fix it.

`lab check`, the last cell of each chapter and the tests all come here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3

from lab.aws import calls, reads
from lab.aws.inventory import Resource, survey
from lab.engine import cells
from lab.engine.course import Chapter, Course, Expectation
from lab.engine.display import printable
from lab.errors import MissingStepError

MISSING = "missing"
COUNT = "expected {wanted} {name}, found {found}"
EXPECTED = "expected {wanted}, found {found}"
AGAIN = "Undo it with `lab reset {0}`, then run chapter {0} again."
_TWICE = (
    "The chapters work with the first one that they find; the others stay open, deliver twice, or "
    "are forgotten. Two set-ups at once make them, or a lost reply whose call was repeated."
)


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be, why that matters, and how to fix it: by hand if that is
    said, else with a cell, which is looked for only when somebody asks."""

    wrong: str
    why: str
    by_hand: str
    cell: Callable[[], str]

    @property
    def fix(self) -> str:
        return self.by_hand or self.cell()

    def as_dict(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in ("wrong", "why", "fix")}
        return {**found, "by_hand": bool(self.by_hand)}


@dataclass(frozen=True)
class Finding:
    """What came of an expectation; there are no differences where it is right."""

    what: str
    differences: tuple[Difference, ...] = ()

    @property
    def wrong(self) -> str:
        return _joined("; ", (each.wrong for each in self.differences))

    @property
    def why(self) -> str:
        return _joined(" ", (each.why for each in self.differences))

    @property
    def fix(self) -> str:
        return _joined(" ", (each.fix for each in self.differences))

    @property
    def by_hand(self) -> bool:
        """Whether running the chapter again does not fix it, or not all of it."""
        return any(each.by_hand for each in self.differences)

    def as_dict(self) -> dict[str, Any]:
        whole = {name: getattr(self, name) for name in ("what", "wrong", "why", "fix")}
        return {**whole, "differences": [each.as_dict() for each in self.differences]}


def _joined(between: str, texts: Iterable[str]) -> str:
    return between.join(dict.fromkeys(texts))


def examine(course: Course, aws: boto3.Session, chapter: Chapter) -> list[Finding]:
    """Look at all that must be true after this chapter."""
    found: dict[str, Finding] = {}
    with calls.hidden(), reads.once_each():
        expected = [*_resources(course.made_by(aws, (chapter.number,))), *chapter.expects(aws)]
        for expectation in expected:
            if expectation.needs and not _stands(found.get(expectation.needs)):
                continue  # there is nothing to look at, which was said already
            cell = partial(_run_cells, chapter, expectation, expected)
            different = tuple(_differences(expectation, cell))
            found[expectation.what] = Finding(expectation.what, different)
    return list(found.values())


def _resources(resources: Sequence[Resource]) -> Iterator[Expectation]:
    """That each of these is there, once, and ours."""
    there: dict[str, list[bool]] = {}
    for found in survey(resources):
        there.setdefault(str(found.resource), []).append(found.ours)
    for resource in resources:
        ours = there.get(str(resource), [])
        yield _is_single(resource, sum(ours)) if sum(ours) > 1 else _is_ours(resource, ours)


def _is_single(resource: Resource, count: int) -> Expectation:
    return Expectation(
        str(resource),
        _TWICE,
        resource.cell,
        lambda: {str(resource): count},
        {str(resource): 1},
        if_there=AGAIN.format(resource.chapter),
        says=COUNT,
    )


def _is_ours(resource: Resource, ours: list[bool]) -> Expectation:
    """`ours` says of each with its name whether it is ours."""
    right = any(ours) if resource.shares_name else all(ours)
    return Expectation(
        str(resource),
        resource.why,
        resource.cell,
        lambda: {"ours": right} if ours else {},
        {"ours": True},
        if_there="It is not ours: rename or delete it yourself, or set LAB_PREFIX.",
        says="expected one with our tags, found one without them",
    )


def _run_cells(chapter: Chapter, wrong: Expectation, expected: list[Expectation]) -> str:
    """The cell that fixes it, and the last of those whose work is gone with it."""
    gone = {wrong.what}
    first = last = cells.tagged(chapter, wrong.cell).position
    for other in expected:  # what needs another comes after it
        if other.needs in gone:
            gone.add(other.what)
            last = max(last, cells.tagged(chapter, other.cell).position)
    further = f", and those below it up to {last}" if last > first else ""
    return f"Run {cells.place(chapter, wrong.cell)}{further}."


def _stands(finding: Finding | None) -> bool:
    return finding is not None and finding.wrong != MISSING


def has_begun(findings: list[Finding]) -> bool:
    """Whether anything of the chapter is there."""
    return any(not finding.wrong for finding in findings)


def is_right(findings: list[Finding]) -> bool:
    return all(not finding.wrong for finding in findings)


def in_brief(chapter: Chapter, findings: list[Finding]) -> str:
    """How many of the findings are right: "NN Name: 3 of 4 right."."""
    right = sum(not finding.wrong for finding in findings)
    return f"{chapter.title}: {right} of {len(findings)} right."


def report(chapter: Chapter, findings: list[Finding], *, everything: bool = False) -> str:
    """The findings in words: how many are right, and what is wrong, why and how to fix it."""
    lines = [in_brief(chapter, findings)]
    for finding in findings:
        if finding.wrong:
            lines += wrong_in_words(finding)
        elif everything:
            lines.append(f"  right  {finding.what}")
    return "\n".join(lines)


def wrong_in_words(finding: Finding) -> Iterator[str]:
    """Each difference with its why; a cure that several share stands below the last of them."""
    following = [*finding.differences[1:], None]
    for each, after in zip(finding.differences, following, strict=True):
        yield f"  WRONG  {finding.what}: {printable(each.wrong)}."
        yield f"         Why it matters: {each.why}"
        if after is None or after.fix != each.fix:
            yield f"         How to fix it: {printable(each.fix)}"


def overview(course: Course, found: dict[str, list[Finding]]) -> str:
    """How far one is: a line for each chapter, and what is wrong in those that were begun."""
    begun = {number for number, findings in found.items() if has_begun(findings)}
    if begun == {course.last}:
        begun = set()  # where there was nothing, tearing down is no merit
    return "\n".join(
        report(course.find(number), findings)
        if number in begun
        else f"{course.find(number).title}: not begun."
        for number, findings in found.items()
    )


def _differences(expectation: Expectation, run_cells: Callable[[], str]) -> Iterator[Difference]:
    """What is wrong, one by one, in words; nothing if all that is wanted is found."""
    found = expectation.look()
    if not found:
        yield Difference(MISSING, expectation.why, "", run_cells)
        return
    for name, value in expectation.wanted.items():
        detail = expectation.detail(name)
        for there in _unlike(found.get(name), value):
            words = {"name": name, "found": _plain(there), "wanted": _plain(value)}
            words |= there if isinstance(there, dict) else {}
            by_hand = detail.fix.format(**words)
            yield Difference(detail.says.format(**words), detail.why, by_hand, run_cells)


def _unlike(found: Any, wanted: Any) -> list[Any]:
    """What was found instead: each thing on its own where there should be none."""
    if found == wanted:
        return []
    return list(found) if wanted == [] and isinstance(found, list) else [found]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def insist(course: Course, aws: boto3.Session, numbers: tuple[str, ...]) -> None:
    """Print whether all is right after these chapters. Raises MissingStepError if it is not."""
    found = {number: examine(course, aws, course.find(number)) for number in numbers}
    for number, findings in found.items():
        print(report(course.find(number), findings))
    if not all(map(is_right, found.values())):
        raise MissingStepError(
            f"Fix what is WRONG first: run chapters {numbers[0]} to {numbers[-1]} again, and then "
            "this one from its first cell."
        )
