"""The one protocol that every service of the cloud follows.

The defaults are for a service that moto answers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.arn import Arn
from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam.policies import Context, Policy

Needed = Iterator[tuple[str, str]]  # actions, each with the ARN of its resource ("" for any)
May = Callable[[str, str], bool]  # whether the caller may do an action on a resource
Attributes = Mapping[str, Mapping[str, Any]]  # of a message: DataType and one value, by name


class Service:
    """One service. `name` is the one in its signatures and ARNs."""

    name = ""

    async def handle(self, call: Call) -> Response | None:
        """Answer a call; None leaves it to moto."""
        return None

    def needed(self, call: Call) -> Needed:
        """What the caller must be allowed to do: here one action, on any resource."""
        yield f"{call.service}:{call.operation}", ""

    def context(self, call: Call) -> Context:
        """The values for conditions that only this service has."""
        return ()

    def as_seen_by(self, call: Call, answer: Response, may: May) -> Response:
        """The answer without what the caller may not see."""
        return answer

    def find(self, arn: Arn) -> Any | None:
        """The queue, topic, function, ... with this ARN, if there is one."""
        return None

    def policy_of(self, arn: Arn) -> Policy:
        """The resource policy of that resource, if it has one."""
        return None

    def take(self, arn: Arn, text: str, attributes: Attributes) -> str:
        """Take a message from another service. Returns why that fails, or "" """
        return f"nothing can be sent to {arn}"

    async def invoke(self, arn: Arn, payload: bytes) -> Any:
        """Run the function with this ARN on an event's JSON bytes, and wait for its Result."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What a page or `lab status` may show, as JSON values. Changes nothing."""
        return {}

    def is_idle(self) -> bool:
        """Whether nothing waits here and nothing is under way."""
        return True

    def saved(self) -> Any:
        """What the service remembers besides moto's state, for a checkpoint. It can be pickled."""
        return None

    def restore(self, saved: Any) -> None:
        """Remember exactly that, and go on with the work in it. Comes after `pause`."""

    def pause(self) -> None:
        """Give up what is under way, but stay ready to work."""
        self.stop()

    def reset(self) -> None:
        """Forget everything that moto does not forget by itself. Comes after `stop`."""

    def stop(self) -> None:
        """End all work under way."""
