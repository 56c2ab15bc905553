"""AddPermission and RemovePermission, in the words of AWS.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
"""

from __future__ import annotations

from typing import Any

from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import SQSBackend

from localcloud.labels import nameless_aside
from localcloud.upstream import original, replaces

_VERSION = "2008-10-17"  # of a policy that AddPermission makes


@replaces(SQSBackend)
def add_permission(backend: SQSBackend, queue_name: str, **options: Any) -> None:
    """A policy that AddPermission makes has the older version of the policy language."""
    queue = backend.get_queue(queue_name)
    is_new = not queue._policy_json["Statement"]
    with nameless_aside(queue._policy_json):
        original(add_permission)(backend, queue_name=queue_name, **options)
    if is_new:
        queue._policy_json["Version"] = _VERSION


@replaces(SQSBackend)
def remove_permission(backend: SQSBackend, queue_name: str, label: str) -> None:
    """A label that does not exist is an error in AWS's words, not in moto's."""
    policy = backend.get_queue(queue_name)._policy_json
    with nameless_aside(policy):
        if label not in [each["Sid"] for each in policy["Statement"]]:
            raise InvalidParameterValue(
                f"Value {label} for parameter Label is invalid. Reason: can't find label."
            )
        original(remove_permission)(backend, queue_name, label)
