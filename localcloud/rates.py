"""How many calls a second are answered: those of a service together, and those of some of its
operations.

Each rate is a bucket of tokens, for the account and a region. A call takes a token of each rate
that counts it, or is refused and takes none.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from localcloud import clock
from localcloud.call import Call
from localcloud.http import Response
from localcloud.like_aws import Rate

_TOO_MANY = (429, "TooManyRequestsException", "Too Many Requests")
_REFUSALS = {
    "apigateway": _TOO_MANY,
    "dynamodb": (400, "ThrottlingException", "Rate of requests exceeds the allowed throughput."),
    "lambda": (429, "TooManyRequestsException", "Rate exceeded"),
    "sns": (400, "Throttling", "Rate exceeded"),
}


@dataclass
class _Bucket:
    tokens: float
    filled_ms: float


class Rates:
    """Counts calls against these rates."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        self._rates = tuple(rates)
        self._buckets: dict[tuple[str, Rate], _Bucket] = {}

    def refusal(self, call: Call) -> Response | None:
        """The answer to a call that comes too soon after others; None for any other."""
        counted = [rate for rate in self._rates if rate.counts(call.service, call.operation)]
        buckets = [self._filled(call.region, rate) for rate in counted]
        if any(bucket.tokens < 1 for bucket in buckets):
            return call.error(*_REFUSALS[call.service])
        for bucket in buckets:
            bucket.tokens -= 1
        return None

    def clear(self) -> None:
        """Forget all calls."""
        self._buckets.clear()

    def _filled(self, region: str, rate: Rate) -> _Bucket:
        """The bucket of a rate, with what has come into it since the last look."""
        now_ms = clock.now_ms()
        bucket = self._buckets.setdefault((region, rate), _Bucket(rate.most, now_ms))
        passed = (now_ms - bucket.filled_ms) / 1000 / clock.seconds(rate.seconds)
        bucket.tokens = min(rate.most, bucket.tokens + passed * rate.calls)
        bucket.filled_ms = now_ms
        return bucket
