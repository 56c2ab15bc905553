"""The topic of orders, and who gets what is published to it."""

from __future__ import annotations

import json
from typing import Any

import boto3

from lab.aws.arn import name_in, parse
from lab.aws.kinds import is_confirmed
from lab.course.looking import look_at
from lab.course.names import names
from lab.course.screens.found import found, screen_of
from lab.engine.screen import Screen, Table

_COLUMNS = ("protocol", "endpoint", "state", "filter", "dead-letter queue")


def topic(aws: boto3.Session) -> Screen:
    """The topic of orders with its subscriptions."""
    resource, arn = found(aws, "SNS topic", names().topic)
    look = look_at(aws)
    attributes = look.sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    rows = [_subscription(look.sns, each) for each in look.subscriptions(names().topic)]
    facts: dict[str, object] = {"subscriptions": len(rows)}
    if sender := attributes.get("DisplayName"):
        facts = {"display name": sender, **facts}
    says = "" if rows else "Nobody has subscribed: what is published now reaches no one."
    return screen_of(resource, facts, Table(_COLUMNS, rows, total=len(rows)), says=says)


def _subscription(sns: Any, subscription: dict[str, Any]) -> tuple[object, ...]:
    endpoint = subscription["Endpoint"]
    listener = name_in(endpoint) if parse(endpoint) else endpoint
    if not is_confirmed(subscription):
        pending = "pending: the link in its first mail is not opened yet"
        return subscription["Protocol"], listener, pending, "", ""
    arn = subscription["SubscriptionArn"]
    found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    target = json.loads(found.get("RedrivePolicy", "{}")).get("deadLetterTargetArn")
    aside = name_in(target) if target else ""
    filters = found.get("FilterPolicy", "every message")
    return subscription["Protocol"], listener, "confirmed", filters, aside
