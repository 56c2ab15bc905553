"""What an error means in plain words, in which step it happens, and how to fix it.

One file serves `lab explain` and the troubleshooting page. It is ordered from the most
specific entry to the most general, because the first one whose pattern is found wins. The
text to explain is often more than the error: a traceback, a line of a log, an answer with
its status. So the end of it, from where the last error begins, is looked at first.
"""

from __future__ import annotations

import re
import shutil
import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import CourseError
from lab.here.folders import ROOT

PAGE = "notebooks/troubleshooting.md"
_TEXTS = ("name", "means", "where", "cure", "example")
_FLAGS = ("local", "local_only")
_LISTS = ("kinds", "patterns")
_FROM_AWS = r"LAB_TARGET is aws|\.amazonaws\.com"
# Where an error begins: AWS's in Python and in Go, any other exception, an answer of the API.
_START = (
    r"An error occurred \(|operation error [\w ]+: \w+, .{0,300}?(?:Error|Exception): |"
    r"\b[A-Z]\w*(?:Error|Exception): |\b[45]\d\d [{<]"
)


@dataclass(frozen=True)
class Explanation:
    """One kind of error. `pattern` is searched for in its text, in either case, and holds for its
    `kinds` and `patterns`; `example` is what AWS (or this tutorial) prints; `local` says whether it
    can happen without AWS.
    `local_only` is for a text that AWS uses, too, and that means something else there."""

    name: str
    pattern: str
    means: str
    where: str
    cure: str
    example: str
    local: bool = True
    local_only: bool = False


# -- Reading the file ------------------------------------------------------------------------------


@cache
def load(path: Path) -> tuple[Explanation, ...]:
    """The entries of a file of errors. Raises CourseError, which names the file, the entry and
    the part that is wrong."""
    file = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("error", [])
    except FileNotFoundError:
        raise CourseError(f"There is no {file}, which has the errors that we know.") from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{file} is no TOML: {error}.") from None
    found = [_entry(f"{file}, entry {number}", each) for number, each in enumerate(entries, 1)]
    names = [entry.name for entry in found]
    for name in names:
        if names.count(name) > 1:
            raise CourseError(f"{file}: expected 1 entry with the name {name!r}, found several.")
    return tuple(found)


def _entry(where: str, found: dict[str, Any]) -> Explanation:
    if isinstance(found.get("name"), str):
        where += f" ({found['name']})"
    for part in _TEXTS:
        if not isinstance(found.get(part), str) or not found[part].strip():
            raise CourseError(f"{where} has no `{part}`: write a text.")
    for part in found.keys() - {*_TEXTS, *_FLAGS, *_LISTS}:
        raise CourseError(f"{where} has a part that nobody reads, `{part}`: take it out.")
    for part in _FLAGS:
        if not isinstance(found.get(part, True), bool):
            raise CourseError(f"{where}: expected true or false for `{part}`.")
    return Explanation(
        pattern=_pattern(where, found),
        **{name: value for name, value in found.items() if name not in _LISTS},
    )


def _pattern(where: str, found: dict[str, Any]) -> str:
    """All of its kinds and patterns as one, each of which will do."""
    if not found.keys() & set(_LISTS):
        raise CourseError(f"{where} has no `patterns`: write a list of regular expressions.")
    for part in found.keys() & set(_LISTS):
        _check_list(where, part, found[part])
    return "|".join([*map(_of_kind, found.get("kinds", ())), *found.get("patterns", ())])


def _check_list(where: str, part: str, patterns: Any) -> None:
    if not isinstance(patterns, list) or not patterns:
        raise CourseError(f"{where} has no `{part}`: write a list of regular expressions.")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise CourseError(f"{where}: a broken pattern, {pattern!r}: {error}.") from None


def _of_kind(kind: str) -> str:
    """A kind is an error's code and the operation: "ResourceConflict CreateFunction". Both are
    somewhere in its text, whatever words AWS, its clients and other tools put around them."""
    words = (word.removesuffix("Exception") for word in kind.split())
    return "^" + "".join(rf"(?=.*\b(?:{word})(?:Exception|Error)?\b)" for word in words)


# -- Looking an error up ---------------------------------------------------------------------------


def explain(
    entries: Sequence[Explanation], text: str, *, local: bool = False
) -> Explanation | None:
    """The entry for an error, however much stands around it; None if there is none.

    `local` says that it came, or is likely to have come, from the local cloud.
    """
    local = local and not re.search(_FROM_AWS, text)
    plain = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())  # no colors, no line breaks
    starts = [found.start() for found in re.finditer(_START, plain)]
    for candidate in (plain[starts[-1] :] if starts else plain, plain):
        for entry in entries:
            if entry.local_only and not local:
                continue
            if re.search(entry.pattern, candidate, re.IGNORECASE):
                return entry
    return None


# -- Showing an entry ------------------------------------------------------------------------------


def describe(entry: Explanation, width: int | None = None) -> str:
    """The entry as text for a terminal of that width; without one, a line for each part."""
    wrap = textwrap.TextWrapper(width or 0, subsequent_indent=" " * 7, break_on_hyphens=False)
    lines = [entry.name]
    for head, body in (("Means", entry.means), ("Where", entry.where), ("Cure", entry.cure)):
        line = f"{head + ':':7}{body}"
        lines.append(wrap.fill(line) if width else line)
    return "\n".join(lines)


def terminal_width() -> int:
    """How wide text is set: as the terminal, but not so wide that it is hard to read."""
    return min(shutil.get_terminal_size().columns, 90)


def page(entries: Sequence[Explanation]) -> str:
    """The troubleshooting page, in Markdown."""
    contents = [f"- [{entry.name}](#{_anchor(entry.name)})" for entry in entries]
    return "\n".join([_HEAD, *contents, "", *map(_section, entries)])


_HEAD = """\
<!-- Generated from lab/course/errors.toml. Change it there, not here. -->

# Troubleshooting

The errors that you may meet, what they mean, and how to fix them. `lab explain` looks an
error up for you: alone it takes the last one that a chapter met; otherwise paste the error
after it, or pipe it in.
"""


def _section(entry: Explanation) -> str:
    aws_only = "" if entry.local else "*On AWS only: the local cloud does not make this error.*\n\n"
    if entry.local_only:
        aws_only = "*From the local cloud; AWS means something else by it.*\n\n"
    return (
        f"## {entry.name}\n\n```text\n{entry.example}\n```\n\n{aws_only}"
        f"**Means:** {entry.means}\n\n**Where:** {entry.where}\n\n**Cure:** {entry.cure}\n"
    )


def _anchor(name: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")
