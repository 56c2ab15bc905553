"""What SNS does with a published message: calls functions, fills queues, sends e-mail.

moto keeps the topics and subscriptions. But it would run a function in Docker, drops e-mail and
ignores the policies of queues. So this module delivers: it invokes a function asynchronously, gives
a queue what its policy allows, sends a POST to a URL, and mails an address after its owner has
opened the link in the confirmation. What fails goes to the subscription's dead-letter queue, or is
recorded as lost if there is none. It never disturbs the other subscribers.

https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import urllib3
from moto.sns.models import Topic

from localcloud import clock, losses, steps
from localcloud.deliver import ServicePrincipal, deliver
from localcloud.sns import filter_policy, limits
from localcloud.sns.mailbox import Mailbox
from localcloud.sns.subscription import Subscription
from localcloud.tasks import Tasks
from localcloud.upstream import replaces

logger = logging.getLogger(__name__)
_SERVICE = "sns.amazonaws.com"
_PAUSES = (1.0, 5.0, 20.0)  # in seconds, before a delivery that failed in the cloud is tried again
_POST_SECONDS = 15.0  # for an HTTP endpoint to answer
_NO_SIGNATURE = base64.b64encode(b"EXAMPLE").decode()
_CERTIFICATE = f"SimpleNotificationService-{'0' * 32}.pem"


@dataclass(frozen=True)
class Retry:
    """A delivery that failed in the cloud itself, and when it is tried again (epoch ms)."""

    subscription_arn: str
    message_id: str
    due_ms: float
    failures: int


class Delivery:
    """Delivers published messages to functions, queues, URLs and mailboxes."""

    def __init__(self, mailbox: Mailbox) -> None:
        global _running
        _running = self
        self.mailbox = mailbox
        self.address = ""  # host:port, once the server is bound
        self.retries: list[Retry] = []  # that wait for their time
        self._posts: set[asyncio.Task[None]] = set()  # to HTTP endpoints, that are under way
        self._tasks = Tasks()

    def is_idle(self) -> bool:
        return not self.retries and not self._posts and self.mailbox.is_idle()

    def stop(self) -> None:
        """Give up all later deliveries."""
        self._tasks.cancel()
        self.retries.clear()
        self._posts.clear()

    def publish(
        self,
        subscription: Subscription,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        message_structure: str | None = None,
        **_: Any,
    ) -> None:
        """Give the message to one subscriber. Never raises: the other subscribers must get it all
        the same, and no error may lose the message. `message` is as published; if it is structured,
        it has a text for each protocol."""
        if subscription.is_pending:
            return
        text = message
        if message_structure == "json":
            text = limits.text_for(subscription.protocol, message)
        notification = self._notification(
            subscription, text, message_id, subject, message_attributes
        )
        if _passes(subscription, message, message_attributes):
            self._deliver(subscription, notification)
        else:
            _note(subscription, notification, "filtered out")

    def _deliver(
        self, subscription: Subscription, notification: dict[str, Any], failures: int = 0
    ) -> None:
        """Deliver. What the subscriber refuses is a dead letter at once. If the cloud itself fails,
        try again a few times first.
        https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
        """
        deliver = {"lambda": self._invoke, "sqs": self._send, "email": self._mail}.get(
            subscription.protocol.removesuffix("-json"), self._post
        )
        try:
            problem = deliver(subscription, notification)
        except Exception as error:
            if failures < len(_PAUSES):
                logger.exception("%s could not be notified; trying again later", subscription.arn)
                again = self._deliver_later(subscription, notification, failures)
                self._tasks.start(again)
                return
            problem = f"the local cloud failed ({error!r})"
        if problem:
            self._dead_letter(subscription, notification, problem)
        else:
            _note(subscription, notification, "delivered")

    async def _deliver_later(
        self, subscription: Subscription, notification: dict[str, Any], failures: int
    ) -> None:
        due = clock.after_ms(_PAUSES[failures])
        retry = Retry(subscription.arn, notification["MessageId"], due, failures + 1)
        self.retries.append(retry)
        await asyncio.sleep(clock.seconds(_PAUSES[failures]))
        self.retries.remove(retry)
        self._deliver(subscription, notification, failures + 1)

    def _post(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Send to an HTTP endpoint."""
        lost = partial(self._dead_letter, subscription, notification)
        self._post_later(subscription, notification, lost)
        return ""

    def _post_later(
        self, subscription: Subscription, message: dict[str, Any], lost: Callable[[str], None]
    ) -> None:
        """Send on a thread, as that waits for the endpoint."""

        async def post() -> None:
            if problem := await asyncio.to_thread(_posted, subscription, message):
                lost(problem)

        task = self._tasks.start(post())
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    def _mail(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        link = notification["UnsubscribeUrl"]
        text = f"{notification['Message']}\n\n--\nTo stop these mails, open\n{link}\n"
        if subscription.protocol == "email-json":
            text = _envelope(notification)
        subject = notification["Subject"] or "AWS Notification Message"
        lost = partial(self._dead_letter, subscription, notification)
        self._send_mail(subscription, subject, text, lost)
        return ""

    def _invoke(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Invoke the function asynchronously. Returns why that failed, or "" """
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "Sns": notification,
        }
        text = json.dumps({"Records": [record]})
        return deliver(subscription.endpoint, text, _sender(subscription))

    def _send(self, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Send to the queue. Returns why that failed, or "" """
        return self._to_queue(subscription.endpoint, subscription, notification)

    def _to_queue(self, arn: str, subscription: Subscription, notification: dict[str, Any]) -> str:
        """Send to a queue in the form that the subscription asks for."""
        sender = _sender(subscription)
        if not subscription.is_raw:
            return deliver(arn, _envelope(notification), sender)
        attributes = {
            name: {"DataType": value["Type"], _field(value): _value(value)}
            for name, value in notification["MessageAttributes"].items()
        }
        return deliver(arn, notification["Message"], sender, attributes)

    def _dead_letter(
        self, subscription: Subscription, notification: dict[str, Any], problem: str
    ) -> None:
        """Send what cannot be delivered to the subscription's dead-letter queue, if its policy
        allows the topic. https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
        """
        name = subscription.topic.name
        # Not the endpoint: it may be an address, or contain a secret.
        logger.warning("%s cannot notify %s: %s", name, subscription.arn, problem)
        _note(subscription, notification, "not delivered", problem)
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
        """Send it there. Returns why that failed, or "" """
        target = subscription.dead_letter_target
        if target is None:
            return "the subscription has no dead-letter queue"
        problem = self._to_queue(target, subscription, notification)
        return problem and f"its dead-letter queue {target}: {problem}"

    def ask_to_confirm(self, subscription: Subscription) -> None:
        """Ask the owner of an address, or an HTTP endpoint, to confirm by opening a link."""
        topic_arn, token = subscription.topic_arn, subscription.token
        link = self._link(Action="ConfirmSubscription", TopicArn=topic_arn, Token=token)
        lost = partial(losses.record, "confirmation", subscription.arn)
        if subscription.protocol.startswith("http"):
            self._post_confirmation(subscription, link, lost)
            return
        self._send_mail(
            subscription,
            "AWS Notification - Subscription Confirmation",
            f"You have chosen to subscribe to the topic:\n{topic_arn}\n\nTo confirm this "
            f"subscription, open the link below. If this was not you, do nothing.\n{link}\n",
            lost,
        )

    def _post_confirmation(
        self, subscription: Subscription, link: str, lost: Callable[[str], None]
    ) -> None:
        """https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html"""
        question = {
            "Type": "SubscriptionConfirmation",
            "MessageId": str(uuid.uuid4()),
            "Token": subscription.token,
            "TopicArn": subscription.topic_arn,
            "Message": "You have chosen to subscribe to the topic "
            f"{subscription.topic_arn}.\nTo confirm the subscription, visit the SubscribeURL "
            "included in this message.",
            "SubscribeURL": link,
            **self._signed(),
        }
        self._post_later(subscription, question, lost)

    def _send_mail(
        self, subscription: Subscription, subject: str, text: str, lost: Callable[[str], None]
    ) -> None:
        sender = subscription.topic.display_name or "AWS Notifications"
        self.mailbox.send(sender, subscription.endpoint, subject, text, lost)

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
            **self._signed(),
            "UnsubscribeUrl": self._link(Action="Unsubscribe", SubscriptionArn=subscription.arn),
            "MessageAttributes": message_attributes or {},
        }

    def _signed(self) -> dict[str, str]:
        """The fields of a signature. It is of the right form, but nobody can verify it."""
        return {
            "Timestamp": clock.timestamp(),
            "SignatureVersion": "1",
            "Signature": _NO_SIGNATURE,
            "SigningCertUrl": f"http://{self.address}/{_CERTIFICATE}",
        }

    def _link(self, **query: str) -> str:
        return f"http://{self.address}/?{urlencode(query, safe=':')}"


_running: Delivery | None = None  # one for the process, like moto's state


def running() -> Delivery:
    """The delivery of this process's cloud."""
    assert _running is not None
    return _running


@replaces(Topic, "publish")
def publish_to_all(topic: Topic, message: str, **options: Any) -> str:
    """Every subscriber gets the message; moto stops after the first hundred."""
    message_id = str(uuid.uuid4())
    for subscription in topic.sns_backend._get_topic_subscriptions(topic):
        running().publish(subscription, message, message_id, **options)
    return message_id


def _note(
    subscription: Subscription, notification: dict[str, Any], what: str, problem: str = ""
) -> None:
    text = notification["Message"]
    steps.note(subscription.topic_arn, what, text, subscription.arn, problem)


def _sender(subscription: Subscription) -> ServicePrincipal:
    """In whose name a subscriber gets its messages."""
    return ServicePrincipal(_SERVICE, subscription.topic_arn)


def _posted(subscription: Subscription, message: dict[str, Any]) -> str:
    """Send to an HTTP endpoint. Returns why that failed, or "", but not a connection error's own
    text: it repeats the URL, which may contain a secret.
    https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
    """
    is_raw = subscription.is_raw and message["Type"] == "Notification"
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "x-amz-sns-message-type": message["Type"],
        "x-amz-sns-message-id": message["MessageId"],
        "x-amz-sns-topic-arn": subscription.topic_arn,
    }
    if message["Type"] == "Notification":
        headers["x-amz-sns-subscription-arn"] = subscription.arn
    if is_raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    try:
        answer = urllib3.request(
            "POST",
            subscription.endpoint,
            body=(message["Message"] if is_raw else _envelope(message)).encode(),
            headers=headers,
            timeout=_POST_SECONDS,
            retries=False,
            preload_content=False,
        )
        answer.close()  # the body does not matter, and may be long
    except Exception as error:  # the endpoint may be anything
        return type(error).__name__
    return "" if 200 <= answer.status < 300 else f"the endpoint answered {answer.status}"


def _passes(
    subscription: Subscription, message: str, message_attributes: dict[str, Any] | None
) -> bool:
    """Whether the subscription's filter policy lets the message through.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html
    """
    policy, scope = subscription._filter_policy, subscription.attributes.get("FilterPolicyScope")
    return not policy or filter_policy.passes(policy, scope, message, message_attributes or {})


def _envelope(notification: dict[str, Any]) -> str:
    """The notification as queues get it: two names are spelled differently than for functions, and
    empty fields are left out.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    renamed = {name.replace("Url", "URL"): value for name, value in notification.items()}
    return json.dumps({name: value for name, value in renamed.items() if value})


def _field(value: dict[str, Any]) -> str:
    return "BinaryValue" if value["Type"].startswith("Binary") else "StringValue"


def _value(value: dict[str, Any]) -> str | bytes:
    text = str(value["Value"])
    return base64.b64decode(text) if value["Type"].startswith("Binary") else text
