"""Which statement allowed or denied a call, and what a role may do, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.aws.session import Session
from localcloud.console import rights
from tests.support.functions import make_function, make_role
from tests.support.visitor import Visitor

ASKS = (
    "import boto3\n"
    "def handler(event, context):\n"
    "    return boto3.client('sqs').get_queue_url(QueueName='tea')['QueueUrl']\n"
)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


ALLOW = {"Effect": "Allow", "Action": "sqs:GetQueueUrl", "Resource": "*"}
DENY = {**ALLOW, "Effect": "Deny", "Resource": "arn:aws:sqs:us-east-1:123456789012:tea"}
OTHER = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ((OTHER, ALLOW), "ok May sqs:GetQueueUrl on * (policy "),
        ((ALLOW, DENY), "✕ May never sqs:GetQueueUrl on tea (policy "),
        ((OTHER,), "✕ No statement allows sqs:GetQueueUrl on arn:aws:sqs:us-east-1:"),
    ],
)
def test_the_trail_names_the_statement(
    visitor: Visitor, aws: Session, statements: tuple[dict[str, Any], ...], said: str
) -> None:
    aws.client("sqs").create_queue(QueueName="tea")
    role = make_role(aws, "caller", policy(*statements))
    make_function(aws, "f", ASKS, Role=role)
    aws.client("lambda").invoke(FunctionName="f")
    (row,) = visitor.rows("trail", "GetQueueUrl")
    assert said in row
    assert "your key may do everything" in visitor.rows("trail", "CreateQueue")[0]


def test_a_statement_stays_in_the_trail_as_it_was(visitor: Visitor, aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="tea")
    make_function(aws, "f", ASKS, Role=make_role(aws, "caller", policy(ALLOW)))
    aws.client("lambda").invoke(FunctionName="f")
    iam = aws.client("iam")
    (name,) = iam.list_role_policies(RoleName="caller")["PolicyNames"]
    iam.put_role_policy(RoleName="caller", PolicyName=name, PolicyDocument=json.dumps(policy(DENY)))
    aws.client("lambda").invoke(FunctionName="f")
    newest, before = visitor.rows("trail", "GetQueueUrl")
    assert "May never" in newest and "May sqs:GetQueueUrl" in before


def test_a_function_tells_what_its_role_may_do(visitor: Visitor, aws: Session) -> None:
    role = make_role(aws, "caller", policy(OTHER, DENY))
    make_function(aws, "f", ASKS, Role=role, Environment={"Variables": {"TEA": "green"}})
    text = visitor.get("function/f")[1]
    assert "May sns:Publish on *" in text
    assert "May never sqs:GetQueueUrl on tea" in text
    assert "<code>TEA</code> = green" in text
    assert "get_queue_url(QueueName='tea')" in text
    iam = aws.client("iam")
    for name in iam.list_role_policies(RoleName="caller")["PolicyNames"]:
        iam.delete_role_policy(RoleName="caller", PolicyName=name)
    assert "✕ Nothing: it has no policy." in visitor.get("function/f")[1]
    iam.delete_role(RoleName="caller")
    assert "✕ There is no such role" in visitor.get("function/f")[1]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (ALLOW, "May sqs:GetQueueUrl on *"),
        ({"Effect": "Deny", "NotAction": ["a:B", "c:D"], "Resource": "*"},
         "May never anything but a:B, c:D on *"),
        ({"Effect": "Allow", "Action": "a:B",
          "NotResource": "arn:aws:dynamodb:us-east-1:123456789012:table/Orders"},
         "May a:B on anything but table/Orders"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}, "May sts:AssumeRole"),
        ({**OTHER, "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
         'May sns:Publish on *, if {"Bool": {"aws:SecureTransport": "true"}}'),
    ],
)  # fmt: skip
def test_a_statement_in_words(statement: dict[str, Any], words: str) -> None:
    assert rights.in_words(statement) == words
