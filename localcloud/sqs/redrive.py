"""Dead-letter queues: which queue may send its dead letters where, and what a policy must say.

moto does not ask whether the other queue takes them, and has words of its own for a missing one.
AWS lets a queue send them to itself, too.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.sqs.exceptions import InvalidParameterValue, SQSException
from moto.sqs.models import Queue, sqs_backends

from localcloud import arn as arns
from localcloud import upstream
from localcloud.arn import Arn
from localcloud.sqs import names
from localcloud.sqs.rules import is_within
from localcloud.upstream import original, replaces

_MAX_RECEIVES = 1000
_MAX_SOURCES = 10
_MEMBERS = ("maxReceiveCount", "deadLetterTargetArn")
_ALLOW_MEMBERS = {"redrivePermission", "sourceQueueArns"}
_PERMISSIONS = ("allowAll", "byQueue", "denyAll")
_CANNOT = "Amazon SQS can't create the redrive allow policy"
_UNSUPPORTED = (
    f"Invalid value for the parameter RedriveAllowPolicy. Reason: {_CANNOT}, as it\u2019s in an "
    "unsupported format."
)
_NO_MAP = "Redrive policy is not a valid JSON map."


def refuse_policy(policy: Any) -> None:
    """Refuse a redrive policy that no queue could have. None or an empty one takes it away."""
    if policy:
        found = policy if isinstance(policy, dict) else _read(policy)
        _refuse("RedrivePolicy", policy, _problem(found))


def _problem(policy: Any) -> str:
    if not isinstance(policy, dict):
        return _NO_MAP
    for name in _MEMBERS:
        if name not in policy:
            return f"Redrive policy does not contain mandatory attribute: {name}."
    if policy.keys() - set(_MEMBERS):
        return f"Only following attributes are supported: [{', '.join(_MEMBERS)}]."
    if not is_within(count := policy["maxReceiveCount"], 1, _MAX_RECEIVES):
        return (
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to "
            f"{_MAX_RECEIVES} both inclusive."
        )
    return ""


def refuse_allow_policy(policy: str | None) -> None:
    """Refuse what does not say which queues may send their dead letters."""
    if not policy:
        return
    found = _read(policy)
    sources = found.get("sourceQueueArns") if isinstance(found, dict) else None
    if (
        not isinstance(found, dict)
        or found.get("redrivePermission") not in _PERMISSIONS
        or found.keys() - _ALLOW_MEMBERS
        or not (sources is None or _are_texts(sources))
    ):
        raise SQSException("InvalidAttributeValue", _UNSUPPORTED)
    _refuse("RedriveAllowPolicy", policy, _sources_problem(found["redrivePermission"], sources))


def _sources_problem(permission: str, sources: list[str] | None) -> str:
    if permission != "byQueue":
        must = "To specify one or more source queue ARNs, you must set redrivePermission to byQueue"
        return "" if sources is None else f"{_CANNOT}. {must}."
    if not sources:
        must = "When you specify the byQueue permission type, you must also specify one or more"
        return f"{_CANNOT}. {must} sourceQueueArns values."
    if len(sources) > _MAX_SOURCES:
        most = "The maximum number of source queue ARNs you can specify is"
        return f"{_CANNOT}. {most} {_MAX_SOURCES}."
    return ""


def _are_texts(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


@replaces(Queue)
def _setup_dlq(queue: Queue, policy: Any) -> None:
    """Dead letters go to a queue here that takes them, and is not too new."""
    given = json.loads(policy or "{}") if isinstance(policy, str) else policy
    if given:
        _refuse("RedrivePolicy", json.dumps(given), _target_problem(queue, given))
    original(_setup_dlq)(queue, policy)


def _target_problem(queue: Queue, policy: dict[str, Any]) -> str:
    target = arns.parse(str(policy["deadLetterTargetArn"]))
    if target.service != "sqs":
        return "Only SQS queues are valid resources for deadLetterTargetArn."
    if target.region != queue.region:
        return "Dead-letter target must be in same region as the source."
    if target.account != queue.account_id:
        return "Dead-letter target owner should be same as the source."
    if target.resource.endswith(".fifo"):
        return "Dead-letter queue must be same type of queue as the source."
    found = _queue(target)
    if found is None:
        return "Dead letter target does not exist."
    if not _takes(found, queue.queue_arn):
        return (
            "The redrive allow policy of the dead-letter queue does not let this queue send to it."
        )
    return ""


def _queue(arn: Arn) -> Queue | None:
    backend = upstream.backend(sqs_backends, arn.account, arn.region)
    if backend is None or names.is_too_new(backend, arn.resource):
        return None
    found: Queue | None = backend.queues.get(arn.resource)
    return found


def _takes(queue: Any, source: str) -> bool:
    allows = json.loads(queue.redrive_allow_policy or "{}")
    permission = allows.get("redrivePermission", "allowAll")
    return permission == "allowAll" or source in allows.get("sourceQueueArns", ())


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str, value: Any, problem: str) -> None:
    if problem:
        raise InvalidParameterValue(
            f"Value {value} for parameter {name} is invalid. Reason: {problem}"
        )
