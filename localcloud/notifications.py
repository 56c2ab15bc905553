"""What SNS does after a message was published: calls functions and sends e-mail.

moto keeps the topics and subscriptions; it would run a function in Docker and drops
e-mail. Both are done here: a function is invoked asynchronously, and an address gets mail
once its owner has opened the link in the confirmation.

https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from moto.sns.models import SNSBackend, Subscription, sns_backends

from localcloud.asynchronous import AsyncInvocations
from localcloud.mailbox import Mailbox
from localcloud.state import State
from localcloud.tasks import Tasks

logger = logging.getLogger(__name__)
_moto_publish, _moto_subscribe = Subscription.publish, SNSBackend.subscribe


class Notifications:
    """Delivers what is published to functions and mailboxes."""

    def __init__(self, state: State, invocations: AsyncInvocations, mailbox: Mailbox) -> None:
        self._state = state
        self._invocations = invocations
        self._mailbox = mailbox
        self._tasks = Tasks()
        self._pending: dict[str, tuple[str, Subscription]] = {}  # by subscription ARN
        self.address = ""  # host:port, once the server is bound
        self._install()

    def confirm(self, token: str) -> str | None:
        """Confirm the subscription that the token was mailed for; its ARN, or None."""
        for arn, (expected, subscription) in list(self._pending.items()):
            if secrets.compare_digest(token, expected):
                del self._pending[arn]
                subscription.attributes["PendingConfirmation"] = "false"
                return arn
        return None

    def unsubscribe(self, arn: str) -> None:
        """Do what the link at the end of each mail promises."""
        _, _, _, region, account, *_ = arn.split(":")
        sns_backends[account][region].unsubscribe(arn)

    def hide_pending(self, body: bytes, label: bytes) -> bytes:
        """AWS shows `label` in place of an ARN while a subscription waits to be confirmed."""
        for arn in self._pending:
            body = body.replace(arn.encode(), label)
        return body

    def clear(self) -> None:
        self._pending.clear()
        self._mailbox.clear()

    def _install(self) -> None:
        """Put ourselves in the two places where moto subscribes and delivers."""

        def publish(
            subscription: Subscription, message: str, message_id: str, **options: Any
        ) -> None:
            if subscription.protocol in ("lambda", "email", "email-json"):
                self._publish(subscription, message, message_id, **options)
            elif subscription.protocol in ("http", "https"):  # waits for the other side
                call = partial(_moto_publish, subscription, message, message_id, **options)
                self._tasks.start(asyncio.to_thread(call))
            else:
                _moto_publish(subscription, message, message_id, **options)

        def subscribe(
            backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str
        ) -> Subscription:
            known = set(backend.subscriptions)
            subscription = _moto_subscribe(backend, topic_arn, endpoint, protocol)
            is_new = subscription.arn not in known
            if protocol.startswith("email") and (is_new or subscription.arn in self._pending):
                self._ask_for_confirmation(subscription)
            return subscription

        Subscription.publish = publish
        SNSBackend.subscribe = subscribe

    def _publish(
        self,
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        message_structure: str | None = None,
        **_: Any,
    ) -> None:
        matcher = subscription._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if message_structure == "json":
            message = subscription._parse_message_structure(message, subscription.protocol)
        if subscription.protocol == "lambda":
            self._call(
                subscription,
                self._notification(subscription, message, message_id, subject, message_attributes),
            )
        elif subscription.arn not in self._pending:
            link = self._link(Action="Unsubscribe", SubscriptionArn=subscription.arn)
            text = f"{message}\n\n--\nTo stop these mails, open\n{link}\n"
            self._send_mail(subscription, subject or "AWS Notification Message", text)

    def _call(self, subscription: Subscription, notification: dict[str, Any]) -> None:
        function = self._state.function(subscription.endpoint, "")
        if function is not None:
            record = {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription.arn,
                "Sns": notification,
            }
            self._invocations.add(function, json.dumps({"Records": [record]}).encode())
            return
        logger.warning("%s notifies a function that is gone", subscription.topic.name)
        if policy := subscription.attributes.get("RedrivePolicy"):
            target = json.loads(policy)["deadLetterTargetArn"]
            self._state.send(target, json.dumps(notification), {})

    def _ask_for_confirmation(self, subscription: Subscription) -> None:
        token = secrets.token_hex(32)
        self._pending[subscription.arn] = (token, subscription)
        subscription.attributes["PendingConfirmation"] = "true"
        topic_arn = subscription.topic_arn
        link = self._link(Action="ConfirmSubscription", TopicArn=topic_arn, Token=token)
        self._send_mail(
            subscription,
            "AWS Notification - Subscription Confirmation",
            f"You have chosen to subscribe to the topic:\n{topic_arn}\n\nTo confirm this "
            f"subscription, open the link below. If this was not you, do nothing.\n{link}\n",
        )

    def _send_mail(self, subscription: Subscription, subject: str, text: str) -> None:
        sender = subscription.topic.display_name or "AWS Notifications"
        self._mailbox.send(sender, subscription.endpoint, subject, text)

    def _notification(
        self,
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None,
        message_attributes: dict[str, Any] | None,
    ) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": subscription.topic_arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": now,
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertUrl": "EXAMPLE",
            "UnsubscribeUrl": self._link(Action="Unsubscribe", SubscriptionArn=subscription.arn),
            "MessageAttributes": message_attributes or {},
        }

    def _link(self, **query: str) -> str:
        return f"http://{self.address}/?{urlencode(query)}"
