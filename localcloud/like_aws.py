"""AWS as a first run on it meets it: what takes its time until it is known everywhere, and how many
calls are answered in a second.

None of it is on unless somebody asks: it would only slow a tutorial down. `--like-aws` turns on all
of it. This is the one table of what AWS does and who says so; what becomes of it stands in the
folder of each service. The speed of the clock makes all of it pass faster.
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud import clock

_LAMBDA_ROLES = "https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html"
_STATES = "https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"
_OF_APIS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"
_OF_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_OF_SNS = "https://docs.aws.amazon.com/general/latest/gr/sns.html"
_OF_DYNAMODB = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"


@dataclass(frozen=True)
class Lag:
    """What takes `seconds` on AWS. Where the source gives no number, it is one that people saw."""

    seconds: float
    what: str
    source: str


@dataclass(frozen=True)
class Rate:
    """`calls` in `seconds`, of these operations together (all but `besides` if none is named), and
    `burst` at once."""

    service: str
    calls: float
    seconds: float
    source: str
    operations: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    burst: float = 0.0

    @property
    def most(self) -> float:
        """How many calls at once."""
        return self.burst or max(1.0, self.calls)

    def counts(self, service: str, operation: str) -> bool:
        """Whether a call counts."""
        if service != self.service or operation in self.besides:
            return False
        return not self.operations or operation in self.operations


LAGS = {
    "role": Lag(10, "until Lambda may assume a new role", _LAMBDA_ROLES),
    "grant": Lag(13, "until KMS knows a new role", _LAMBDA_ROLES),
    "policy": Lag(16, "until what a role's policy allows is known everywhere", _IAM),
    "change": Lag(5, "until a function or a trigger is as it was asked to be", _STATES),
    "permission": Lag(4, "until a permission to invoke a function counts", _IAM),
    "key": Lag(
        5,
        "until a stage lets a new key, plan or stage through",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html",
    ),
    "queue": Lag(
        1,
        "until a new queue can be used",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
    ),
    "queue name": Lag(
        60,
        "until the name of a deleted queue is free",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html",
    ),
    "ghost": Lag(1, "until a deleted queue or role is listed again", _IAM),
    "gone": Lag(30, "until a deleted queue or role is listed no more", _IAM),
    "time to live": Lag(
        3600,
        "until a table's time to live can be changed again",
        "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html",
    ),
}  # fmt: skip
_KEYS_AND_RESOURCES = ("CreateApiKey", "CreateResource", "DeleteApiKey")
RATES = (
    Rate("apigateway", 10, 1, _OF_APIS, burst=40),
    Rate("apigateway", 1, 3, _OF_APIS, ("CreateRestApi",)),
    Rate("apigateway", 1, 30, _OF_APIS, ("DeleteRestApi",)),
    Rate("apigateway", 1, 5, _OF_APIS, ("CreateDeployment",)),
    Rate("apigateway", 1, 20, _OF_APIS, ("UpdateUsagePlan",)),
    Rate("apigateway", 5, 2, _OF_APIS, ("GetResources",)),
    *(Rate("apigateway", 5, 1, _OF_APIS, (each,)) for each in _KEYS_AND_RESOURCES),
    Rate(
        "lambda", 15, 1, _OF_LAMBDA,
        besides=("GetFunction", "GetPolicy", "Invoke", "InvokeAsync", "InvokeWithResponseStream"),
    ),
    Rate("lambda", 100, 1, _OF_LAMBDA, ("GetFunction",)),
    Rate("lambda", 15, 1, _OF_LAMBDA, ("GetPolicy",)),
    Rate("sns", 30, 1, _OF_SNS, ("ListTopics",)),
    Rate("sns", 30, 1, _OF_SNS, ("ListSubscriptionsByTopic",)),
    Rate("sns", 10, 1, _OF_SNS, ("ListTagsForResource", "TagResource", "UntagResource")),
    Rate("dynamodb", 5, 1, _OF_DYNAMODB, ("TagResource",)),
    Rate("dynamodb", 10, 1, _OF_DYNAMODB, ("ListTagsOfResource",)),
)  # fmt: skip

is_on = False


def seconds(name: str) -> float:
    """How many seconds one of LAGS takes on AWS; 0 where it is not asked for."""
    return LAGS[name].seconds if is_on else 0.0


def end_ms(name: str) -> float:
    """When one of LAGS ends that begins now, in epoch milliseconds."""
    return clock.after_ms(seconds(name))
