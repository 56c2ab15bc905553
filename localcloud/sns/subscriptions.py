"""What SNS refuses to subscribe, and which settings of a subscription it refuses.

moto takes any protocol, endpoint and setting. Then the first message breaks on a policy that is
no JSON, or goes nowhere, and nobody is told.

https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from moto.sns.exceptions import InvalidParameterValue
from moto.sns.models import SNSBackend
from moto.sns.responses import SNSResponse

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_FUNCTION_ARN = re.compile(r"arn:aws:lambda:([^:]+):\d{12}:function:([^:]+)(:[^:]+)?")
_QUEUE_ARN = re.compile(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:[\w-]+(\.fifo)?")
_URL = re.compile(r"https?://[^/\s]+.*")
_SERVED = ("email", "email-json", "http", "https", "lambda", "sqs")
_NOT_SERVED = ("application", "firehose", "sms")
_SCOPES = ("MessageAttributes", "MessageBody")
_moto_subscribe = SNSResponse.subscribe
_moto_set = SNSResponse.set_subscription_attributes
_moto_unsubscribe = SNSBackend.unsubscribe


def refuse_endpoint(protocol: str, endpoint: str) -> None:
    """Refuse a subscriber that messages cannot reach."""
    if protocol in _NOT_SERVED:
        raise NotImplementedError(
            f"The local cloud does not deliver to {protocol}; subscribe a function, a queue, an "
            "address or a URL."
        )
    if protocol not in _SERVED:
        raise _invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol.startswith("email") and not _ADDRESS.fullmatch(endpoint):
        raise _invalid("Email address")
    if protocol == "sqs" and not _QUEUE_ARN.fullmatch(endpoint):
        raise _invalid("SQS endpoint ARN")
    if protocol.startswith("http") and not (
        _URL.fullmatch(endpoint) and endpoint.startswith(f"{protocol}://")
    ):
        raise _invalid("Endpoint must match the specified protocol")
    if protocol == "lambda" and not _FUNCTION_ARN.fullmatch(endpoint):
        raise _invalid("Lambda endpoint ARN")


def refuse_setting(name: str, value: str, scope: str | None = None, where: str = "") -> None:
    """Refuse a value that cannot be gone by. `scope` is the one of the filter policy; `where` is
    what AWS says first if the setting stands in Subscribe."""
    if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
        raise _invalid(f"{where}{name}: Invalid value [{value}]. Must be true or false.")
    if name == "FilterPolicyScope" and value not in _SCOPES:
        raise _invalid(
            f"{where}{name}: Invalid value [{value}]. Please use either MessageBody or "
            "MessageAttributes"
        )
    if name == "FilterPolicy" and value:
        _refuse_filter(_object_in(name, value, where), scope, where)
    if name == "RedrivePolicy" and value:
        target = _object_in(name, value, where).get("deadLetterTargetArn")
        if not isinstance(target, str) or not _QUEUE_ARN.fullmatch(target):
            raise _invalid(f"{where}{name}: deadLetterTargetArn is an invalid arn")


def _refuse_filter(policy: dict[str, Any], scope: str | None, where: str) -> None:
    """What moto refuses, what it stumbles over, and what it takes and then never matches."""
    try:
        SNSBackend._validate_filter_policy(None, policy, scope)
    except (TypeError, AttributeError, IndexError, KeyError) as error:
        raise _invalid(f"{where}FilterPolicy: {error}") from None
    for key, rule in _rules_in(policy):
        _refuse_what_never_matches(key, rule, scope)


def _rules_in(policy: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, rules in policy.items():
        if isinstance(rules, dict):
            yield from _rules_in(rules)
        else:
            yield from ((key, rule) for rule in rules)


def _refuse_what_never_matches(key: str, rule: Any, scope: str | None) -> None:
    """AWS knows these; here nothing would come through."""
    match, value = next(iter(rule.items())) if isinstance(rule, dict) else ("", None)
    lacking = ""
    if key == "$or":
        lacking = "$or"
    elif "." in key and scope == "MessageBody":
        lacking = "dots in the keys of the body"
    elif match == "anything-but" and isinstance(value, dict) and "prefix" not in value:
        lacking = f"anything-but with {next(iter(value), '')}"
    elif match == "equals-ignore-case" and value != str(value).lower():
        lacking = "equals-ignore-case with capital letters; write it in small ones"
    if lacking:
        raise NotImplementedError(f"The local cloud has no filter policies with {lacking}.")


def _object_in(name: str, value: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"{where}{name}: failed to parse JSON. {error}") from None
    if not isinstance(found, dict):
        raise _invalid(f"{where}{name}: failed to parse JSON. It must be an object")
    return found


def _invalid(text: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Invalid parameter: {text}")


def _subscribe(response: SNSResponse) -> Any:
    """Settings are looked at first: moto would subscribe, and then refuse them."""
    settings = {name: str(value) for name, value in response._get_param("Attributes", {}).items()}
    for name, value in settings.items():
        refuse_setting(name, value, settings.get("FilterPolicyScope"), "Attributes Reason: ")
    return _moto_subscribe(response)


def _set(response: SNSResponse) -> Any:
    known = response.backend.subscriptions.get(response._get_param("SubscriptionArn"))
    name = response._get_param("AttributeName")
    value = response._get_param("AttributeValue") or ""
    refuse_setting(name, value, known and known.attributes.get("FilterPolicyScope"))
    if name == "FilterPolicyScope" and known and known._filter_policy:
        refuse_setting("FilterPolicy", json.dumps(known._filter_policy), value)
    answer = _moto_set(response)
    if name == "RedrivePolicy" and known and not value:  # that takes it away
        known.attributes.pop(name, None)
    return answer


def _unsubscribe(backend: SNSBackend, arn: str) -> None:
    """What list_subscriptions shows of one that is pending is no ARN."""
    parts = arn.split(":")
    if len(parts) < 6:
        raise _invalid(
            f"SubscriptionArn Reason: An ARN must have at least 6 elements, not {len(parts)}"
        )
    _moto_unsubscribe(backend, arn)


def install() -> None:
    """Make moto refuse these from now on."""
    SNSResponse.subscribe = _subscribe
    SNSResponse.set_subscription_attributes = _set
    SNSBackend.unsubscribe = _unsubscribe
