"""The rates of AWS's control planes, with a clock that stands still."""

from __future__ import annotations

import pytest

from localcloud import clock
from localcloud.call import Call
from localcloud.http import Request
from localcloud.like_aws import RATES, Rate
from localcloud.rates import Rates

CODES = {
    "apigateway": "TooManyRequestsException",
    "dynamodb": "ThrottlingException",
    "lambda": "TooManyRequestsException",
    "sns": "Throttling",
}


@pytest.mark.parity(
    "Each service takes only so many calls a second, by operation",
    kept="if asked for: `--like-aws`",
    module="rates",
    service="Every service",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
)
@pytest.mark.parametrize("rate", RATES, ids=lambda rate: "-".join((rate.service, *rate.operations)))
def test_as_many_calls_pass_at_once_as_the_rate_lets_through(
    rate: Rate, monkeypatch: pytest.MonkeyPatch
) -> None:
    time_ms = 0.0
    monkeypatch.setattr(clock, "now_ms", lambda: time_ms)
    rates = Rates([rate])
    (operation, *_) = (*rate.operations, "GetRestApis")
    call = Call(Request("POST", "/", "", {}, b""), rate.service, "us-east-1", "", operation, {})

    def pass_at_once() -> int:
        passed = 0
        while (refused := rates.refusal(call)) is None:
            passed += 1
        assert CODES[rate.service].encode() in refused.body
        return passed

    assert pass_at_once() == rate.most
    time_ms = rate.seconds * 1000
    assert pass_at_once() == rate.calls
