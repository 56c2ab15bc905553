"""The rates that AWS keeps an account and region to, where they decide how long a class takes.

They are the account's, so all learners share them, and nobody can raise those of API Gateway.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/general/latest/gr/sns.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """One call each `seconds` in the long run, and up to `burst` at once."""

    seconds: float
    burst: int = 1

    def takes(self, calls: int) -> float:
        """The seconds that so many calls need at least, with the time after the last."""
        return max(0, calls - self.burst + 1) * self.seconds


# By service, for all of its calls together, and by service and operation. The services are named as
# botocore's event hooks name them.
RATES = {
    "api-gateway": Rate(1 / 10, 40),
    "api-gateway.CreateApiKey": Rate(1 / 5, 5),
    "api-gateway.CreateDeployment": Rate(5),
    "api-gateway.CreateResource": Rate(1 / 5, 5),
    "api-gateway.CreateRestApi": Rate(3),
    "api-gateway.DeleteApiKey": Rate(1 / 5, 5),
    "api-gateway.DeleteRestApi": Rate(30),
    "api-gateway.GetResources": Rate(2 / 5, 5),
    "api-gateway.UpdateUsagePlan": Rate(20),
    "lambda": Rate(1 / 15, 15),
    "lambda.GetFunction": Rate(1 / 100, 100),
    "lambda.GetPolicy": Rate(1 / 15, 15),
    "sns.ListSubscriptionsByTopic": Rate(1 / 30, 30),
    "sns.ListTopics": Rate(1 / 30, 30),
    "sns.ListTagsForResource": Rate(1 / 10, 10),
    "sns.TagResource": Rate(1 / 10, 10),
    "dynamodb.ListTagsOfResource": Rate(1 / 10, 10),
    "dynamodb.TagResource": Rate(1 / 5, 5),
}
_APART = ("lambda.GetFunction", "lambda.GetPolicy", "lambda.Invoke")  # not of the control plane


def names_for(service: str, operation: str) -> tuple[str, ...]:
    """The names of the rates that a call counts for."""
    own = f"{service}.{operation}"
    names = (own,) if own in _APART else (service, own)
    return tuple(name for name in names if name in RATES)


def slowest(calls: Mapping[str, int]) -> tuple[str, float]:
    """The rate that decides how long these calls take, by service and operation, and how many
    seconds that is at least."""
    counts: dict[str, int] = {}
    for call, count in calls.items():
        for name in names_for(*call.split(".")):
            counts[name] = counts.get(name, 0) + count
    found = {name: RATES[name].takes(count) for name, count in counts.items()}
    return max(found.items(), key=lambda each: each[1], default=("", 0.0))


def in_words(name: str) -> str:
    """A rate, for people: "CreateDeployment, one in 5 s"."""
    _, _, operation = name.partition(".")
    rate = RATES[name]
    often = f"one in {rate.seconds:g} s" if rate.seconds >= 1 else f"{1 / rate.seconds:g} a second"
    return f"{operation or f'all calls of {name}'}, {often}"


def minutes(seconds: float) -> str:
    """A time, for people: "90 s", "2.5 min"."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{round(seconds / 60, 1):g} min"
