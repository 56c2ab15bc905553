"""A message on a queue."""

from __future__ import annotations

import moto.sqs.models as moto_sqs

from localcloud import clock
from localcloud.message_attributes import size_of
from localcloud.upstream import replaces


@replaces(moto_sqs, "Message")
class QueuedMessage(moto_sqs.Message):
    """moto's message, timed by our clock. A dead letter remembers which queue gave it up."""

    dead_letter_source: str | None = None  # the ARN of that queue
    received_ms: float = 0.0  # when it was last received

    @property
    def due_ms(self) -> float:
        """When it can next be received, in epoch milliseconds."""
        return max(self.visible_at, self.delayed_until)

    @property
    def size(self) -> int:
        """What counts against limits: the bytes of the body and the attributes."""
        return size_of(self.body, self.message_attributes)

    @property
    def attributes(self) -> dict[str, str]:
        """AWS's system attributes of the message, as of its last receive.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
        """
        attributes = {
            "ApproximateReceiveCount": str(self.approximate_receive_count),
            "SentTimestamp": str(self.sent_timestamp),
            "SenderId": self.sender_id,
            "ApproximateFirstReceiveTimestamp": str(self.approximate_first_receive_timestamp),
        }
        if trace := self.system_attributes.get("AWSTraceHeader"):
            attributes["AWSTraceHeader"] = trace["StringValue"]
        if self.group_id:
            attributes["MessageGroupId"] = self.group_id
        if self.dead_letter_source:
            attributes["DeadLetterQueueSourceArn"] = self.dead_letter_source
        return attributes

    @staticmethod
    def validate_attribute_name(name: str) -> None:
        """moto knows fewer names than AWS; ours are checked before it sees them."""

    def change_visibility(self, visibility_timeout: int) -> None:
        self.visible_at = clock.after_ms(visibility_timeout)

    def delay(self, delay_seconds: int) -> None:
        self.delayed_until = clock.after_ms(delay_seconds)
