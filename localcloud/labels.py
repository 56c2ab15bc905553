"""The labels of the statements in a queue's or a topic's policy, which moto takes for granted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def nameless_aside(policy: dict[str, Any]) -> Iterator[None]:
    """Set the statements that have no label aside while moto looks for one."""
    given = policy.get("Statement", [])
    statements = given if isinstance(given, list) else [given]
    nameless = [each for each in statements if "Sid" not in each]
    policy["Statement"] = [each for each in statements if "Sid" in each]
    try:
        yield
    finally:
        policy["Statement"] = [*nameless, *policy["Statement"]]
