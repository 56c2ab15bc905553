"""Everything that the tutorial makes, with the chapter and the cell that make it.

One list serves teardown, checks and tests. Its order is the order of making; teardown goes
through it backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import boto3

from lab.aws.inventory import Resource
from lab.aws.kinds import Kinds
from lab.course.names import Names, names

TOPIC_STATEMENT = "orders-topic"  # in the policy of record_order

_WHY = {
    "log group": "Without it there is no log, or one that Lambda made and that is kept forever.",
    "IAM role": "A function may do what its execution role may, and nothing else.",
    "SQS queue": "Without it orders have nowhere to wait, or nowhere to go when they fail.",
    "Lambda function": "Without it orders stop one hop before.",
    "REST API": "It is the only way in for orders.",
    "usage plan": "It slows a stranger down, and ties the key to the stage.",
    "API key": "Without it every order is answered 403.",
    "SNS topic": "It tells both the fulfillment team and record_order of an order.",
    "DynamoDB table": "It is where the orders are kept.",
    "permission": "Without it SNS cannot call the function, and says so in a metric only.",
    "subscription": "Without it record_order does not hear of any order.",
    "event source mapping": "Without it orders wait in the queue, and nobody is told.",
    # These two by the tags of their cells, as they are not like the others of their kind.
    "stakeholders-topic": "It carries the news that take_order had to create the queue.",
    "stakeholders-email": "Without it, or before the link in its first mail was opened, nobody "
    "hears that take_order had to create the queue.",
}


def inventory(aws: boto3.Session) -> tuple[Resource, ...]:
    """Every resource of the learner of the settings, in the order of making."""
    return inventory_of(aws, names())


@lru_cache(maxsize=4)  # clients take longer to make than all the questions that they ask
def inventory_of(aws: boto3.Session, n: Names) -> tuple[Resource, ...]:
    """Every resource of the learner with these names, in the order of making."""
    made = _made(Kinds(aws, n.tags), n, aws.region_name)
    return tuple(replace(each, why=_WHY.get(each.cell) or _WHY[each.kind]) for each in made)


def _made(kinds: Kinds, n: Names, region: str) -> Iterator[Resource]:
    yield kinds.queue("01", "queue-dead-letters", n.queue_dead_letters)
    yield kinds.queue("01", "queue", n.queue)
    yield kinds.topic("01", "stakeholders-topic", n.stakeholders)
    yield kinds.log_group("01", "log-group", n.log_group(n.take_order))
    yield kinds.role("01", "role", n.role(n.take_order, region))
    yield kinds.function("01", "function", n.take_order)

    yield kinds.rest_api("02", "api", n.api)
    yield kinds.usage_plan("02", "usage-plan", n.usage_plan)
    yield kinds.api_key("02", "api-key", n.api_key)

    yield kinds.topic("03", "topic", n.topic)
    yield kinds.subscription_by_email("03", "stakeholders-email", n.stakeholders)
    yield kinds.log_group("03", "log-group", n.log_group(n.notify_fulfillment))
    yield kinds.role("03", "role", n.role(n.notify_fulfillment, region))
    yield kinds.function("03", "function", n.notify_fulfillment)

    yield kinds.table("04", "table", n.table)
    yield kinds.queue("04", "function-dead-letters", n.function_dead_letters)
    yield kinds.log_group("04", "log-group", n.log_group(n.record_order))
    yield kinds.role("04", "role", n.role(n.record_order, region))
    yield kinds.function("04", "function", n.record_order)

    yield kinds.permission("05", "permission", n.topic, n.record_order, TOPIC_STATEMENT)
    yield kinds.queue("05", "topic-dead-letters", n.topic_dead_letters)
    yield kinds.subscription("05", "subscription", n.topic, n.record_order)
    yield kinds.event_source_mapping("05", "trigger", n.queue, n.notify_fulfillment)
