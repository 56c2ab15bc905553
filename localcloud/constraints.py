"""What AWS's models ask of a value: types, required members, ranges, lengths, sets and patterns.

A `Check` is put together from a shape of botocore's models once, and is then a few comparisons. It
returns all that is wrong, in the words that AWS's services share.

https://smithy.io/2.0/spec/constraint-traits.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from botocore.model import Shape

# Where a service is stricter than its model: by service and shape.
_STRICTER: dict[tuple[str, str], dict[str, Any]] = {
    # More is for functions on a capacity provider only.
    ("lambda", "MemorySize"): {"max": 10240},
    ("lambda", "Timeout"): {"max": 900},
}
# What a service needs and its model does not say: by service and shape.
_ALSO_REQUIRED = {("dynamodb", "CreateTableInput"): ["AttributeDefinitions", "KeySchema"]}
# What the service itself checks, in other words than those of the models, or more leniently.
_LEFT_TO_THE_SERVICE = {("lambda", "Runtime"), ("logs", "MetricNamespace")}
# Java's classes of characters. Python's \w has exactly the letters and numbers of Unicode, and "_",
# which stands in every pattern of the models that names them.
_IN_PYTHON = {
    r"\p{L}": r"\w",
    r"\p{N}": "",
    r"\p{Z}": "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    r"\p{Print}": r"[\x20-\x7e]",
    r"\uD800\uDC00-\uDBFF\uDFFF": "\U00010000-\U0010ffff",
    r"[\w-_]": r"[\w_-]",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "map": (dict,),
    "string": (str,),
    "structure": (dict,),
}
REQUIRED = "Member must not be null"
_FOUND = {str: "STRING_VALUE", bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}

Problem = tuple[str, str, str]  # the path to a member, its value as AWS shows it, and the rule
Check = Callable[[Any], list[Problem]]


class WrongTypeError(Exception):
    """A value is not of the member's type, so that the request cannot be read."""


class Checks:
    """Puts checks of a service's shapes together. A shape may contain itself, so each is made
    once. `by_name` is whether a structure's members come by their names in the model, as they do
    in the query protocol, or by those that are sent."""

    def __init__(self, service: str, *, by_name: bool) -> None:
        self._service = service
        self._by_name = by_name
        self._made: dict[str, Check] = {}

    def of(self, shape: Any) -> Check:
        """The check of a shape."""
        name = shape.name
        if name not in self._made:
            self._made[name] = lambda value: self._made[name](value)  # where it contains itself
            make = getattr(self, f"_{shape.type_name}", self._scalar)
            self._made[name] = make(shape)
        return self._made[name]

    def _structure(self, shape: Any) -> Check:
        members = {
            self._key(name, member): (_shown(name), self.of(member))
            for name, member in shape.members.items()
        }
        also = _ALSO_REQUIRED.get((self._service, shape.name), [])
        required = [
            (self._key(name, shape.members[name]), (_shown(name), "null ", REQUIRED))
            for name in [*shape.required_members, *also]
        ]

        def check(value: Any) -> list[Problem]:
            _expect(shape, value)
            problems = [problem for name, problem in required if value.get(name) is None]
            for name, given in value.items():
                if given is None or (member := members.get(name)) is None:
                    continue
                if found := member[1](given):
                    problems += _below(member[0], found)
            return problems

        return check

    def _key(self, name: str, member: Shape) -> str:
        """By which key a member stands in the structure."""
        if self._by_name or "location" in member.serialization:
            return name
        return str(member.serialization.get("name", name))

    def _list(self, shape: Any) -> Check:
        of_member, is_simple = self.of(shape.member), _is_simple(shape.member)
        rule = f"Member must satisfy constraint: [{self._every_rule(shape.member)}, {REQUIRED}]"
        size_problem = _size_rule(shape)

        def check(value: Any) -> list[Problem]:
            _expect(shape, value)
            problems = size_problem(value)
            for number, each in enumerate(value, 1):
                if not (found := of_member(each)):
                    continue
                if is_simple:  # AWS shows the list, once
                    return [*problems, ("", _quoted(value), rule)]
                problems += _below(f"{number}.member", found)
            return problems

        return check

    def _map(self, shape: Any) -> Check:
        of_key, of_value = self.of(shape.key), self.of(shape.value)
        is_simple, size_problem = _is_simple(shape.value), _size_rule(shape)
        key_rule = f"Map keys must satisfy constraint: [{self._every_rule(shape.key)}]"
        value_rule = (
            f"Map value must satisfy constraint: [{self._every_rule(shape.value)}, {REQUIRED}]"
        )
        show = _hidden if shape.metadata.get("sensitive") else _quoted

        def check(value: Any) -> list[Problem]:
            _expect(shape, value)
            problems = size_problem(value)
            for key, each in value.items():
                if of_key(key):
                    problems.append(("", show(value), key_rule))
                if each is None or not (found := of_value(each)):
                    continue
                if is_simple:
                    problems.append(("", show(value), value_rule))
                else:
                    problems += _below(f"{key}.member", found)
            return problems

        return check

    def _every_rule(self, shape: Any) -> str:
        """All that is asked of a member, as AWS lists it where one is broken."""
        return ", ".join(rule for _, rule in _rules_of(self._service, shape))

    def _scalar(self, shape: Any) -> Check:
        rules = list(_rules_of(self._service, shape))
        show = _hidden if shape.metadata.get("sensitive") else _quoted

        def check(value: Any) -> list[Problem]:
            _expect(shape, value)
            return [("", show(value), rule) for is_kept, rule in rules if not is_kept(value)]

        return check

    def _blob(self, _: Any) -> Check:
        def check(value: Any) -> list[Problem]:
            try:
                if not isinstance(value, bytes):
                    base64.b64decode(value, validate=True)
            except (TypeError, ValueError, binascii.Error):
                raise WrongTypeError("Base64 encoded length is unexpected") from None
            return []

        return check

    def _timestamp(self, _: Any) -> Check:
        """A time has several forms in each protocol; the services read them."""
        return lambda _: []


