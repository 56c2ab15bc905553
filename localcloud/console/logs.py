"""The lines of a function's log, for its screen."""

from __future__ import annotations

import json
from typing import Any

from localcloud import arn, clock, steps
from localcloud.cloud import LocalCloud
from localcloud.console import calls

_LINES = 200
_RECENT_MS = 15 * 60 * 1000


async def recent(cloud: LocalCloud, function: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest lines of a function's log, the newest last."""
    return await _lines(cloud, function, startTime=int(clock.now_ms()) - _RECENT_MS)


async def about(cloud: LocalCloud, function: dict[str, Any], word: str) -> list[dict[str, Any]]:
    """The newest lines about a word, such as the id of an order."""
    found = await _lines(cloud, function, filterPattern=json.dumps(word))
    return [line for line in found if steps.is_about(line["message"], word)]


async def _lines(cloud: LocalCloud, function: dict[str, Any], **asked: Any) -> list[dict[str, Any]]:
    region, group = arn.parse(function["arn"]).region, f"/aws/lambda/{function['name']}"
    try:
        answer = await calls.read(
            cloud, "logs", region, "FilterLogEvents", logGroupName=group, **asked
        )
    except LookupError:  # there is no log group yet
        return []
    return list(answer["events"][-_LINES:])
