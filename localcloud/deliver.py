"""Delivers from one service to another: to a queue, a topic or a function, by its ARN.

The sender is a role or an AWS service. This module checks that the sender is allowed to send.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from localcloud import arn as arns
from localcloud.iam.policies import Policy, role_allows, service_may
from localcloud.service import Attributes, Service

# The action that sending there needs, and what the target is called.
_ACTIONS = {
    "sqs": ("sqs:SendMessage", "queue"),
    "sns": ("sns:Publish", "topic"),
    "lambda": ("lambda:InvokeFunction", "function"),
}
_NO_SERVICE = Service()
_services: dict[str, Service] = {}


class CannotInvokeError(Exception):
    """There is no such function, or the sender may not invoke it."""


class ThrottledError(Exception):
    """The function already runs as often at the same time as its reserved concurrency allows, or
    was not free in time.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
    """

    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    message = "Rate Exceeded."


@dataclass(frozen=True)
class Role:
    """Who sends, or receives, with this role. The role's policies must allow it, or the target's;
    neither may deny it."""

    arn: str

    def problem(self, action: str, target: str) -> str:
        """Why it may not do `action` on the target, or "" """
        if role_allows(self.arn, action, target, policy_of(target)):
            return ""
        if role_allows(self.arn, action, target):
            return f"the policy of {target} denies it"
        return f"its role lacks {action}"


@dataclass(frozen=True)
class ServicePrincipal:
    """AWS itself as the sender ("sns.amazonaws.com"), for the thing with the ARN `source`. The
    policy of the target must allow it."""

    name: str
    source: str

    def problem(self, action: str, target: str) -> str:
        """Why it may not do `action` on the target, or "" """
        if service_may(policy_of(target), self.name, action, target, self.source):
            return ""
        return f"the policy of {target} does not allow it"


def connect(services: Iterable[Service]) -> None:
    """Set the services to deliver to."""
    _services.clear()
    _services.update({service.name: service for service in services})


def find(arn: str) -> Any | None:
    """The queue, topic or function with this ARN, if there is one."""
    parts = arns.parse(arn)
    return _services.get(parts.service, _NO_SERVICE).find(parts)


def policy_of(arn: str) -> Policy:
    """The resource policy of a queue, topic or function, if there is one."""
    parts = arns.parse(arn)
    return _services.get(parts.service, _NO_SERVICE).policy_of(parts)


def why_not(target: str, sender: Role | ServicePrincipal) -> str:
    """Why the sender cannot send to the queue, topic or function, or "" """
    action, kind = _ACTIONS[arns.parse(target).service]
    return sender.problem(action, target) if find(target) else f"there is no such {kind}"


def deliver(
    target: str, text: str, sender: Role | ServicePrincipal, attributes: Attributes | None = None
) -> str:
    """Send a message to a queue or topic, or invoke a function with it asynchronously. Returns why
    that failed, or "" """
    if problem := why_not(target, sender):
        return problem
    parts = arns.parse(target)
    return _services[parts.service].take(parts, text, attributes or {})


async def invoke(function_arn: str, payload: bytes, sender: Role | ServicePrincipal) -> Any:
    """Invoke a function and wait for its Result. Raises CannotInvokeError or ThrottledError."""
    parts = arns.parse(function_arn)
    if parts.service != "lambda":
        raise CannotInvokeError(f"{function_arn or 'nothing'} is no function")
    if problem := why_not(function_arn, sender):
        raise CannotInvokeError(problem)
    return await _services[parts.service].invoke(parts, payload)
