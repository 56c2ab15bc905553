"""Topics: which names, settings, tags and permissions SNS refuses, and what it says of a topic.

moto makes a topic again with other settings or tags, and keeps the old ones without a word.

https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
https://docs.aws.amazon.com/sns/latest/api/API_AddPermission.html
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.sns.exceptions import InvalidParameterValue, SNSInvalidParameter
from moto.sns.models import (
    DEFAULT_EFFECTIVE_DELIVERY_POLICY,
    VALID_POLICY_ACTIONS,
    SNSBackend,
    Topic,
)
from moto.sns.responses import SNSResponse

from localcloud.labels import nameless_aside
from localcloud.upstream import original, replaces

_NAME = re.compile(r"[\w-]{1,256}", re.ASCII)
_FEEDBACK = ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
_ENDPOINTS = ("Application", "Firehose", "HTTP", "Lambda", "SQS")
_LONGEST_NAME = 100  # letters of a display name
_SETTINGS = {
    "DeliveryPolicy",
    "DisplayName",
    "KmsMasterKeyId",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
    *(f"{endpoint}{name}" for endpoint in _ENDPOINTS for name in _FEEDBACK),
}
_IN_SCOPE = {"*", *(f"sns:{action}".lower() for action in VALID_POLICY_ACTIONS)}
_OF_SETTINGS = "Invalid parameter: Attributes Reason: "
_DELIVERY_POLICY = {
    "http": {
        "defaultHealthyRetryPolicy": DEFAULT_EFFECTIVE_DELIVERY_POLICY["defaultHealthyRetryPolicy"],
        "disableSubscriptionOverrides": False,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
    }
}


@replaces(SNSBackend)
def create_topic(
    backend: SNSBackend,
    name: str,
    attributes: dict[str, Any] | None = None,
    tags: dict[str, str] | None = None,
) -> Topic:
    """A topic that is there is the answer, unless other settings or tags are asked for. A FIFO
    topic is refused by name: it fills FIFO queues, which the local cloud lacks."""
    settings = dict(attributes or {})
    is_fifo = bool(settings.get("FifoTopic"))
    base = name.removesuffix(".fifo") if is_fifo else name
    if not _NAME.fullmatch(base) or is_fifo != name.endswith(".fifo"):
        raise InvalidParameterValue("Invalid parameter: Topic Name")
    if is_fifo:
        raise NotImplementedError(
            "The local cloud has standard topics only; use a name without .fifo, and no FifoTopic."
        )
    known = set(backend.topics)
    topic: Topic = original(create_topic)(backend, name, settings, tags)
    if topic.arn in known:
        _refuse_changes(topic, settings, tags or {})
    return topic


def _refuse_changes(topic: Topic, settings: dict[str, Any], tags: dict[str, str]) -> None:
    if any(_setting(topic, name) != value for name, value in settings.items()):
        raise InvalidParameterValue(
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
        )
    if not tags.items() <= topic._tags.items():
        raise InvalidParameterValue(
            "Invalid parameter: Tags Reason: Topic already exists with different tags"
        )


def _setting(topic: Topic, name: str) -> Any:
    return getattr(topic, camelcase_to_underscores(name), None)


@replaces(SNSResponse, "create_topic")
def create_with_settings(response: SNSResponse) -> Any:
    """A new topic's settings are those of a standard topic."""
    for name, value in response._get_param("Attributes", {}).items():
        if name == "FifoTopic":
            if str(value).lower() not in ("true", "false"):
                text = f"{name}: Invalid value [{value}]. Must be true or false."
                raise InvalidParameterValue(f"{_OF_SETTINGS}{text}")
        elif name not in _SETTINGS:
            raise InvalidParameterValue(f"{_OF_SETTINGS}Unknown attribute {name}")
        else:
            _refuse_setting(name, str(value), _OF_SETTINGS)
    return original(create_with_settings)(response)


@replaces(SNSResponse)
def get_topic_attributes(response: SNSResponse) -> Any:
    """The delivery policy is that of HTTP endpoints, and there is none of the topic's own unless
    somebody sets one."""
    answer: Any = original(get_topic_attributes)(response)
    found = answer.result["Attributes"]
    found["EffectiveDeliveryPolicy"] = json.dumps(_DELIVERY_POLICY)
    if not found["DeliveryPolicy"]:
        del found["DeliveryPolicy"]
    return answer


@replaces(SNSResponse)
def set_topic_attributes(response: SNSResponse) -> Any:
    """A setting is one that there is, and a policy one that can be read."""
    name = response._get_param("AttributeName")
    if name not in _SETTINGS:
        raise InvalidParameterValue("Invalid parameter: AttributeName")
    _refuse_setting(name, response._get_param("AttributeValue") or "", "Invalid parameter: ")
    return original(set_topic_attributes)(response)


def _refuse_setting(name: str, value: str, where: str) -> None:
    """Refuse a value that a setting cannot have. `where` is how AWS's message begins."""
    if name == "Policy":
        _refuse_policy(value)
    elif name == "DisplayName" and len(value) > _LONGEST_NAME:
        raise InvalidParameterValue(f"{where}{name}")
    elif name == "SignatureVersion" and value not in ("1", "2"):
        raise InvalidParameterValue(f"{where}{name}: Invalid value. Must be 1 or 2.")
    elif name == "TracingConfig" and value not in ("Active", "PassThrough"):
        raise InvalidParameterValue(f"{where}Invalid tracing config value: {value}")
    elif name.endswith("SampleRate") and not (value.isdecimal() and int(value) <= 100):
        text = "value provided is not an integer between 0-100"
        raise InvalidParameterValue(f"{where}{name}: {text}")
    elif name == "DeliveryPolicy" and value and not _is_object(value):
        raise InvalidParameterValue(f"{where}{name}: failed to parse JSON")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _refuse_policy(text: str | None) -> None:
    """Refuse what is no policy, and one with an action that is not on a topic, such as `sns:*`.
    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
    """
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        found = None
    statements = found.get("Statement") if isinstance(found, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(isinstance(s, dict) for s in statements):
        raise InvalidParameterValue("Invalid parameter: Policy Error: null")
    for statement in statements:
        given = statement.get("Action", [])
        for action in given if isinstance(given, list) else [given]:
            if str(action).lower() not in _IN_SCOPE:
                raise InvalidParameterValue(
                    "Invalid parameter: Policy statement action out of service scope!"
                )


@replaces(SNSBackend)
def remove_permission(backend: SNSBackend, topic_arn: str, label: str) -> None:
    """A statement without a label is never meant; moto fails on one."""
    with nameless_aside(backend.get_topic(topic_arn)._policy_json):
        original(remove_permission)(backend, topic_arn, label)


@replaces(SNSBackend)
def add_permission(backend: SNSBackend, *args: Any, **options: Any) -> None:
    """What cannot be a statement is an invalid parameter, which moto does not say."""
    topic = backend.get_topic(options["topic_arn"])
    try:
        with nameless_aside(topic._policy_json):
            original(add_permission)(backend, *args, **options)
    except SNSInvalidParameter as error:
        raise InvalidParameterValue(f"Invalid parameter: {error.message}") from None


@replaces(SNSResponse)
def tag_resource(response: SNSResponse) -> Any:
    """The keys of the tags in a call differ."""
    keys = [tag["Key"] for tag in response._get_param("Tags", [])]
    if len(set(keys)) < len(keys):
        raise InvalidParameterValue("Invalid parameter: Duplicated keys are not allowed.")
    return original(tag_resource)(response)
