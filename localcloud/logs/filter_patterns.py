"""Filter patterns: which lines of a log fit. moto knows words and one quoted text, and takes every
line for a fit of any other pattern.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from moto.logs.utils import EventMessageFilter

from localcloud.upstream import replaces

Fits = Callable[[Any], bool]  # of a line, or of the object in it

INVALID = "Invalid filter pattern"
_EVERYTHING = ("", "[]", "[ ]")  # patterns that every line fits
_NOT_READ = (
    "The local cloud finds log lines by words, by quoted texts, by what is in a JSON object and by "
    "regular expressions, not by {}; leave the pattern empty, and look at the lines yourself."
)
_QUOTED, _REGEX = r'"((?:[^"\\]|\\.)*)"', r"%([^%]+)%"
_TERM = re.compile(rf'\s*([?-]?)(?:{_QUOTED}|{_REGEX}|([^\s"%]+))(?=\s|$)')
_IN_JSON = re.compile(
    r"\s*(?:(?P<mark>&&|\|\||[()]|!=|<=|>=|=|<|>)"
    r"|(?P<field>\$(?:\.[\w-]+|\[\d+\]|\['[^']*'\])+)"
    rf'|(?P<value>{_QUOTED}|{_REGEX}|[^\s()=!<>&|"%]+))'
)
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']*)'\]")
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_CONSTANTS = {"NULL": None, "TRUE": True, "FALSE": False}
_NOWHERE = object()  # what a field holds that an object does not have


@replaces(EventMessageFilter)
def matches(found: EventMessageFilter, message: str) -> bool:
    """Whether a line fits; the pattern is read once for all lines."""
    return read(found.filter_type.term)(message)


@lru_cache(maxsize=64)
def read(pattern: str) -> Fits:
    """Whether a line fits the pattern. Raises ValueError if that is none, NotImplementedError if it
    is about columns."""
    text = pattern.strip()
    if text in _EVERYTHING:
        return lambda _: True
    if text.startswith("["):
        raise NotImplementedError(_NOT_READ.format(pattern))
    if text.startswith("{"):
        if not text.endswith("}"):
            raise ValueError(text)
        return _in_an_object(_Reader(text[1:-1]).whole())
    return _by_terms(text)


def _by_terms(text: str) -> Fits:
    """By words and texts that have to be there, or must not (`-`); or of which one has to be there
    (`?`), which counts only if there are no others."""
    terms: dict[str, list[Fits]] = {"": [], "-": [], "?": []}
    end = 0
    while end < len(text):
        if (found := _TERM.match(text, end)) is None:
            raise ValueError(text)
        sign, quoted, regex, word = found.groups()
        terms[sign].append(_has(quoted if word is None else word, regex))
        end = found.end()
    wanted, unwanted, choice = terms.values()
    if choice and not wanted and not unwanted:
        return lambda line: any(fits(line) for fits in choice)
    return lambda line: (
        all(fits(line) for fits in wanted) and not any(fits(line) for fits in unwanted)
    )


def _has(text: str | None, regex: str | None) -> Fits:
    if regex is not None:
        search = _compiled(regex).search
        return lambda line: search(line) is not None
    plain = re.sub(r"\\(.)", r"\1", text or "")
    return lambda line: plain in line


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except re.error:
        raise ValueError(regex) from None


def _in_an_object(fits: Fits) -> Fits:
    def fits_line(line: str) -> bool:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return False
        return isinstance(found, dict) and fits(found)

    return fits_line


class _Reader:
    """Reads `$.a = 1 && ($.b = "x" || $.c EXISTS)`."""

    def __init__(self, text: str) -> None:
        self._left = []
        end = 0
        while text[end:].strip():
            if (found := _IN_JSON.match(text, end)) is None:
                raise ValueError(text)
            self._left.append(found)
            end = found.end()

    def whole(self) -> Fits:
        fits = self._either()
        if self._left:
            raise ValueError(self._left[0][0])
        return fits

    def _either(self) -> Fits:
        parts = [self._both()]
        while self._skip("||"):
            parts.append(self._both())
        return lambda found: any(fits(found) for fits in parts)

    def _both(self) -> Fits:
        parts = [self._one()]
        while self._skip("&&"):
            parts.append(self._one())
        return lambda found: all(fits(found) for fits in parts)

    def _one(self) -> Fits:
        if self._skip("("):
            fits = self._either()
            if not self._skip(")"):
                raise ValueError("(")
            return fits
        field = _field(self._next("field"))
        return self._condition(field)

    def _condition(self, field: Callable[[Any], Any]) -> Fits:
        if self._left and self._left[0]["mark"]:
            return _compared(field, self._next("mark"), self._next("value"))
        word = self._next("value").upper()
        if word == "EXISTS":
            return lambda found: field(found) is not _NOWHERE
        second = self._next("value").upper()
        if (word, second) == ("NOT", "EXISTS"):
            return lambda found: field(found) is _NOWHERE
        if word != "IS" or second not in _CONSTANTS:
            raise ValueError(word)
        return lambda found: field(found) is _CONSTANTS[second]

    def _skip(self, mark: str) -> bool:
        is_next = bool(self._left) and self._left[0]["mark"] == mark
        if is_next:
            self._left.pop(0)
        return is_next

    def _next(self, kind: str) -> str:
        if not self._left or self._left[0][kind] is None:
            raise ValueError(kind)
        return str(self._left.pop(0)[kind])


def _field(selector: str) -> Callable[[Any], Any]:
    """What an object holds there; `_NOWHERE` if it has no such field."""
    steps = [int(n) if n else name or key for name, n, key in _STEP.findall(selector)]

    def found_in(found: Any) -> Any:
        for step in steps:
            is_there = (
                len(found) > step
                if isinstance(step, int) and isinstance(found, list)
                else isinstance(found, dict) and step in found
            )
            if not is_there:
                return _NOWHERE
            found = found[step]
        return found

    return found_in


def _compared(field: Callable[[Any], Any], mark: str, value: str) -> Fits:
    number = _number(value)
    if mark in _ORDER:
        if number is None:
            raise ValueError(value)
        return lambda found: _is_number(field(found)) and _ORDER[mark](field(found), number)
    if mark not in ("=", "!="):
        raise ValueError(mark)
    fits_text = _text(value)

    def fits(found: Any) -> bool:
        there = field(found)
        if not isinstance(there, str) and not _is_number(there):
            return False
        equal = fits_text(there) if isinstance(there, str) else there == number
        return equal == (mark == "=")

    return fits


def _text(value: str) -> Fits:
    """Whether a text is the value, in which `*` stands for any text."""
    if value.startswith("%"):
        return _has(None, value[1:-1])
    plain = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
    pattern = re.compile(".*".join(map(re.escape, plain.split("*"))), re.DOTALL)
    return lambda text: pattern.fullmatch(text) is not None


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)
