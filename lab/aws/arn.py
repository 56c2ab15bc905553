"""ARNs, taken apart: botocore splits them, and here the thing's own name is read from the rest."""

from __future__ import annotations

from typing import NamedTuple

from botocore.utils import ArnParser, InvalidArnException


class Arn(NamedTuple):
    """The parts of an ARN. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))

    @property
    def name(self) -> str:
        """The name of the thing: "Orders" of a topic, "take_order" of "function:take_order"."""
        kind, colon, rest = self.resource.partition(":")
        return rest if colon and kind in ("function", "log-group") else kind


def parse(text: str) -> Arn | None:
    """The parts of an ARN; None for what is none, such as "PendingConfirmation"."""
    try:
        return Arn(**ArnParser().parse_arn(text))
    except InvalidArnException:
        return None


def is_arn_of(text: str, service: str, name: str) -> bool:
    """Whether this is the ARN of the thing with this name in this service."""
    arn = parse(text)
    return arn is not None and (arn.service, arn.name) == (service, name)


def name_in(text: str) -> str:
    """The name of the thing that an ARN is of. Raises ValueError for what is no ARN."""
    return _parsed(text).name


def topic_of(subscription_arn: str) -> str:
    """The ARN of a subscription's topic, which is the subscription's but for its end."""
    arn = _parsed(subscription_arn)
    return str(arn._replace(resource=arn.name))


def _parsed(text: str) -> Arn:
    arn = parse(text)
    if arn is None:
        raise ValueError(f"expected an ARN, found {text!r}")
    return arn