def _rules_of(service: str, shape: Any) -> Iterator[tuple[Callable[[Any], Any], str]]:
    """What a string or number has to fulfill, each with AWS's words for it."""
    if (service, shape.name) in _LEFT_TO_THE_SERVICE:
        return
    limits = {**shape.metadata, **_STRICTER.get((service, shape.name), {})}
    if shape.type_name == "string":
        yield from _string_rules(shape, limits)
        return
    if (most := limits.get("max")) is not None:
        yield lambda value: value <= most, f"Member must have value less than or equal to {most}"
    if (least := limits.get("min")) is not None:
        rule = f"Member must have value greater than or equal to {least}"
        yield lambda value: value >= least, rule


def _string_rules(shape: Any, limits: dict[str, Any]) -> Iterator[tuple[Callable[[str], Any], str]]:
    if shape.enum:
        wanted = ", ".join(shape.enum)
        yield frozenset(shape.enum).__contains__, f"Member must satisfy enum value set: [{wanted}]"
    if (most := limits.get("max")) is not None:
        rule = f"Member must have length less than or equal to {most}"
        yield lambda value: len(value) <= most, rule
    if (least := limits.get("min")) is not None:
        rule = f"Member must have length greater than or equal to {least}"
        yield lambda value: len(value) >= least, rule
    if pattern := limits.get("pattern"):
        rule = f"Member must satisfy regular expression pattern: {pattern}"
        yield in_python(pattern).fullmatch, rule


def _size_rule(shape: Any) -> Check:
    """The check of how many members a list or map has."""
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")

    def check(value: Any) -> list[Problem]:
        if most is not None and len(value) > most:
            rule = f"Member must have length less than or equal to {most}"
        elif len(value) < least:
            rule = f"Member must have length greater than or equal to {least}"
        else:
            return []
        return [("", _quoted(value), rule)]

    return check


@cache
def in_python(pattern: str) -> re.Pattern[str]:
    """A pattern of the models, which are written for Java, as one of Python's."""
    flags = re.UNICODE if r"\p{L}" in pattern else re.ASCII
    for theirs, ours in _IN_PYTHON.items():
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern, flags)


def _expect(shape: Any, value: Any) -> None:
    """Raises WrongTypeError if the value is not of the shape's type. A whole number may be written
    with a point."""
    wanted = _TYPES.get(shape.type_name, (object,))
    if isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool)):
        return
    if wanted == (int,) and isinstance(value, float) and value.is_integer():
        return
    found = _FOUND.get(type(value))
    if found is None:
        raise WrongTypeError("Start of structure or map found where not expected")
    name = str(shape.type_name).capitalize()
    raise WrongTypeError(
        f"{found} can not be converted to {'an' if name[0] == 'I' else 'a'} {name}"
    )


def _is_simple(shape: Any) -> bool:
    return shape.type_name not in ("list", "map", "structure")


def _below(name: str, found: list[Problem]) -> list[Problem]:
    """The problems of a member, with its name in front of their paths."""
    return [(f"{name}.{path}" if path else name, value, rule) for path, value, rule in found]


def _shown(name: str) -> str:
    """A member's name in AWS's messages."""
    return name[0].lower() + name[1:]


def _quoted(value: Any) -> str:
    return f"'{_text(value)}' "


def _hidden(_: Any) -> str:
    """In place of a value that is sensitive."""
    return ""


def _text(value: Any) -> str:
    """A value as Java shows it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_text(each)}" for name, each in value.items()) + "}"
    return str(value)
