"""Filter policies: what passes one, and which ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.aws.session import Session
from tests.support.queues import messages_on, open_queue
from tests.support.subscriptions import subscribe_queue

BODY, ATTRIBUTES = "MessageBody", "MessageAttributes"
DEEP = {"$or": [{"metricName": ["A", "B"]}, {"namespace": ["C", "D"]}],
        "detail": {"scope": ["S"], "$or": [{"source": ["x"]}, {"type": ["y"]}]}}  # fmt: skip
# A policy, bodies that pass it, and bodies that do not.
BODIES: list[tuple[Any, list[Any], list[Any]]] = [
    ({"k": ["a", 1, True, None]}, [{"k": "a"}, {"k": 1.0}, {"k": True}, {"k": None}, {"k": [2, 1]}],
     [{"k": "b"}, {"k": 0}, {"k": False}, {"k": "1"}, {"k": {"a": 1}}, {"k": []}, {}, ["a"]]),
    ({"k": [1]}, [{"k": 1.0000001}], [{"k": True}, {"k": 1.1}, {"k": 10**400}]),
    ({"object.nested": ["x"]}, [{"object": {"nested": "x"}}, {"object.nested": "x"}],
     [{"object": {"nested": "y"}}, {"nested": "x"}]),
    ({"a": {"b": ["x"], "c": ["y"]}},
     [{"a": {"b": "x", "c": "y"}}, {"a": [{"b": "x", "c": "y"}, {"b": "z"}]}],
     [{"a": {"b": "x"}}, {"a": [{"b": "x"}, {"c": "y"}]}, {"a": "x"}]),
    ({"k": [{"prefix": "a"}]}, [{"k": "ab"}, {"k": ["zz", "ab"]}], [{"k": "ba"}, {"k": 1}, {}]),
    ({"k": [{"suffix": "b"}]}, [{"k": "ab"}], [{"k": "ba"}]),
    ({"k": [{"wildcard": r"a*c\*"}]}, [{"k": "abbc*"}, {"k": "ac*"}],
     [{"k": "abc"}, {"k": "xac*"}]),
    ({"k": [{"equals-ignore-case": "Tea"}]}, [{"k": "TEA"}, {"k": ["x", "tea"]}], [{"k": "teas"}]),
    ({"k": [{"anything-but": "x"}]}, [{"k": "y"}, {"k": ["x", "y"]}, {"k": 1}],
     [{"k": "x"}, {"k": ["x"]}, {}]),
    ({"k": [{"anything-but": [1, 2]}]}, [{"k": 3}, {"k": "1"}], [{"k": 1}, {"k": 2}]),
    ({"k": [{"anything-but": {"prefix": "x"}}]}, [{"k": "abc"}], [{"k": "xa"}]),
    ({"k": [{"anything-but": {"suffix": "x"}}]}, [{"k": "abc"}], [{"k": "ax"}]),
    ({"k": [{"anything-but": {"suffix": ["x", "y"]}}]}, [{"k": "abc"}], [{"k": "ay"}]),
    ({"k": [{"numeric": [">=", 1, "<", 3]}]}, [{"k": 1}, {"k": 2.9}, {"k": [9, 2]}],
     [{"k": 3}, {"k": 0}, {"k": "2"}, {"k": True}, {}]),
    ({"k": [{"numeric": ["=", 2]}]}, [{"k": 2}], [{"k": 1}]),
    ({"ip": [{"cidr": "10.0.0.0/24"}]}, [{"ip": "10.0.0.9"}], [{"ip": "10.0.1.9"}, {"ip": "x"}]),
    ({"ip": [{"cidr": "2001:db8::/120"}]}, [{"ip": "2001:db8::9"}], [{"ip": "2001:db9::9"}]),
    ({"k": [{"exists": True}]}, [{"k": None}, {"k": 0}], [{}, {"k": {"a": 1}}, {"k": []}]),
    ({"k": [{"exists": False}], "j": ["x"]}, [{"j": "x"}], [{"j": "x", "k": 1}]),
    ({"$or": [{"a": ["b"]}, {"c": ["d"]}], "e": ["f"]},
     [{"a": "b", "e": "f"}, {"c": "d", "e": "f"}],
     [{"a": "b"}, {"e": "f"}, {"a": "x", "c": "x", "e": "f"}]),
    (DEEP, [{"metricName": "A", "detail": {"scope": "S", "source": "x"}},
            {"namespace": "D", "detail": {"scope": "S", "type": "y"}}],
     [{"metricName": "A", "detail": {"scope": "S"}}, {"detail": {"scope": "S", "type": "y"}}]),
    ({"$or": ["a"]}, [{"$or": "a"}], [{"a": "a"}]),
]  # fmt: skip
# A policy, attributes (their types and values) that pass it, and attributes that do not.
OF_ATTRIBUTES: list[tuple[Any, list[tuple[str, Any]], list[tuple[str, Any]]]] = [
    ({"k": ["a", 100]}, [("String", "a"), ("Number", "100.0"), ("String.Array", '["b", "a"]'),
                         ("String.Array", "[100]")],
     [("String", "100"), ("Number", "1"), ("Binary", b"a"), ("String.Array", '["b"]')]),
    ({"k": [{"numeric": ["<", 5]}]}, [("Number", "4.5"), ("String.Array", "[9, 4]")],
     [("Number", "5"), ("String", "4")]),
    ({"k": [{"anything-but": {"suffix": "x"}}]}, [("String", "abc")], [("String", "ax")]),
    ({"k": [{"exists": False}]}, [], [("String", "a"), ("String.Array", "[null]")]),
    ({"$or": [{"k": ["a"]}, {"j": ["a"]}]}, [("String", "a")], [("String", "b")]),
]  # fmt: skip


def passed(
    aws: Session, topic: str, policy: Any, scope: str, sent: list[dict[str, Any]]
) -> set[str]:
    """The bodies that pass a policy, of messages that are published."""
    url, sns = open_queue(aws, "q", topic), aws.client("sns")
    settings = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope}
    arn = subscribe_queue(aws, topic, "q", RawMessageDelivery="true", **settings)
    for message in sent:
        sns.publish(TopicArn=topic, **message)
    sns.unsubscribe(SubscriptionArn=arn)
    found = set()
    while page := messages_on(aws, url, wait=0):
        found |= {message["Body"] for message in page}
    return found


@pytest.mark.parity(
    "A filter policy compares by all operators: exact, `anything-but` in all forms, `cidr`, "
    "`equals-ignore-case`, `exists`, `numeric`, `prefix`, `suffix`, `wildcard` and `$or`",
    kept="yes",
    module="patterns",
    service="SNS",
    aws="https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html",
)
def test_a_body_passes_the_policies_that_it_passes_on_aws(aws: Session, topic: str) -> None:
    for policy, good, bad in BODIES:
        texts = [json.dumps(each) for each in [*good, *bad]]
        found = passed(aws, topic, policy, BODY, [{"Message": text} for text in texts])
        assert found == {json.dumps(each) for each in good}, policy


@pytest.mark.parity(
    "A filter policy compares attributes by their type; a `String.Array` by its elements",
    kept="yes",
    module="sns.filter_policy",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html",
)
def test_attributes_pass_the_policies_that_they_pass_on_aws(aws: Session, topic: str) -> None:
    for policy, good, bad in OF_ATTRIBUTES:
        sent = []
        for kind, value in [*good, *bad]:
            field = "BinaryValue" if kind == "Binary" else "StringValue"
            attribute = {"k": {"DataType": kind, field: value}}
            sent.append({"Message": str((kind, value)), "MessageAttributes": attribute})
        assert passed(aws, topic, policy, ATTRIBUTES, sent) == set(map(str, good)), policy


def test_a_message_without_the_attribute_passes_where_it_must_be_absent(
    aws: Session, topic: str
) -> None:
    policy = {"k": [{"exists": False}]}
    assert passed(aws, topic, policy, ATTRIBUTES, [{"Message": "tea"}]) == {"tea"}


MANY = [str(number) for number in range(151)]
REFUSED: list[tuple[Any, str, str]] = [
    ({"a": "b"}, BODY, '"a" must be an object or an array'),
    ({"a": []}, BODY, "Empty arrays are not allowed"),
    ({"a": {"b": ["c"]}}, ATTRIBUTES, "does not support nested filter policy"),
    ({"a": {"suffix": "b"}}, ATTRIBUTES, '"suffix" must be an object or an array'),
    ({"a": [["b"]]}, BODY, "Match value must be String, number, true, false, or null"),
    ({"a": [{"prefix": "b", "suffix": "c"}]}, BODY, "Only one key allowed in match expression"),
    ({"a": [{"like": "b"}]}, BODY, "Unrecognized match type like"),
    ({"a": [{"prefix": 1}]}, BODY, "prefix match pattern must be a string"),
    ({"a": [{"wildcard": ["b"]}]}, BODY, "wildcard match pattern must be a string"),
    ({"a": [{"exists": "true"}]}, BODY, "exists match pattern must be either true or false."),
    ({"a": [{"cidr": "10.0.0.0"}]}, BODY, "Malformed CIDR, one '/' required"),
    ({"a": [{"cidr": "x/24"}]}, BODY, "Nonstandard IP address: x"),
    ({"a": [{"cidr": "10.0.0.0/x"}]}, BODY, "Malformed CIDR, mask bits must be an integer"),
    ({"a": [{"anything-but": {"numeric": [1]}}]}, BODY,
     "Unsupported anything-but pattern: numeric"),
    ({"a": [{"anything-but": [1, "b"]}]}, BODY, "mixed type is not supported"),
    ({"a": [{"anything-but": []}]}, BODY, "Value of anything-but must be an array or single"),
    ({"a": [{"anything-but": {"prefix": 1}}]}, BODY, "anything-but prefix match pattern must be"),
    ({"a": [{"numeric": []}]}, BODY, "Invalid member in numeric match: ]"),
    ({"a": [{"numeric": [1, "<"]}]}, BODY, "Invalid member in numeric match: 1"),
    ({"a": [{"numeric": ["=", "0"]}]}, BODY, "Value of equals must be numeric"),
    ({"a": [{"numeric": ["~", 1]}]}, BODY, "Unrecognized numeric range operator: ~"),
    ({"a": [{"numeric": ["<"]}]}, BODY, "Value of < must be numeric"),
    ({"a": [{"numeric": ["<", 1, ">", 0]}]}, BODY, "Too many elements in numeric expression"),
    ({"a": [{"numeric": [">", 1, ">", 0]}]}, BODY, "Bad numeric range operator: >"),
    ({"a": [{"numeric": [">", 1, 2]}]}, BODY, "Bad value in numeric range: 2"),
    ({"a": [{"numeric": [">", 1, "<", 2, "<", 3]}]}, BODY,
     "Too many terms in numeric range expression"),
    ({"a": [{"numeric": [">", 1, "<", 1]}]}, BODY, "Bottom must be less than top"),
    ({"a": MANY}, BODY, "Filter policy is too complex"),
    ({"a": {"b": MANY[:76]}}, BODY, "Filter policy is too complex"),
    ({letter: ["x"] for letter in "abcdef"}, BODY, "Filter policy can not have more than 5 keys"),
]  # fmt: skip


@pytest.mark.parity(
    "A filter policy with an operator or operand that there is not, or with too many values, is "
    "refused",
    kept="yes, without the line and column that AWS adds",
    module="sns.filter_policy",
    aws="https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html",
)
def test_a_policy_that_aws_refuses_is_refused(aws: Session, topic: str) -> None:
    for policy, scope, said in REFUSED:
        settings = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope}
        with pytest.raises(ClientError) as caught:
            subscribe_queue(aws, topic, "q", **settings)
        error = caught.value.response["Error"]
        start = "Invalid parameter: Attributes Reason: FilterPolicy: "
        found = (error["Code"], error["Message"].startswith(start), said in error["Message"])
        assert found == ("InvalidParameter", True, True), (policy, error)
    arn = subscribe_queue(aws, topic, "q", FilterPolicyScope=BODY)
    with pytest.raises(ClientError, match="FilterPolicy: Filter policy is too complex"):
        aws.client("sns").set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy",
            AttributeValue='{"a":' * 900 + '["b"]' + "}" * 900,
        )  # fmt: skip


def test_a_nested_policy_for_attributes_is_refused(aws: Session, topic: str) -> None:
    arn = subscribe_queue(aws, topic, "q")
    said = r"Invalid parameter: Filter policy scope MessageAttributes does not support nested"
    with pytest.raises(ClientError, match=said):
        aws.client("sns").set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"a": {"b": ["c"]}}'
        )
