"""The roster: a CSV file with a line for each learner of a class.

    name,email
    ana,ana@example.com

The name becomes the learner's LAB_PREFIX, so it must be one; the e-mail address becomes LAB_EMAIL.
Other columns are for the instructor, and semicolons or tabs may stand in place of the commas. All
that is wrong is said at once, each with its line, before anything is made.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.engine.display import printable
from lab.errors import RosterError, SettingsError
from lab.here import settings

_SETTINGS = {"name": "LAB_PREFIX", "email": "LAB_EMAIL"}  # what each column becomes
COLUMNS = tuple(_SETTINGS)


@dataclass(frozen=True)
class Learner:
    """A learner; the prefix ends with a hyphen. `line` is where the roster has the name."""

    name: str
    email: str
    prefix: str
    line: int


def read(path: Path) -> tuple[Learner, ...]:
    """The learners of a roster. Raises RosterError, which says all that is wrong with it."""
    rows = _rows(path)
    if not rows:
        raise _error(path, ["expected at least 1 learner below the names of the columns, found 0."])
    problems: dict[int, str] = {}
    learners = _learners(rows, problems)
    problems.update(_clashes(learners))
    if problems:
        raise _error(path, [f"line {line}: {text}" for line, text in sorted(problems.items())])
    return tuple(learners)


def _error(path: Path, problems: list[str]) -> RosterError:
    return RosterError(printable("\n".join(f"{path}, {problem}" for problem in problems)))


# -- What the file says ----------------------------------------------------------------------------


Row = tuple[int, dict[str, str]]


def _rows(path: Path) -> list[Row]:
    """Each line with its number and its values by column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # as Excel writes it
            return list(_by_column(path, file.read()))
    except OSError as error:
        raise RosterError(f"The roster {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise RosterError(
            f"The roster {path} is no UTF-8 text. In a spreadsheet, save it as CSV UTF-8."
        ) from None


def _by_column(path: Path, text: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_mark_in(text))
    try:
        columns = _columns(path, next(reader, []))
        for values in reader:
            if any(value.strip() for value in values):
                yield reader.line_num, _named(columns, values)
    except csv.Error as error:
        raise _error(path, [f"line {reader.line_num or 1} is no CSV: {error}."]) from None


def _columns(path: Path, first: list[str]) -> list[str]:
    """The names of the columns, from the first line. Raises RosterError."""
    columns = [column.strip().lower() for column in first]
    if missing := [column for column in COLUMNS if column not in columns]:
        problem = (
            f"line 1: expected the columns {', '.join(COLUMNS)} with commas between them, found "
            f"{', '.join(columns) or 'nothing'}. Add {' and '.join(missing)}."
        )
        raise _error(path, [problem])
    for column in COLUMNS:
        if (count := columns.count(column)) > 1:
            problem = f"line 1: expected one column {column}, found {count}. Rename the others."
            raise _error(path, [problem])
    return columns


def _mark_in(text: str) -> str:
    """What stands between the columns: where a comma is for decimals, spreadsheets write others."""
    names = next(iter(text.splitlines()), "")
    return next((mark for mark in ";\t" if mark in names and "," not in names), ",")


def _named(columns: list[str], values: list[str]) -> dict[str, str]:
    """The values by column; one that the line lacks is empty."""
    given = (value.strip() for value in values)
    return dict(itertools.zip_longest(columns, itertools.islice(given, len(columns)), fillvalue=""))


# -- Whether that can work -------------------------------------------------------------------------


def _learners(rows: list[Row], problems: dict[int, str]) -> list[Learner]:
    """Those that can work by themselves; why the others cannot goes to `problems`, by line."""
    found = []
    for line, row in rows:
        try:
            checked = _settings_of(row)
        except SettingsError as error:
            problems[line] = _of_column(str(error))
        else:
            found.append(Learner(row["name"], row["email"], checked.prefix, line))
    return found


def _settings_of(row: dict[str, str]) -> settings.Settings:
    """The settings of a learner, as on AWS. Raises SettingsError."""
    for column in COLUMNS:
        if not row[column]:
            raise SettingsError(f"expected a value for {column}, found none.")
    return settings.load({setting: row[column] for column, setting in _SETTINGS.items()})


def _of_column(text: str) -> str:
    """What is wrong with a setting, said of the column that it comes from. A value that reads like
    the name of a setting stays."""
    for column, setting in _SETTINGS.items():
        if text.startswith(setting):
            return column + text.removeprefix(setting)
    return text


def _clashes(learners: list[Learner]) -> Iterator[tuple[int, str]]:
    """The names of two that would get the same things. Files on many machines do not tell Ana from
    ana."""
    first: dict[str, Learner] = {}
    for each in learners:
        other = first.setdefault(each.prefix.lower(), each)
        if other is not each:
            yield (
                each.line,
                f"expected a name of its own, found {each.name!r}, and {other.name!r} in line "
                f"{other.line}. Change one of them.",
            )
