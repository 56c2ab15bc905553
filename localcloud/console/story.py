"""The story of one order: each step on its way, and what was logged of it, in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud import steps
from localcloud.cloud import LocalCloud
from localcloud.console import logs
from localcloud.console.state import Part, State
from localcloud.steps import Step


@dataclass(frozen=True)
class Row:
    """One line of a story, or of what happened lately at a part. `to` says where something went."""

    epoch_ms: float
    part: Part | None
    what: str
    to: str = ""
    problem: str = ""
    is_log: bool = False


def of_order(
    cloud: LocalCloud, order_id: str, state: State, described: dict[str, Any]
) -> list[Row]:
    """All that is known of an order. Lines have whole milliseconds, so they come at their end."""
    parts = {part.key: part for part in state.parts}
    subscribers = _subscribers(described)
    rows = [_row(step, parts, subscribers) for step in steps.about(order_id)]
    for function in described["lambda"]["functions"]:
        part = parts.get(function["arn"])
        for line in logs.about(cloud, function, order_id):
            rows.append(Row(line["timestamp"], part, line["message"].rstrip(), is_log=True))
    return sorted(rows, key=lambda row: row.epoch_ms + (0.999 if row.is_log else 0))


def at_part(key: str, described: dict[str, Any], most: int) -> list[tuple[Row, str]]:
    """The latest steps at one part, each with its message."""
    subscribers = _subscribers(described)
    found = (step for step, _ in zip(steps.at(key), range(most), strict=False))
    return [(_row(step, {}, subscribers), _text(step)) for step in found]


def _row(step: Step, parts: dict[str, Part], subscribers: dict[str, str]) -> Row:
    to = subscribers.get(step.to, step.to)
    return Row(step.epoch_ms, parts.get(step.part), step.what, to, step.problem)


def _text(step: Step) -> str:
    return step.text if isinstance(step.text, str) else step.text.decode("utf-8", "replace")


def _subscribers(described: dict[str, Any]) -> dict[str, str]:
    """Whom each subscription is for, by its ARN."""
    return {
        each["arn"]: f"{each['protocol']} {each['endpoint'].rpartition(':')[2]}"
        for topic in described["sns"]["topics"]
        for each in topic["subscriptions"]
    }
