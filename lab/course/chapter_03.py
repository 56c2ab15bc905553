"""Chapter 03: the function that tells the fulfillment team of each order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3

from lab.aws.kinds import is_confirmed
from lab.course.functions import function_is_right
from lab.course.looking import Look, look_at
from lab.course.names import Names
from lab.engine.course import Box, Chapter, Exercise, Expectation


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look = look_at(aws)
    n = look.names
    yield Expectation(
        f"The subscription of an e-mail address to {n.topic}",
        "SNS mails no orders before the link in its first mail was opened.",
        "email",
        lambda: _email(look),
        {"state": "confirmed"},
        needs=f"SNS topic {n.topic}",
    )
    actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    allowed = [f"sqs:{action} on {look.queue_arn(n.queue)}" for action in actions]
    topic_arn = look.topic_arn(n.topic)
    allowed.append(f"sns:Publish on {topic_arn}")
    yield from function_is_right(look, n.notify_fulfillment, allowed, {"TOPIC_ARN": topic_arn})


def _email(look: Look) -> dict[str, Any]:
    found = [s for s in look.subscriptions(look.names.topic) if s["Protocol"] == "email"]
    if not found:
        return {}
    return {"state": "confirmed" if any(map(is_confirmed, found)) else "pending"}


# -- The exercise ----------------------------------------------------------------------------------


def _no_drills(aws: boto3.Session) -> str:
    look = look_at(aws)
    found = [s for s in look.subscriptions(look.names.topic) if s["Protocol"] == "email"]
    if not (confirmed := [each for each in found if is_confirmed(each)]):
        return "Nobody has confirmed the subscription by e-mail yet."
    arn = confirmed[0]["SubscriptionArn"]
    attributes = look.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    policy = json.loads(attributes.get("FilterPolicy") or "{}")
    if not policy:
        return "The subscription by e-mail has no filter policy."
    if attributes.get("FilterPolicyScope", "MessageAttributes") != "MessageAttributes":
        return "Expected a filter policy on message attributes, found one on the message's body."
    return _passes_all_but_drills(policy)


def _passes_all_but_drills(policy: dict[str, Any]) -> str:
    """What the policy does wrong, in words. The rules of a list are alternatives."""
    if others := policy.keys() - {"kind"}:
        return f"The policy also wants {', '.join(sorted(others))}, which no order has."
    rules = policy["kind"]
    without = {"exists": False} in rules
    rest = [rule for rule in rules if rule != {"exists": False}]
    if {"exists": True} in rest or "drill" in rest:
        return "With this policy, drills come by mail."
    if not any(rule in ({"anything-but": "drill"}, {"anything-but": ["drill"]}) for rule in rest):
        return "Expected a rule that lets every `kind` but `drill` through, found none."
    if not without:
        return "With this policy no order comes by mail: orders have no attribute `kind`."
    return ""


CHAPTER = Chapter(
    stem="03_notify_fulfillment",
    builds="topic, e-mail, role, `notify_fulfillment`, test event",
    article="Step 1",
    builds_on=("01",),
    orders=1,
    expects=_expects,
    exercise=Exercise(
        _no_drills,
        hints=(
            "A filter policy is an attribute of the subscription, not of the topic. "
            "`sns.list_subscriptions_by_topic` lists the subscription with its ARN.",
            "`sns.set_subscription_attributes` takes SubscriptionArn, AttributeName "
            '(`FilterPolicy`) and AttributeValue: JSON text such as {"kind": [...]}. The rules in '
            "the list are alternatives: one of them is enough.",
            'All but drills: {"anything-but": "drill"}. And those without the attribute, to which '
            'no other rule applies: {"exists": false}.',
        ),
    ),
    boxes=(
        Box("Lambda\nnotify_fulfillment", 3, 1, Names.role("notify_fulfillment", "<region>")),
        Box("SNS\nOrders", 2, 1),
        Box("e-mail to\nfulfillment", 1, 1),
    ),
    arrows=(
        ("Lambda\nnotify_fulfillment", "SNS\nOrders"),
        ("SNS\nOrders", "e-mail to\nfulfillment"),
    ),
)
