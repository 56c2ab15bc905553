"""Every name that the tutorial gives, and the tags that say a resource is ours.

The names are the article's. In an account that several learners share, LAB_PREFIX goes
before each of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.here import settings

TUTORIAL = "chain-lambda-functions"


@dataclass(frozen=True)
class Names:
    """The names for one learner."""

    take_order: str
    notify_fulfillment: str
    record_order: str
    queue: str
    queue_dead_letters: str
    topic: str
    topic_dead_letters: str
    stakeholders: str
    function_dead_letters: str
    table: str
    api: str
    usage_plan: str
    api_key: str

    @property
    def functions(self) -> tuple[str, str, str]:
        return self.take_order, self.notify_fulfillment, self.record_order

    @property
    def dead_letters(self) -> tuple[str, str, str]:
        """The dead-letter queues of the queue, of the topic and of record_order."""
        return self.queue_dead_letters, self.topic_dead_letters, self.function_dead_letters

    @staticmethod
    def role(function: str, region: str) -> str:
        """The execution role of a function. Roles belong to no region: without the region in
        their names, two regions of one account would share them."""
        return f"{function}-role-{region}"

    @staticmethod
    def log_group(function: str) -> str:
        """Where Lambda writes a function's logs; AWS fixes this name."""
        return f"/aws/lambda/{function}"


def names(prefix: str | None = None) -> Names:
    """The names with this prefix, or with LAB_PREFIX."""
    p = settings.load().prefix if prefix is None else prefix
    return Names(
        take_order=f"{p}take_order",
        notify_fulfillment=f"{p}notify_fulfillment",
        record_order=f"{p}record_order",
        queue=f"{p}CustomerOrders",
        queue_dead_letters=f"{p}CustomerOrders-dead-letters",
        topic=f"{p}Orders",
        topic_dead_letters=f"{p}Orders-dead-letters",
        stakeholders=f"{p}Orders-stakeholders",
        function_dead_letters=f"{p}record_order-dead-letters",
        table=f"{p}Orders",
        api=f"{p}Orders",
        usage_plan=f"{p}Orders-shop-plan",
        api_key=f"{p}Orders-shop-key",
    )


def tags(prefix: str | None = None) -> dict[str, str]:
    """Our tags, as Lambda, SQS, API Gateway and CloudWatch Logs take them."""
    p = settings.load().prefix if prefix is None else prefix
    return {"tutorial": TUTORIAL, "learner": p.rstrip("-") or "only"}


def tag_list(prefix: str | None = None) -> list[dict[str, str]]:
    """The same tags, as IAM, SNS and DynamoDB take them."""
    return [{"Key": key, "Value": value} for key, value in tags(prefix).items()]
