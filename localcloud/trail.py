"""The trail: each call to AWS's API, who made it and what it was answered, the latest ones.

AWS has CloudTrail for that. Keeping an entry costs next to nothing, as nothing is looked up or
written out before somebody looks.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from localcloud import clock
from localcloud.call import Call
from localcloud.http import Request, Response
from localcloud.iam.policies import Decision

_MOST = 2000
_NOTHING = Request("", "", "", {}, b"")
_LONGEST_NAME = 300  # characters
_LONGEST_ANSWER = 600  # bytes of an error
# What names the resource of a call, the narrowest first.
_NAMING = (
    "QueueUrl", "TopicArn", "TargetArn", "FunctionName", "TableName", "QueueName", "RoleName",
    "logGroupName", "Name", "SubscriptionArn", "restApiId", "SourceArn",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One call, `error` being the beginning of its answer where that is one, and what IAM decided:
    nothing for a caller who may do everything."""

    number: int
    epoch_ms: float
    call: Call
    status: int
    error: bytes
    decisions: tuple[Decision, ...] = ()

    @property
    def resource(self) -> str:
        """What the call was about, as far as its parameters tell: the last part of its ARN, address
        or name."""
        return re.split("[:/]", next(iter(self.call.parameters.values()), ""))[-1]


class Trail:
    """The latest calls."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_MOST)
        self.total = 0

    def add(self, call: Call, response: Response, decisions: tuple[Decision, ...] = ()) -> None:
        """Note a call that was answered, and what IAM decided of it."""
        self.total += 1
        error = response.body[:_LONGEST_ANSWER] if response.status >= 400 else b""
        kept = _without_body(call)
        self._entries.append(
            Entry(self.total, clock.now_ms(), kept, response.status, error, decisions)
        )

    def __len__(self) -> int:
        return len(self._entries)

    def newest_first(self) -> Iterator[Entry]:
        return reversed(self._entries)

    def clear(self) -> None:
        """Forget the entries; `total` goes on, so that a page notices."""
        self._entries.clear()
        self.total += 1


def _without_body(call: Call) -> Call:
    """A call without its request and the values that may be large: orders, code, secrets."""
    found = call.parameters
    kept = {name: str(found[name])[:_LONGEST_NAME] for name in _NAMING if found.get(name)}
    return Call(_NOTHING, call.service, call.region, call.access_key_id, call.operation, kept)
