"""What SNS does after a message was published: calls functions, fills queues, sends e-mail.

moto keeps the topics and subscriptions; it would run a function in Docker, drops e-mail and
asks no queue for leave. All that is done here: a function is invoked asynchronously, a queue
gets what its policy lets in, a URL gets a POST, and an address gets mail once its owner has opened
the link in the confirmation. Whatever a subscriber cannot be given is a dead letter of the
subscription, or, where it has no such queue, recorded as lost; it never disturbs the others.

https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import urllib3
from moto.sns.models import SNSBackend, Subscription, sns_backends
from moto.sns.utils import FilterPolicyMatcher

from localcloud import clock, losses
from localcloud.iam.policies import policy_of, service_may
from localcloud.lambda_.async_invoke import AsyncInvocations
from localcloud.sns import limits as publishing
from localcloud.sns import subscriptions as subscribing
from localcloud.sns.mailbox import Mailbox
from localcloud.tasks import Tasks
from localcloud.upstream import ACCOUNT_ID, State

logger = logging.getLogger(__name__)
_SERVICE = "sns.amazonaws.com"
_PAUSES = (1.0, 5.0, 20.0)  # in seconds, before what the cloud could not deliver is tried again
_POST_SECONDS = 15.0  # that an HTTP endpoint has to answer
_moto_subscribe = SNSBackend.subscribe


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
        for backend in sns_backends[ACCOUNT_ID].values():
            if arn in backend.subscriptions:
                backend.unsubscribe(arn)

    def hide_pending(self, body: bytes, label: bytes) -> bytes:
        """AWS shows `label` in place of an ARN while a subscription waits to be confirmed."""
        for arn in self._pending:
            body = body.replace(arn.encode(), label)
        return body

    def stop(self) -> None:
        """Give up what is to be delivered later."""
        self._tasks.cancel()

    def clear(self) -> None:
        self.stop()
        self._pending.clear()
        self._mailbox.clear()

    def _install(self) -> None:
        """Put ourselves in the two places where moto subscribes and delivers."""

        def publish(
            subscription: Subscription, message: str, message_id: str, **options: Any
        ) -> None:
            self._publish(subscription, message, message_id, **options)

        def subscribe(
            backend: SNSBackend, topic_arn: str, endpoint: str, protocol: str
        ) -> Subscription:
            subscribing.refuse_endpoint(protocol, endpoint)
            known = set(backend.subscriptions)
            subscription = _moto_subscribe(backend, topic_arn, endpoint, protocol)
            is_new = subscription.arn not in known
            if protocol.startswith("email") and (is_new or subscription.arn in self._pending):
                self._ask_for_confirmation(subscription)
            return subscription

        publishing.install()
        subscribing.install()
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
        """Give the message to one subscriber. Raises nothing: the others must get it all the same,
        and whatever it is that goes wrong, the message must not be lost. `message` is as it was
        published, which has a text for each protocol."""
        if subscription.arn in self._pending:
            return
        text = message
        if message_structure == "json":
            text = publishing.text_for(subscription.protocol, message)
        notification = self._notification(
            subscription, text, message_id, subject, message_attributes
        )
        try:
            passes = _passes(subscription, message, message_attributes)
        except Exception as error:  # moto cannot compare the two
            problem = f"its filter policy does not fit the message ({error!r})"
            self._dead_letter(subscription, notification, problem)
        else:
            if passes:
                self._deliver(subscription, notification)

    def _deliver(
        self, subscription: Subscription, notification: dict[str, Any], failures: int = 0
    ) -> None:
        """What the other side refuses is a dead letter at once; where the cloud itself failed, it
        is tried again a few times first.
        https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
        """
        deliver = {"lambda": self._invoke, "sqs": self._send, "email": self._mail}.get(
            subscription.protocol.removesuffix("-json"), self._post
        )
        try:
            problem = deliver(subscription, notification)
        except Exception as error:
            if failures < len(_PAUSES):
                logger.exception("%s could not be notified, and will be again", subscription.arn)
                again = self._deliver_later(subscription, notification, failures)
                self._tasks.start(again)
                return
            problem = f"the local cloud failed ({error!r})"
        if problem:
            self._dead_letter(subscription, notification, problem)

    async def _deliver_later(
        self, subscription: Subscription, notification: dict[str, Any], failures: int
    ) -> None:
        await asyncio.sleep(clock.seconds(_PAUSES[failures]))
        self._deliver(subscription, notification, failures + 1)

    def _post(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Send to an HTTP endpoint, on a thread, as that waits for the other side."""

        async def post() -> None:
            problem = await asyncio.to_thread(_posted, subscription, notification)
            if problem:
                self._dead_letter(subscription, notification, problem)

        self._tasks.start(post())
        return ""

    def _mail(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        link = notification["UnsubscribeUrl"]
        text = f"{notification['Message']}\n\n--\nTo stop these mails, open\n{link}\n"
        subject = notification["Subject"] or "AWS Notification Message"
        lost = partial(self._dead_letter, subscription, notification)
        self._send_mail(subscription, subject, text, lost)
        return ""

    def _invoke(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Invoke the function, asynchronously; why that could not be done, or "" """
        function = self._state.function(subscription.endpoint, "")
        if function is None:
            return "the function is gone"
        policy = policy_of(function)
        action, arn = "lambda:InvokeFunction", function.function_arn
        if not service_may(policy, _SERVICE, action, arn, subscription.topic_arn):
            return "the function's policy does not allow it"
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "Sns": notification,
        }
        self._invocations.add(function, json.dumps({"Records": [record]}).encode())
        return ""

    def _send(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Send to the queue; why that could not be done, or "" """
        if str(subscription.attributes.get("RawMessageDelivery")).lower() != "true":
            return self._send_to(subscription.endpoint, subscription, _envelope(notification))
        attributes = {
            name: {"DataType": value["Type"], _field(value): _value(value)}
            for name, value in notification["MessageAttributes"].items()
        }
        text = notification["Message"]
        return self._send_to(subscription.endpoint, subscription, text, attributes)

    def _send_to(
        self,
        queue_arn: str,
        subscription: Subscription,
        text: str,
        attributes: dict[str, dict[str, Any]] | None = None,
    ) -> str:
        queue = self._state.queue(queue_arn)
        if queue is None:
            return "the queue is gone"
        action, topic_arn = "sqs:SendMessage", subscription.topic_arn
        if not service_may(queue.policy, _SERVICE, action, queue_arn, topic_arn):
            return "the queue's policy does not allow it"
        return self._state.send(queue_arn, text, attributes)

    def _dead_letter(
        self, subscription: Subscription, notification: dict[str, Any], problem: str
    ) -> None:
        """What nobody can take goes straight to the subscription's dead-letter queue, if that
        lets the topic in. https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
        """
        name = subscription.topic.name
        # Not the endpoint, which may be an address, or hold a secret.
        logger.warning("%s cannot notify %s: %s", name, subscription.arn, problem)
        try:
            lost = self._to_dead_letter_queue(subscription, notification)
        except Exception as error:  # it was the last chance
            lost = f"the local cloud failed ({error!r})"
        if lost:
            place = "notification without a dead-letter queue"
            losses.record(place, subscription.arn, f"{problem}; {lost}")

    def _to_dead_letter_queue(
        self, subscription: Subscription, notification: dict[str, Any]
    ) -> str:
        """Why it could not be sent there, or "" """
        policy = subscription.attributes.get("RedrivePolicy")
        if not policy:
            return "the subscription has no dead-letter queue"
        target = json.loads(policy)["deadLetterTargetArn"]
        problem = self._send_to(target, subscription, _envelope(notification))
        return problem and f"its dead-letter queue {target}: {problem}"

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
            partial(losses.record, "confirmation", subscription.arn),
        )

    def _send_mail(
        self, subscription: Subscription, subject: str, text: str, lost: Callable[[str], None]
    ) -> None:
        sender = subscription.topic.display_name or "AWS Notifications"
        self._mailbox.send(sender, subscription.endpoint, subject, text, lost)

    def _notification(
        self,
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None,
        message_attributes: dict[str, Any] | None,
    ) -> dict[str, Any]:
        return {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": subscription.topic_arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": clock.timestamp(),
            "SignatureVersion": "1",
            "Signature": "EXAMPLE",
            "SigningCertUrl": "EXAMPLE",
            "UnsubscribeUrl": self._link(Action="Unsubscribe", SubscriptionArn=subscription.arn),
            "MessageAttributes": message_attributes or {},
        }

    def _link(self, **query: str) -> str:
        return f"http://{self.address}/?{urlencode(query)}"


def _posted(subscription: Subscription, notification: dict[str, Any]) -> str:
    """Send to an HTTP endpoint; why it does not have it, or "". What the error of a connection
    says repeats the URL, which may hold a secret.
    https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
    """
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": "Notification",
        "x-amz-sns-message-id": notification["MessageId"],
        "x-amz-sns-topic-arn": subscription.topic_arn,
        "x-amz-sns-subscription-arn": subscription.arn,
    }
    try:
        answer = urllib3.request(
            "POST",
            subscription.endpoint,
            body=_envelope(notification).encode(),
            headers=headers,
            timeout=_POST_SECONDS,
            retries=False,
            preload_content=False,
        )
        answer.close()  # what it says besides is no matter, however much it is
    except Exception as error:  # whatever the other side is, or is not
        return type(error).__name__
    return "" if 200 <= answer.status < 300 else f"the endpoint answered {answer.status}"


def _passes(
    subscription: Subscription, message: str, message_attributes: dict[str, Any] | None
) -> bool:
    """Whether the subscription's filter policy lets the message through. The matcher is made
    here, as moto's own does not hear of a scope that is set after the policy.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html
    """
    policy = subscription._filter_policy
    if not policy:
        return True
    scope = subscription.attributes.get("FilterPolicyScope")
    return bool(FilterPolicyMatcher(policy, scope).matches(message_attributes, message))


def _envelope(notification: dict[str, Any]) -> str:
    """The notification as queues get it: two names are spelled in another way than for
    functions, and what is empty is left out.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    renamed = {name.replace("Url", "URL"): value for name, value in notification.items()}
    return json.dumps({name: value for name, value in renamed.items() if value})


def _field(value: dict[str, Any]) -> str:
    return "BinaryValue" if value["Type"].startswith("Binary") else "StringValue"


def _value(value: dict[str, Any]) -> str | bytes:
    text = str(value["Value"])
    return base64.b64decode(text) if value["Type"].startswith("Binary") else text
