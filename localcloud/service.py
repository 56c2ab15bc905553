"""What every service of the cloud answers: the one protocol of the folders here.

The defaults are those of a service that moto answers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.arn import Arn
from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam.policies import Policy

Needed = Iterator[tuple[str, str]]  # actions, each with the ARN of its resource ("" for any)
Attributes = Mapping[str, Mapping[str, Any]]  # of a message: DataType and one value, by name


class Service:
    """One service. `name` is that of its signatures and ARNs."""

    name = ""

    async def handle(self, call: Call) -> Response | None:
        """Answer a call; None if that is for moto to do."""
        return None

    def needed(self, call: Call) -> Needed:
        """What the caller must be allowed: here one action, on any resource."""
        yield f"{call.service}:{call.operation}", ""

    def find(self, arn: Arn) -> Any | None:
        """The queue, topic, function, ... with this ARN, if there is one."""
        return None

    def policy_of(self, arn: Arn) -> Policy:
        """The policy of that resource itself, if it has one."""
        return None

    def take(self, arn: Arn, text: str, attributes: Attributes) -> str:
        """Take a message of another service's; why that cannot be done, or "" """
        return f"nothing can be sent to {arn}"

    async def invoke(self, arn: Arn, payload: bytes) -> Any:
        """Run the function with this ARN on an event's JSON bytes, and wait for its Result."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What a page or `lab status` may show. It changes nothing, and can be written as JSON."""
        return {}

    def is_idle(self) -> bool:
        """Whether nothing waits here and nothing is under way."""
        return True

    def saved(self) -> Any:
        """What is remembered here besides moto's state, for a checkpoint. It can be pickled."""
        return None

    def restore(self, saved: Any) -> None:
        """Remember just that, and go on with what it has to do. Comes after `pause`."""

    def pause(self) -> None:
        """Give up what is under way, to go on with something else. What it takes to work stays."""
        self.stop()

    def reset(self) -> None:
        """Forget everything that moto does not forget by itself. Comes after `stop`."""

    def stop(self) -> None:
        """End all work under way."""
