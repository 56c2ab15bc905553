"""A subscription: whose it is, how it gets its messages, and whether its owner has confirmed it.

moto confirms every address by itself.

https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html
"""

from __future__ import annotations

import json
import secrets
from typing import Any

import moto.sns.models as moto_sns

from localcloud.upstream import replaces

_PENDING = "PendingConfirmation"


@replaces(moto_sns, "Subscription")
class Subscription(moto_sns.Subscription):
    """moto's subscription, which may be pending: the link that confirms it contains `token`."""

    token = ""

    @property
    def is_pending(self) -> bool:
        return str(self.attributes.get(_PENDING)).lower() == "true"

    @property
    def is_raw(self) -> bool:
        """Whether a queue or an endpoint gets the bare message, without the envelope."""
        return str(self.attributes.get("RawMessageDelivery")).lower() == "true"

    def ask(self) -> None:
        """Make it pending, with a new token, until the owner of the address confirms."""
        self.token = secrets.token_hex(32)
        self.attributes[_PENDING] = "true"

    def confirm(self) -> None:
        self.token = ""
        self.attributes[_PENDING] = "false"

    def describe(self) -> dict[str, Any]:
        return {
            "arn": self.arn,
            "protocol": self.protocol,
            "endpoint": self.endpoint,
            "state": "pending" if self.is_pending else "confirmed",
            "filter_policy": self._filter_policy,
            "dead_letter_target": self.dead_letter_target,
        }

    @property
    def dead_letter_target(self) -> str | None:
        """The queue for what cannot be delivered, if a redrive policy names one."""
        policy = self.attributes.get("RedrivePolicy")
        return json.loads(policy)["deadLetterTargetArn"] if policy else None
