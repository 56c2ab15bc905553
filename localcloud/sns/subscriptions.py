"""Subscriptions: which endpoints and settings SNS refuses, and which subscriptions are pending.

moto accepts any protocol, endpoint and setting. Then the first message breaks on a policy that is
not JSON, or goes nowhere, and nobody is told. moto also confirms every address by itself.

https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

import moto.sns.models as moto_sns
from moto.sns.exceptions import InvalidParameterValue, SNSNotFoundError
from moto.sns.models import SNSBackend
from moto.sns.responses import SNSResponse

from localcloud import deliver, upstream
from localcloud.iam.federation import OWNER
from localcloud.patterns import WrongPatternError
from localcloud.sns import delivery, filter_policy
from localcloud.sns.filter_policy import NestedPolicyError
from localcloud.sns.subscription import Subscription
from localcloud.upstream import original, replaces

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_FUNCTION_ARN = re.compile(r"arn:aws:lambda:([^:]+):\d{12}:function:([^:]+)(:[^:]+)?")
_QUEUE_ARN = re.compile(r"arn:[\w-]+:sqs:[\w-]+:\d{12}:[\w-]+(\.fifo)?")
_URL = re.compile(r"https?://[^/\s]+.*")
_SERVED = ("email", "email-json", "http", "https", "lambda", "sqs")
_WITH_RAW_DELIVERY = ("http", "https", "sqs")
_NOT_SERVED = ("application", "firehose", "sms")
_SETTINGS = {
    *("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery"),
    *("RedrivePolicy", "SubscriptionRoleArn"),
}
_SCOPES = ("MessageAttributes", "MessageBody")
_DEFAULTS = {"FilterPolicyScope": "MessageAttributes"}
_TO_CONFIRM = ("email", "http")


def subscriptions() -> Iterator[Subscription]:
    """All subscriptions, in every region."""
    for backend in upstream.backends(moto_sns.sns_backends):
        yield from list(backend.subscriptions.values())


def confirm(token: str) -> str | None:
    """Confirm the subscription of a mailed token. Returns its ARN, or None if there is no such
    pending subscription (any more)."""
    for each in subscriptions():
        if each.is_pending and secrets.compare_digest(token, each.token):
            each.confirm()
            return str(each.arn)
    return None


def waits_for(token: str) -> bool:
    """Whether a subscription waits for the link with this token to be opened."""
    return any(each.is_pending and token == each.token for each in subscriptions())


def remove(arn: str) -> None:
    """Unsubscribe, as the link at the end of each mail promises."""
    for backend in upstream.backends(moto_sns.sns_backends):
        backend.subscriptions.pop(arn, None)


def hide_pending(body: bytes, label: bytes) -> bytes:
    """Replace the ARNs of pending subscriptions by `label`, as AWS does."""
    for each in subscriptions():
        if each.is_pending:
            body = body.replace(each.arn.encode(), label)
    return body


def refuse_endpoint(protocol: str, endpoint: str) -> None:
    """Refuse a subscriber that messages cannot reach."""
    if not endpoint:
        raise _invalid("Endpoint")
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
    if protocol == "lambda" and deliver.find(endpoint) is None:
        raise _invalid(f"Endpoint Reason: Function not found: {endpoint}")


def refuse_setting(name: str, value: str, scope: str | None = None, where: str = "") -> None:
    """Refuse a value that cannot work. `scope` is the filter policy's scope. `where` is how AWS's
    message begins if the setting is part of Subscribe."""
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


def _refuse_raw(protocol: str, settings: dict[str, str], where: str = "") -> None:
    """Refuse raw delivery to those who always get the envelope."""
    wanted = settings.get("RawMessageDelivery", "").lower() == "true"
    if wanted and protocol not in _WITH_RAW_DELIVERY:
        raise _invalid(
            f"{where}Delivery protocol [{protocol}] does not support raw message delivery."
        )


def _refuse_filter(policy: dict[str, Any], scope: str | None, where: str) -> None:
    try:
        filter_policy.check(policy, scope)
    except NestedPolicyError as error:
        raise _invalid(f"{where}FilterPolicy: {error}" if where else str(error)) from None
    except WrongPatternError as error:
        raise _invalid(f"{where}FilterPolicy: {error}") from None


@replaces(SNSBackend)
def _validate_filter_policy(_: SNSBackend, value: Any, scope: str | None) -> None:
    """moto knows fewer filter policies than AWS; ours are checked before it sees them."""


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


@replaces(SNSBackend)
def subscribe(
    backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str
) -> moto_sns.Subscription:
    """The owner of an address or URL is asked to confirm, at each call until the owner does."""
    backend.get_topic(topic_arn)
    refuse_endpoint(protocol, endpoint)
    known = set(backend.subscriptions)
    made: Subscription = original(subscribe)(backend, topic_arn, endpoint, protocol)
    made.attributes["SubscriptionPrincipal"] = OWNER
    if protocol.startswith(_TO_CONFIRM) and (made.arn not in known or made.is_pending):
        made.ask()
        delivery.running().ask_to_confirm(made)
    return made


@replaces(SNSResponse, "subscribe")
def subscribe_with_settings(response: SNSResponse) -> Any:
    """Settings are checked first: moto would subscribe, and refuse them only then."""
    settings = {name: str(value) for name, value in response._get_param("Attributes", {}).items()}
    for name, value in settings.items():
        refuse_setting(name, value, settings.get("FilterPolicyScope"), "Attributes Reason: ")
    _refuse_raw(response._get_param("Protocol"), settings, "Attributes Reason: ")
    _refuse_changes(response, settings)
    return original(subscribe_with_settings)(response)


def _refuse_changes(response: SNSResponse, settings: dict[str, str]) -> None:
    """A second Subscribe is answered with the subscription that is there. It must not ask for other
    settings."""
    endpoint = [response._get_param(name) for name in ("TopicArn", "Endpoint", "Protocol")]
    known = response.backend._find_subscription(*endpoint)
    if known is None:
        return
    for name, value in settings.items():
        if _comparable(value) != _comparable(known.attributes.get(name, _DEFAULTS.get(name, ""))):
            raise _invalid(
                "Attributes Reason: Subscription already exists with different attributes"
            )


def _comparable(value: Any) -> Any:
    """A setting as what it means: JSON may be written in several ways, as may true and false."""
    try:
        return json.loads(str(value).lower() if isinstance(value, bool) else value)
    except (ValueError, RecursionError):
        return value.lower() if value.lower() in ("true", "false") else value


@replaces(SNSResponse)
def set_subscription_attributes(response: SNSResponse) -> Any:
    """A setting that cannot work is refused, and an empty RedrivePolicy removes it."""
    known = response.backend.subscriptions.get(response._get_param("SubscriptionArn"))
    if known is None:
        raise SNSNotFoundError("Subscription does not exist")
    name = response._get_param("AttributeName")
    value = response._get_param("AttributeValue") or ""
    if name not in _SETTINGS:
        raise _invalid("AttributeName")
    refuse_setting(name, value, known.attributes.get("FilterPolicyScope"))
    _refuse_raw(known.protocol, {name: value})
    if name == "FilterPolicyScope" and known._filter_policy:
        refuse_setting("FilterPolicy", json.dumps(known._filter_policy), value)
    answer = original(set_subscription_attributes)(response)
    if name == "RedrivePolicy" and not value:  # empty removes it
        known.attributes.pop(name, None)
    return answer
