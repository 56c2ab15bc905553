"""Event patterns: which values fit one, and which patterns are refused.

SNS filters messages by them, and Lambda what comes from a queue. moto's own matcher knows fewer
operators, and fails on what it cannot compare. Here a pattern becomes a list of alternatives, as
`$or` asks for, and each of them a list of paths with the values that are wanted there. A value fits
that fits one alternative.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import glob
import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from math import prod
from typing import Any

Pattern = Mapping[str, Any]
_Rule = tuple[tuple[str, ...], Sequence[Any]]  # a path, and what may stand there
_ACCURACY = 1e-6  # numbers that differ by less are the same
_NUMERIC: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}
ABSENT = object()  # a value that is not there


class WrongPatternError(Exception):
    """A pattern that AWS refuses; says why in its words."""


class Written(float):
    """A number that is the same as another one only if both are written alike: 3 is not 3.0."""

    def __new__(cls, text: str) -> Written:
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str


def fits(pattern: Pattern, found: Any) -> bool:
    """Whether an object fits the pattern."""
    if not isinstance(found, dict):
        return False
    nested = _nested(found)
    return any(_fits(rules, nested) for rules in _alternatives(pattern))


def alternatives(pattern: Pattern) -> int:
    """How many alternatives a pattern has. `$or` multiplies them."""
    return prod(
        sum(map(alternatives, value)) if is_or(key, value) else alternatives(value)
        for key, value in pattern.items()
        if is_or(key, value) or isinstance(value, Mapping)
    )


def _nested(value: Any) -> Any:
    """The value with each key that has dots as a path: in patterns the two are the same."""
    if isinstance(value, list):
        return [_nested(each) for each in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for key, each in value.items():
        *above, last = key.split(".")
        place = made
        for name in above:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                break
        else:
            place[last] = _nested(each)
    return made


# -- Matching ------------------------------------------------------------------------------------


def _alternatives(pattern: Pattern, path: tuple[str, ...] = ()) -> Iterator[list[_Rule]]:
    """The ways to fit a pattern: each is a list of rules, which all have to be kept."""
    parts = [list(_ways(key, value, path)) for key, value in pattern.items()]
    for chosen in product(*parts):
        yield [rule for rules in chosen for rule in rules]


def _ways(key: str, value: Any, path: tuple[str, ...]) -> Iterator[list[_Rule]]:
    if is_or(key, value):
        for each in value:
            yield from _alternatives(each, path)
        return
    below = (*path, *key.split("."))
    if isinstance(value, Mapping):
        yield from _alternatives(value, below)
    else:
        yield [(below, value)]


def is_or(key: str, value: Any) -> bool:
    """Whether it is the operator: another `$or` is a key like any other."""
    return (
        key == "$or"
        and isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and each for each in value)
        and not any(name in _MATCHERS for each in value for name in each)
    )


def _fits(rules: Sequence[_Rule], found: Any) -> bool:
    """Whether a value keeps all rules. Of a list, one element has to keep them all."""
    if isinstance(found, list) and found:
        return any(_fits(rules, each) for each in found)
    known = found if isinstance(found, Mapping) else {}
    return all(_keeps(of_name, known.get(name, ABSENT)) for name, of_name in _by_name(rules))


def _by_name(rules: Sequence[_Rule]) -> Iterator[tuple[str, list[_Rule]]]:
    for name in dict.fromkeys(path[0] for path, _ in rules):
        yield name, [(path[1:], wanted) for path, wanted in rules if path[0] == name]


def _keeps(rules: Sequence[_Rule], found: Any) -> bool:
    here = [wanted for path, wanted in rules if not path]
    below = [(path, wanted) for path, wanted in rules if path]
    return all(_is_wanted(wanted, found) for wanted in here) and (not below or _fits(below, found))


def _is_wanted(wanted: Sequence[Any], found: Any) -> bool:
    values = list(_leaves(found))
    for each in wanted:
        if isinstance(each, Mapping) and "exists" in each:
            if each["exists"] == bool(values):
                return True
        elif any(_matches(each, value) for value in values):
            return True
    return False


def _leaves(found: Any) -> Iterator[Any]:
    """The plain values of one that may be a list. An object, or an empty list, has none."""
    if isinstance(found, list):
        for each in found:
            yield from _leaves(each)
    elif found is not ABSENT and not isinstance(found, Mapping):
        yield found


def _matches(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        name, operand = next(iter(wanted.items()))
        return _MATCHERS[name](operand, value)
    if _is_number(wanted) and _is_number(value):
        return _are_the_same(wanted, value)
    return type(wanted) is type(value) and bool(wanted == value)


def _are_the_same(one: float, other: float) -> bool:
    if isinstance(one, Written) and isinstance(other, Written):
        return one.text == other.text
    try:
        return one == other or abs(one - other) < _ACCURACY
    except OverflowError:  # no float is so large
        return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _of_texts(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A matcher of texts. Its operand may be a list, and may ask not to mind the case."""

    def matches(operand: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, Mapping):
            return compare(value.lower(), str(operand["equals-ignore-case"]).lower())
        wanted = operand if isinstance(operand, list) else [operand]
        return any(compare(value, each) for each in wanted)

    return matches


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, Mapping):
        return isinstance(value, str) and not _matches(operand, value)
    unwanted = operand if isinstance(operand, list) else [operand]
    return not any(_matches(each, value) for each in unwanted)


def _numeric(operand: Sequence[Any], value: Any) -> bool:
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return _is_number(value) and all(_NUMERIC[sign](value, limit) for sign, limit in pairs)


