"""What is generated from the chapters: facts, tables and pages. Nobody edits them by hand.

- the line of facts under each notebook's title
- the tables of chapters and of settings in README.md, each between two markers
- notebooks/console-to-code.md: which clicks became which calls, and where
- notebooks/troubleshooting.md: the error decoder, to read
- notebooks/durations.json: how long each notebook took to run, measured by the builder
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lab.engine import asides, cells, explain
from lab.engine.course import Chapter, Course
from lab.here import settings
from lab.here.folders import ROOT

DURATIONS = ROOT / "notebooks" / "durations.json"
README = ROOT / "README.md"
_WORDS_A_MINUTE, _LINES_A_MINUTE = 200, 25  # of a person who reads text, and code
_WRITING_MINUTES = 8  # for a function that a learner writes: 10 to 20 lines, tried a few times


# -- Facts -------------------------------------------------------------------------------------


def durations() -> dict[str, int]:
    """How many seconds each chapter's notebook took to run, by the chapter's number."""
    return json.loads(DURATIONS.read_text("utf-8")) if DURATIONS.exists() else {}


def note_duration(chapter: Chapter, seconds: float) -> None:
    """Write down what was measured, unless it is about what stands there already.

    Machines are noisy; a number that changed with each build would tell nobody anything.
    """
    known = durations()
    before = known.get(chapter.number)
    if before is None or abs(seconds - before) > max(4, before / 2):
        known[chapter.number] = math.ceil(seconds)
        _write(DURATIONS, json.dumps(dict(sorted(known.items())), indent=2) + "\n")


def facts(course: Course, chapter: Chapter) -> str:
    """The line under a notebook's title: what it needs, how long it takes, what it costs."""
    needs = ", ".join(chapter.builds_on) or "no other chapter"
    cost = "only on your machine" if chapter.in_own_cloud else f"on AWS {_cost(course, chapter)}"
    return f"*Needs {needs} · {_time(chapter)} · {cost}*"


def _time(chapter: Chapter) -> str:
    seconds = durations().get(chapter.number)
    measured = f"{seconds} s, measured" if seconds else "not measured yet"
    return f"about {minutes(chapter)} minutes for you · for the machine {measured}"


def minutes(chapter: Chapter) -> int:
    """How many minutes a person needs to read a chapter, follow its code, and wait for it."""
    found = [c for c in cells.cells(chapter) if c.is_code and "solution" not in c.tags]
    lines = sum(bool(line.strip()) for cell in found for line in cell.source.splitlines())
    waits = durations().get(chapter.number, 0) / 60
    waits += _WRITING_MINUTES * sum("lab.try_out(" in cell.source for cell in found)
    return math.ceil(words(chapter) / _WORDS_A_MINUTE + lines / _LINES_A_MINUTE + waits)


def words(chapter: Chapter) -> int:
    """How many words a chapter has for a reader who opens no fold and skips what the article does
    otherwise."""
    texts = [asides.left_out(c.source) for c in cells.cells(chapter) if not c.is_code]
    return sum(len(text.split()) for text in texts)


def _cost(course: Course, chapter: Chapter) -> str:
    if not chapter.orders:
        return "it costs next to nothing"
    cents = chapter.orders * course.price / 1_000_000 * 100
    orders = f"{chapter.orders} order{'s' * (chapter.orders > 1)}"
    return (
        f"less than {math.ceil(cents)} cent ({orders} at ${course.price:.0f} a million, "
        f"{course.priced})"
    )


def chapter_table(course: Course) -> str:
    """The README's table of chapters."""
    rows = [
        "| chapter | what it builds | in the article | you | machine |",
        "|---|---|---|---|---|",
    ]
    for chapter in course.chapters:
        links = f"[{chapter.title}](notebooks/{chapter.notebook.name})"
        script = f"[script](scripts/{chapter.script.name})"
        took = f"{durations().get(chapter.number, '?')} s"
        times = f"{minutes(chapter)} min | {took}"
        rows.append(f"| {links}, {script} | {chapter.builds} | {chapter.article} | {times} |")
    return "\n".join(rows) + "\n"


def readme(course: Course) -> str:
    """README.md with its tables as they should be."""
    text = README.read_text("utf-8")
    text = _put(text, "chapters", chapter_table(course))
    return _put(text, "settings", settings.as_table())


