"""Chapter 05: the arrows between the functions, which make a chain of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import boto3

from lab.aws.arn import is_arn_of, name_in
from lab.aws.movement import cloud_status, find_standstill
from lab.course.looking import Look, look_at, sources
from lab.course.resources import TOPIC_STATEMENT
from lab.engine.checks import AGAIN, EXPECTED
from lab.engine.course import Box, Chapter, Detail, Exercise, Expectation

_MOVES = "no order that waits for long while none is under way"
_MOVE_AGAIN = (
    "`lab logs --cloud` and `lab logs notify_fulfillment` may say why. On AWS look at the trigger "
    "and at the function's errors and throttles in the console. If nothing else helps: `lab stop`, "
    "then `lab up`; the local cloud forgets everything that it holds, these orders included."
)
_LOST = (
    "`lab logs --cloud` says more. Fix the cause and have the shop send these orders again with "
    "the same order_id, which records each once. The local cloud counts until it is stopped; `lab "
    "stop`, then `lab up` makes a new start, and forgets everything that it holds."
)

_LOG_LINES = "log lines"  # what the local cloud calls them among its losses
_IN_A_CELL = 'In a cell: `lab.session().client("lambda")'
_REMOVE_TRIGGER = (
    f'{_IN_A_CELL}.delete_event_source_mapping(UUID="{{uuid}}")`; in the console: Lambda, Event '
    "source mappings, Delete."
)
_REMOVE_FILTERS = (
    f'{_IN_A_CELL}.update_event_source_mapping(UUID="{{uuid}}", FilterCriteria={{{{}}}})`; in the '
    "console: Lambda, Event source mappings, the mapping, Edit."
)
_WHY_OF_TRIGGER = {
    "enabled": Detail("While it is switched off, orders wait in the queue and nobody is told."),
    "BatchSize": Detail("Ten orders in one call cost as much as one."),
    "FunctionResponseTypes": Detail(
        "ReportBatchItemFailures keeps one bad order from bringing nine good ones back."
    ),
    "ScalingConfig": Detail("It leaves room for the account's other functions."),
    "filters": Detail(
        "Lambda deletes an order that fits no filter, and nobody is told.",
        "found a filter that somebody added, {pattern}",
        _REMOVE_FILTERS,
    ),
}


def _expects(aws: boto3.Session) -> Iterator[Expectation]:
    look = look_at(aws)
    yield _permission(look)
    yield from _subscription(look)
    yield from _trigger(look)
    yield _orders_move(look)
    yield from _nothing_lost(look)


# -- From the topic to record_order ----------------------------------------------------------------


def _from_topic(look: Look) -> dict[str, Any]:
    """What a statement must hold that lets our topic in."""
    source = look.topic_arn(look.names.topic)
    return {"Principal": {"Service": "sns.amazonaws.com"}, "SourceArn": source}


def _permission(look: Look) -> Expectation:
    n = look.names
    return Expectation(
        f"The settings of the permission of {n.topic}",
        "SourceArn keeps other people's topics out.",
        "permission",
        lambda: look.statement(n.record_order, TOPIC_STATEMENT),
        _from_topic(look),
        needs=f"permission of {n.topic} to invoke {n.record_order}",
        if_there=AGAIN.format("05"),
    )


def _subscription(look: Look) -> Iterator[Expectation]:
    n = look.names
    yield Expectation(
        f"The policy of {n.topic_dead_letters}",
        "Without it SNS may not put there what it cannot deliver, and the order is lost.",
        "topic-dead-letters",
        lambda: _dead_letter_policy(look),
        _from_topic(look),
        needs=f"SQS queue {n.topic_dead_letters}",
    )
    yield Expectation(
        f"The dead-letter queue of the subscription of {n.record_order}",
        "What SNS cannot deliver is dropped unless the subscription says where to put it.",
        "subscription",
        lambda: _redrive_policy(look),
        {"deadLetterTargetArn": look.queue_arn(n.topic_dead_letters)},
        needs=f"subscription {n.topic} to {n.record_order}",
    )


def _dead_letter_policy(look: Look) -> dict[str, Any]:
    policy = look.queue(look.names.topic_dead_letters).get("Policy", {})
    statements = [s for s in policy.get("Statement", []) if s["Effect"] == "Allow"]
    return {**statements[0], **sources(statements[0])} if len(statements) == 1 else {}


def _redrive_policy(look: Look) -> dict[str, Any]:
    n = look.names
    arns = [
        found["SubscriptionArn"]
        for found in look.subscriptions(n.topic)
        if is_arn_of(found["Endpoint"], "lambda", n.record_order)
    ]
    found = look.sns.get_subscription_attributes(SubscriptionArn=arns[0])["Attributes"]
    return dict(json.loads(found.get("RedrivePolicy", "{}")))


# -- From the queue to notify_fulfillment ----------------------------------------------------------


def _trigger(look: Look) -> Iterator[Expectation]:
    n = look.names
    trigger = f"event source mapping {n.queue} to {n.notify_fulfillment}"
    yield Expectation(
        f"The settings of the trigger of {n.notify_fulfillment}",
        "They decide whether and how orders leave the queue.",
        "trigger",
        lambda: _settings(look.trigger()),
        {
            "enabled": True,
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 2},
            "filters": [],
        },
        needs=trigger,
        details=_WHY_OF_TRIGGER,
    )
    yield _no_other_trigger(look, trigger)
    yield Expectation(
        _function_of_trigger(look),
        "A trigger stays when its function goes, and has nobody to call.",
        "trigger",
        lambda: {"": _state(look, n.notify_fulfillment)},
        {"": "an active function"},
        needs=trigger,
        if_there="Run chapter 03 again.",
        says=EXPECTED,
    )


def _no_other_trigger(look: Look, needs: str) -> Expectation:
    n = look.names
    return Expectation(
        f"The only trigger of {n.queue}, and of our functions",
        "Each message goes to one of a queue's triggers only. What another function takes does not "
        f"come to {n.notify_fulfillment}.",
        "trigger",
        lambda: {"others": list(_other_triggers(look))},
        {"others": []},
        needs=needs,
        says="found another one, from {source} to {function}",
        details={"others": Detail(fix=_REMOVE_TRIGGER)},
    )


def _other_triggers(look: Look) -> Iterator[dict[str, str]]:
    """Those of our queue with another function, or of one of our functions with another queue."""
    n = look.names
    pages = look.lambda_.get_paginator("list_event_source_mappings").paginate()
    for found in (mapping for page in pages for mapping in page["EventSourceMappings"]):
        source = found.get("EventSourceArn", "")
        function, _, _ = name_in(found["FunctionArn"]).partition(":")  # from a version or alias
        ends = (is_arn_of(source, "sqs", n.queue), function in n.functions)
        if any(ends) and not (ends[0] and function == n.notify_fulfillment):
            shown = name_in(source) if source else "somewhere"
            yield {"uuid": found["UUID"], "source": shown, "function": function}


def _function_of_trigger(look: Look) -> str:
    return f"The function of the trigger, {look.names.notify_fulfillment}"


def _orders_move(look: Look) -> Expectation:
    return Expectation(
        f"Orders move from {look.names.queue}",
        "A trigger that stands still looks right in all its settings, while orders wait that "
        "were answered 202.",
        "trigger",
        lambda: _movement(look),
        {"": _MOVES},
        needs=_function_of_trigger(look),
        if_there=_MOVE_AGAIN,
        says=EXPECTED,
    )


def _settings(trigger: dict[str, Any]) -> dict[str, Any]:
    filters = (trigger.get("FilterCriteria") or {}).get("Filters", [])
    return {
        **trigger,
        "enabled": trigger["State"] not in ("Disabled", "Disabling", "Deleting"),
        "filters": [{"uuid": trigger["UUID"], "pattern": each["Pattern"]} for each in filters],
    }


def _state(look: Look, function: str) -> str:
    try:
        found = look.lambda_.get_function_configuration(FunctionName=function)
    except look.lambda_.exceptions.ResourceNotFoundException:
        return "none"
    return "an active function" if found["State"] == "Active" else str(found["State"])


def _movement(look: Look) -> dict[str, Any]:
    try:
        url = look.sqs.get_queue_url(QueueName=look.names.queue)["QueueUrl"]
    except look.sqs.exceptions.QueueDoesNotExist:  # so nothing waits; chapter 01 says so
        return {"": _MOVES}
    found = find_standstill(look.aws, url, look.trigger())
    return {"": str(found or _MOVES)}


def _nothing_lost(look: Look) -> Iterator[Expectation]:
    """What the local cloud took and could not keep. AWS has no such list. A log line that a role
    may not write is no order, and what the role lacks is named with its chapter."""
    lost = (cloud_status(look.aws) or {}).get("lost")
    if lost is None:
        return
    count = lost["total"] - lost.get("counts", {}).get(_LOG_LINES, 0)
    orders = (each for each in lost["last"] if each.get("place") != _LOG_LINES)
    newest = "".join(f"; the newest: {o['what']}, {o['why']}" for o in itertools.islice(orders, 1))
    yield Expectation(
        "Nothing was lost",
        "Each order that was answered 202 has to end as an item or as a dead letter.",
        "trigger",
        lambda: {"": f"{count}{newest}" if count else "0"},
        {"": "0"},
        needs=f"event source mapping {look.names.queue} to {look.names.notify_fulfillment}",
        if_there=_LOST,
        says="expected {wanted} lost, found {found}",
    )


# -- The exercise ----------------------------------------------------------------------------------


def _batching_window(aws: boto3.Session) -> str:
    look = look_at(aws)
    trigger = look.trigger()
    if not trigger:
        return f"{look.names.notify_fulfillment} has no trigger: run the cells above first."
    seconds = trigger.get("MaximumBatchingWindowInSeconds", 0)
    return "" if seconds == 1 else f"Expected a batching window of 1 s, found {seconds} s."


CHAPTER = Chapter(
    stem="05_connect",
    builds="permission, subscription, trigger",
    article="left out",
    builds_on=("01", "03", "04"),
    expects=_expects,
    exercise=Exercise(
        _batching_window,
        hints=(
            "The trigger exists already, so it has to be updated, not created. What names it?",
            "`list_event_source_mappings` shows it with its UUID.",
            "`lambda_.update_event_source_mapping(UUID=..., MaximumBatchingWindowInSeconds=1)`.",
        ),
    ),
    boxes=(Box("dead letters\nof the topic", 1, 2),),
    arrows=(
        ("SQS\nCustomerOrders", "Lambda\nnotify_fulfillment"),
        ("SNS\nOrders", "Lambda\nrecord_order"),
        ("SNS\nOrders", "dead letters\nof the topic"),
    ),
)