def _cidr(operand: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


def _wildcard(value: str, pattern: str) -> bool:
    r"""Whether a text has the form of a pattern, in which `*` is any text and `\*` a star."""
    parts = re.split(r"(\\.|\*)", pattern)
    return fnmatchcase(value, "".join(part if part == "*" else _literal(part) for part in parts))


def _literal(part: str) -> str:
    """A part of a pattern, so that fnmatch takes it as it is. Its matches never take long; those of
    a regular expression with many stars may never end."""
    return glob.escape(part[1:] if part in (r"\*", r"\\") else part)


_MATCHERS: dict[str, Callable[[Any, Any], bool]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": _of_texts(lambda value, wanted: value.lower() == wanted.lower()),
    "exists": lambda *_: False,  # judged where the value may be absent
    "numeric": _numeric,
    "prefix": _of_texts(str.startswith),
    "suffix": _of_texts(str.endswith),
    "wildcard": _of_texts(_wildcard),
}
_IN_ANYTHING_BUT = ("prefix", "suffix", "wildcard", "equals-ignore-case")


# -- What is refused -----------------------------------------------------------------------------


def check(pattern: Pattern) -> None:
    """Raises WrongPatternError for a pattern that AWS refuses."""
    for key, value in pattern.items():
        if is_or(key, value):
            for each in value:
                check(each)
        elif isinstance(value, Mapping):
            check(value)
        elif not isinstance(value, list):
            raise WrongPatternError(f'"{key}" must be an object or an array')
        elif not value:
            raise WrongPatternError("Empty arrays are not allowed")
        else:
            for each in value:
                _check_value(each)


def _check_value(wanted: Any) -> None:
    if wanted is None or isinstance(wanted, str | bool | int | float):
        return
    if not isinstance(wanted, Mapping):
        raise WrongPatternError("Match value must be String, number, true, false, or null")
    if len(wanted) != 1:
        raise WrongPatternError("Only one key allowed in match expression")
    ((name, operand),) = wanted.items()
    if name not in _MATCHERS:
        raise WrongPatternError(f"Unrecognized match type {name}")
    _CHECKS.get(name, lambda given: _check_text(name, given))(operand)


def _check_text(name: str, operand: Any) -> None:
    if isinstance(operand, Mapping) and list(operand) == ["equals-ignore-case"]:
        operand = operand["equals-ignore-case"] if name in ("prefix", "suffix") else None
    if not isinstance(operand, str):
        raise WrongPatternError(f"{name} match pattern must be a string")


def _check_exists(operand: Any) -> None:
    if not isinstance(operand, bool):
        raise WrongPatternError("exists match pattern must be either true or false.")


def _check_cidr(operand: Any) -> None:
    if not isinstance(operand, str):
        raise WrongPatternError("prefix match pattern must be a string")
    if operand.count("/") != 1:
        raise WrongPatternError("Malformed CIDR, one '/' required")
    if not operand.partition("/")[2].isdigit():
        raise WrongPatternError("Malformed CIDR, mask bits must be an integer")
    try:
        ipaddress.ip_network(operand, strict=False)
    except ValueError:
        raise WrongPatternError(f"Nonstandard IP address: {operand.split('/')[0]}") from None


def _check_anything_but(operand: Any) -> None:
    if isinstance(operand, Mapping):
        name = next(iter(operand), "")
        if len(operand) != 1 or name not in _IN_ANYTHING_BUT:
            raise WrongPatternError(f"Unsupported anything-but pattern: {name}")
        texts = operand[name] if isinstance(operand[name], list) else [operand[name]]
        if not texts or not all(isinstance(each, str) for each in texts):
            raise WrongPatternError(f"anything-but {name} match pattern must be a string")
        return
    values = operand if isinstance(operand, list) else [operand]
    if not values or not all(isinstance(each, str) or _is_number(each) for each in values):
        raise WrongPatternError(
            "Value of anything-but must be an array or single string/number value."
        )
    if len({isinstance(each, str) for each in values}) > 1:
        raise WrongPatternError(
            "Inside anything but list, either all values are number or string, mixed type is not "
            "supported"
        )


def _check_numeric(operand: Any) -> None:
    if not isinstance(operand, list):
        raise WrongPatternError("Value of numeric must be an array.")
    if not operand or not isinstance(operand[0], str):
        found = json.dumps(operand[0]) if operand else "]"
        raise WrongPatternError(f"Invalid member in numeric match: {found}")
    if operand[0] not in _NUMERIC:
        raise WrongPatternError(f"Unrecognized numeric range operator: {operand[0]}")
    _check_limit(operand[:2])
    if len(operand) == 2:
        return
    if operand[0] not in (">", ">="):
        raise WrongPatternError("Too many elements in numeric expression")
    if not isinstance(operand[2], str):
        raise WrongPatternError(f"Bad value in numeric range: {json.dumps(operand[2])}")
    if operand[2] not in ("<", "<="):
        raise WrongPatternError(f"Bad numeric range operator: {operand[2]}")
    _check_limit(operand[2:4])
    if len(operand) > 4:
        raise WrongPatternError("Too many terms in numeric range expression")
    if operand[3] <= operand[1]:
        raise WrongPatternError("Bottom must be less than top")


def _check_limit(pair: list[Any]) -> None:
    if len(pair) < 2 or not _is_number(pair[1]):
        name = "equals" if pair[0] == "=" else pair[0]
        raise WrongPatternError(f"Value of {name} must be numeric")


_CHECKS: dict[str, Callable[[Any], None]] = {
    "anything-but": _check_anything_but,
    "cidr": _check_cidr,
    "exists": _check_exists,
    "numeric": _check_numeric,
}