def _put(text: str, what: str, table: str) -> str:
    """The text with this table between the two markers for it."""
    start, end = f"<!-- {what}: made by `make notebooks` -->\n", f"<!-- end of {what} -->\n"
    before, rest = text.split(start)
    _, after = rest.split(end)
    return f"{before}{start}{table}{end}{after}"


# -- Console to code ---------------------------------------------------------------------------


def console_to_code(course: Course) -> str:
    """The page that maps each console step to its boto3 call and its cell."""
    lines = [
        "# From the console to code",
        "",
        "Made by `make notebooks` from the scripts. What you would click in AWS's console, what it",
        "is in boto3, and in which code cell it stands.",
    ]
    for chapter in course.chapters:
        where = f" (article: {chapter.article})" if chapter.article else ""
        if rows := list(_console_rows(course, chapter)):
            lines += ["", f"## [{chapter.title}]({chapter.notebook.name}){where}", ""]
            lines += ["| in the console | in boto3 | code cell |", "|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _console_rows(course: Course, chapter: Chapter) -> Iterator[str]:
    """A row for each call. Clicks that only prepare one stand in its row, if they are under the
    same heading."""
    before: tuple[str, str] | None = None
    for clicks, stretch in _console_steps(chapter):
        heading = stretch[0].heading
        if before and before[1] == heading:
            clicks = f"{before[0]} {clicks}"
        calls = [f"`{call}`" for cell in stretch for call in calls_in(course, chapter, cell)]
        before = None if calls else (clicks, heading)
        if calls:
            numbers = dict.fromkeys((f"{stretch[0].position}", f"{stretch[-1].position}"))
            shown = ", ".join(dict.fromkeys(calls))
            yield f"| {clicks} | {shown} | {' to '.join(numbers)}, {heading} |"


def _console_steps(chapter: Chapter) -> list[tuple[str, list[cells.Cell]]]:
    """The clicks that code cells replace, as the text before them says: "Console: ...".

    A paragraph holds for the code cells that follow it, up to the next heading or paragraph.
    """
    steps: list[tuple[str, list[cells.Cell]]] = []
    open_step = False
    for cell in cells.cells(chapter):
        if cell.is_code:
            if open_step and "exercise" not in cell.tags:
                steps[-1][1].append(cell)
            continue
        clicks = re.findall(r"^Console: (.+?)(?:\n\n|\Z)", cell.source, re.M | re.S)
        if clicks:
            steps.append((" ".join(clicks[-1].split()), []))
        open_step = bool(clicks) or (open_step and not re.search("^#", cell.source, re.M))
    return steps


def calls_in(course: Course, chapter: Chapter, cell: cells.Cell) -> list[str]:
    """The calls that a cell makes: ["sqs.create_queue", ...], in order, each once."""
    clients = {**course.callers, **_clients(chapter)}
    found = []
    for node in ast.walk(ast.parse(cell.source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner, method = ast.unparse(node.func.value), node.func.attr
        service = clients.get(owner)
        if service is None:
            continue
        if method in ("get_paginator", "get_waiter"):
            name = ast.literal_eval(node.args[0])
            method = name if method == "get_paginator" else f"get_waiter({name!r})"
        found.append((node.lineno, node.col_offset, f"{service}.{method}"))
    return list(dict.fromkeys(call for _, _, call in sorted(found)))


@cache
def _clients(chapter: Chapter) -> dict[str, str]:
    """What the chapter's variables stand for: {"lambda_": "lambda", "table": "dynamodb", ...}."""
    found = {}
    for node in ast.walk(ast.parse(chapter.script.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made = re.match(r"aws\.(?:client|resource)\('(\w+)'\)", ast.unparse(node.value))
            if made:
                found[node.targets[0].id] = made[1]
    return {**found, **{f"{name}.meta.client": service for name, service in found.items()}}


# -- Writing -----------------------------------------------------------------------------------


def generated(course: Course) -> dict[Path, str]:
    """Every generated page, by its path, as it should be."""
    return {
        README: readme(course),
        ROOT / "notebooks" / "console-to-code.md": console_to_code(course),
        ROOT / "notebooks" / "troubleshooting.md": explain.page(explain.load(course.errors)),
    }


def write(course: Course) -> list[str]:
    """Write the pages that changed; returns their names."""
    pages = generated(course).items()
    return [str(path.relative_to(ROOT)) for path, text in pages if _write(path, text)]


def _write(path: Path, text: str) -> bool:
    if path.exists() and path.read_text("utf-8") == text:
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
