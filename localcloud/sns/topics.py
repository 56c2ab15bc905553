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
from moto.sns.models import DEFAULT_EFFECTIVE_DELIVERY_POLICY, SNSBackend, Topic
from moto.sns.responses import SNSResponse

from localcloud.upstream import original, replaces

_NAME = re.compile(r"[\w-]{1,256}", re.ASCII)
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


@replaces(SNSBackend)
def add_permission(backend: SNSBackend, *args: Any, **options: Any) -> None:
    """What cannot be a statement is an invalid parameter, which moto does not say."""
    try:
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
