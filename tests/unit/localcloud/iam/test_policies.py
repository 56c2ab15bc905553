"""A service may do what the policy of the resource allows."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.iam.policies import service_may
from tests.support.roles import ACCOUNT

TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:Orders"
OF_TOPIC = {
    "ArnLike": {"AWS:SourceArn": TOPIC},
    "StringEquals": {"AWS:SourceAccount": ACCOUNT},
}


@pytest.mark.parity(
    "A service may do what the resource's policy allows it, on behalf of the topic or "
    "API that the policy names",
    kept="yes",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
)
@pytest.mark.parametrize(
    ("statement", "may"),
    [
        ({}, True),
        ({"Condition": {}}, True),
        ({"Action": "lambda:*"}, True),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{ACCOUNT}:Ord*"}}}, True),
        ({"Condition": {**OF_TOPIC, "ArnLike": {"AWS:SourceArn": TOPIC + "2"}}}, False),
        ({"Condition": {**OF_TOPIC, "StringEquals": {"AWS:SourceAccount": "1"}}}, False),
        ({"Principal": {"Service": "apigateway.amazonaws.com"}}, False),
        ({"Principal": {"AWS": ACCOUNT}}, False),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Action": "lambda:GetFunction"}, False),
        ({"Resource": "arn:aws:lambda:us-east-1:1:function:other"}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_a_service_may_do_what_the_policy_of_the_resource_allows(
    statement: dict[str, Any], may: bool
) -> None:
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:record_order"
    full = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": function,
        "Condition": OF_TOPIC,
        **statement,
    }
    asked = ("sns.amazonaws.com", "lambda:InvokeFunction", function, TOPIC)
    assert service_may({"Statement": [full]}, *asked) == may
    assert not service_may(None, *asked)
