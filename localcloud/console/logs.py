"""The lines of a function's log, for its screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud import arn, steps
from localcloud.cloud import LocalCloud

_LINES = 200

Line = dict[str, Any]


def recent(cloud: LocalCloud, function: dict[str, Any]) -> list[Line]:
    """The newest lines of a function's log, the newest last."""
    return _lines(cloud, function, lambda _: True)


def about(cloud: LocalCloud, function: dict[str, Any], word: str) -> list[Line]:
    """The newest lines about a word, such as the id of an order."""
    return _lines(cloud, function, lambda message: steps.is_about(message, word))


def _lines(
    cloud: LocalCloud, function: dict[str, Any], wanted: Callable[[str], bool]
) -> list[Line]:
    region, group = arn.parse(function["arn"]).region, f"/aws/lambda/{function['name']}"
    return cloud.logs.last_lines(region, group, _LINES, wanted)
