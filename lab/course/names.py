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
    """The names and tags of one learner, whose prefix ends with a hyphen or is empty."""

    prefix: str = ""

    @property
    def take_order(self) -> str:
        return f"{self.prefix}take_order"

    @property
    def notify_fulfillment(self) -> str:
        return f"{self.prefix}notify_fulfillment"

    @property
    def record_order(self) -> str:
        return f"{self.prefix}record_order"

    @property
    def functions(self) -> tuple[str, str, str]:
        return self.take_order, self.notify_fulfillment, self.record_order

    @property
    def queue(self) -> str:
        return f"{self.prefix}CustomerOrders"

    @property
    def topic(self) -> str:
        return f"{self.prefix}Orders"

    @property
    def stakeholders(self) -> str:
        return f"{self.prefix}Orders-stakeholders"

    @property
    def queue_dead_letters(self) -> str:
        return f"{self.queue}-dead-letters"

    @property
    def topic_dead_letters(self) -> str:
        return f"{self.topic}-dead-letters"

    @property
    def function_dead_letters(self) -> str:
        return f"{self.record_order}-dead-letters"

    @property
    def dead_letters(self) -> tuple[str, str, str]:
        """The dead-letter queues of the queue, of the topic and of record_order."""
        return self.queue_dead_letters, self.topic_dead_letters, self.function_dead_letters

    @property
    def table(self) -> str:
        return f"{self.prefix}Orders"

    @property
    def api(self) -> str:
        return f"{self.prefix}Orders"

    @property
    def usage_plan(self) -> str:
        return f"{self.api}-shop-plan"

    @property
    def api_key(self) -> str:
        return f"{self.api}-shop-key"

    @property
    def user(self) -> str:
        """The IAM user of a learner in a class, and the policy of that user."""
        return f"{self.prefix}learner"

    @staticmethod
    def role(function: str, region: str) -> str:
        """The execution role of a function. Roles belong to no region: without the region in
        their names, two regions of one account would share them."""
        return f"{function}-role-{region}"

    @staticmethod
    def log_group(function: str) -> str:
        """Where Lambda writes a function's logs; AWS fixes this name."""
        return f"/aws/lambda/{function}"

    @property
    def tags(self) -> dict[str, str]:
        """Our tags, as Lambda, SQS, API Gateway and CloudWatch Logs take them."""
        return {"tutorial": TUTORIAL, "learner": self.prefix.rstrip("-") or "only"}

    def stem(self, name: str) -> str:
        """The way back: the name without the learner's prefix, as in `lambdas/<stem>.py`."""
        return name.removeprefix(self.prefix)


def names(prefix: str | None = None) -> Names:
    """The names with this prefix, or with LAB_PREFIX."""
    return Names(settings.load().prefix if prefix is None else prefix)


def tags(prefix: str | None = None) -> dict[str, str]:
    """Our tags, as Lambda, SQS, API Gateway and CloudWatch Logs take them."""
    return names(prefix).tags


def tag_list(prefix: str | None = None) -> list[dict[str, str]]:
    """The same tags, as IAM, SNS and DynamoDB take them."""
    return [{"Key": key, "Value": value} for key, value in tags(prefix).items()]
