"""The rates that AWS keeps an account and region to, where they decide how long a class takes.

They are the account's, so all learners share them, and nobody can raise those of API Gateway. The
numbers, with their sources, are those of the cloud that is like AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcloud import like_aws


@dataclass(frozen=True)
class Rate:
    """One call each `seconds` in the long run, and up to `burst` at once."""

    seconds: float
    burst: int = 1

    def takes(self, calls: int) -> float:
        """The seconds that so many calls need at least, with the time after the last."""
        return max(0, calls - self.burst + 1) * self.seconds


def _by_name() -> Iterator[tuple[str, Rate]]:
    for rate in like_aws.RATES:
        service = _HOOKS.get(rate.service, rate.service)
        for name in [f"{service}.{each}" for each in rate.operations] or [service]:
            yield name, Rate(rate.seconds / rate.calls, int(rate.most))


_HOOKS = {"apigateway": "api-gateway"}  # as botocore's event hooks name a service
# By service, for all of its calls together, and by service and operation.
RATES = dict(_by_name())
# Those that do not count for their service.
_APART = {
    f"{_HOOKS.get(rate.service, rate.service)}.{each}"
    for rate in like_aws.RATES
    for each in rate.besides
}


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
