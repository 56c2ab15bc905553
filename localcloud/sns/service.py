"""SNS: confirmations, the permissions for each call, and topics for the other services."""

from __future__ import annotations

import re
from typing import Any

from moto.sns.exceptions import SNSException
from moto.sns.models import Topic, sns_backends

from localcloud import arn as arns
from localcloud import upstream
from localcloud.arn import Arn
from localcloud.call import Call
from localcloud.http import Response
from localcloud.iam.policies import Policy
from localcloud.service import Attributes, Needed, Service
from localcloud.sns import limits, subscriptions, topics
from localcloud.sns.delivery import Delivery
from localcloud.sns.mailbox import Mailbox
from localcloud.upstream import ACCOUNT_ID

__all__ = ["SNS", "topics"]  # topics.py has to be imported for what it replaces

_TOKEN = re.compile("[0-9a-f]{64,}")


class SNS(Service):
    """Topics, their subscriptions, and the mailbox for e-mail."""

    name = "sns"

    def __init__(self, mailbox: Mailbox) -> None:
        self.delivery = Delivery(mailbox)

    async def handle(self, call: Call) -> Response | None:
        if limits.unreadable(call):
            return call.error(400, "MalformedInput", "Base64 encoded length is unexpected")
        if problem := limits.arn_problem(call):
            return call.error(400, "InvalidParameter", f"Invalid parameter: {problem}")
        if call.operation == "ConfirmSubscription":
            return _confirm(call)
        if call.operation == "Subscribe" and call.parameters.get("ReturnSubscriptionArn") != "true":
            return _without_pending(call, b"pending confirmation")
        if call.operation.startswith("ListSubscriptions"):
            return _without_pending(call, b"PendingConfirmation")
        return None

    def needed(self, call: Call) -> Needed:
        """Batches have no action of their own: `sns:Publish` covers PublishBatch."""
        given = call.parameters
        named = (given.get(name) for name in ("TopicArn", "TargetArn", "ResourceArn"))
        subscription = given.get("SubscriptionArn", "").rpartition(":")[0]
        of_name = f"arn:aws:sns:{call.region}:{ACCOUNT_ID}:{given.get('Name', '*')}"
        yield (
            f"sns:{call.operation.removesuffix('Batch')}",
            next(filter(None, named), subscription or of_name),
        )

    def find(self, arn: Arn) -> Topic | None:
        backend = upstream.backend(sns_backends, arn.account, arn.region)
        return backend and backend.topics.get(str(arn))

    def policy_of(self, arn: Arn) -> Policy:
        topic = self.find(arn)
        return topic.policy if topic else None

    def take(self, arn: Arn, text: str, attributes: Attributes) -> str:
        renamed = {
            name: {"Type": value["DataType"], "Value": value["StringValue"]}
            for name, value in attributes.items()
        }
        backend = sns_backends[arn.account][arn.region]
        try:
            backend.publish(text, arn=str(arn), message_attributes=renamed)
        except SNSException as error:
            return str(error)
        return ""

    def describe(self) -> dict[str, Any]:
        return {
            "topics": [_described(topic) for topic in _topics()],
            "retries": [retry.__dict__ for retry in self.delivery.retries],
            "mailbox": self.delivery.mailbox.describe(),
        }

    def is_idle(self) -> bool:
        return self.delivery.is_idle()

    def saved(self) -> Any:
        return self.delivery.mailbox.saved()

    def restore(self, saved: Any) -> None:
        self.delivery.mailbox.restore(saved)

    def stop(self) -> None:
        self.delivery.stop()

    def reset(self) -> None:
        self.delivery.mailbox.clear()


def _topics() -> list[Topic]:
    return [t for backend in upstream.backends(sns_backends) for t in backend.topics.values()]


def _described(topic: Topic) -> dict[str, Any]:
    mine = (each for each in subscriptions.subscriptions() if each.topic is topic)
    return {
        "name": arns.parse(topic.arn).resource,
        "arn": topic.arn,
        "display_name": topic.display_name,
        "subscriptions": [each.describe() for each in mine],
    }


def _without_pending(call: Call, label: bytes) -> Response:
    """moto's answer, without the ARNs of pending subscriptions."""
    response = upstream.ask(call.request)
    body = subscriptions.hide_pending(response.body, label)
    headers = tuple(h for h in response.headers if h[0].lower() != "content-length")
    return Response(response.status, body, headers)


def _confirm(call: Call) -> Response:
    token = call.parameters.get("Token", "")
    arn = subscriptions.confirm(token)
    if arn is None:
        text = "Invalid parameter: Token" if _TOKEN.fullmatch(token) else "Invalid token"
        return call.error(400, "InvalidParameter", text)
    body = (
        "<ConfirmSubscriptionResponse><ConfirmSubscriptionResult>"
        f"<SubscriptionArn>{arn}</SubscriptionArn>"
        "</ConfirmSubscriptionResult></ConfirmSubscriptionResponse>"
    )
    return Response(200, body.encode(), (("Content-Type", "text/xml"),))
