"""DynamoDB keeps numbers in one form, refuses values that are none, and answers what was asked."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

KEY = {"id": {"S": "a"}}
NUMBERS = [
    ("001.50", "1.5"), ("-0", "0"), ("1E+3", "1000"), ("1e-3", "0.001"), ("12", "12"),
    ("-2.0", "-2"), ("100", "100"), ("0.10", "0.1"),
    ("0" + "12" * 19, "12" * 19), ("0.000", "0"),
]  # fmt: skip


@pytest.mark.parity(
    "A number is kept without leading and trailing zeros",
    kept="yes, except in batches, transactions and what an expression computes",
    module="dynamodb.values",
    service="DynamoDB",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html",
)
def test_a_number_is_kept_in_one_form(table: Any) -> None:
    for given, kept in NUMBERS:
        nested = {"M": {"l": {"L": [{"N": given}]}}}
        table.put_item(TableName="tea", Item={**KEY, "n": {"N": given}, "m": nested})
        found = table.get_item(TableName="tea", Key=KEY)["Item"]
        assert (found["n"]["N"], found["m"]["M"]["l"]["L"][0]["N"]) == (kept, kept), given


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
    ({"L": [{}]}, "Supplied AttributeValue is empty"),
    ({"S": "a", "N": "1"}, "Supplied AttributeValue has more than one datatypes set"),
    ({"N": "tea"}, "The parameter cannot be converted to a numeric value: tea"),
    ({"NS": ["1", "NaN"]}, "The parameter cannot be converted to a numeric value: NaN"),
    ({"N": "1" * 39}, "Attempting to store more than 38 significant digits in a Number"),
    ({"N": "1E126"}, "Number overflow. Attempting to store a number with magnitude larger than"),
    ({"SS": ["a", "a"]}, "were invalid: Input collection [a, a] contains duplicates."),
    ({"SS": []}, "were invalid: An string set  may not be empty"),
    ({"N": "1E-131"}, "Number underflow. Attempting to store a number with magnitude smaller than"),
]  # fmt: skip


@pytest.mark.parity(
    "A value has exactly one type, a number 38 digits at most, and a set something in it, of texts "
    "each once",
    kept="yes",
    module="dynamodb.values",
    service="DynamoDB",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html",
)
def test_a_value_that_is_none_is_refused(table: Any) -> None:
    for value, said in WRONG:
        with pytest.raises(ClientError) as caught:
            table.put_item(TableName="tea", Item={**KEY, "n": value})
        error = caught.value.response["Error"]
        found = (error["Code"], said in error["Message"])
        assert found == ("ValidationException", True), (value, error)
    assert "Item" not in table.get_item(TableName="tea", Key=KEY)


@pytest.mark.parity(
    "An update, and a call for several items, tells capacity only if it is asked to",
    kept="yes",
    module="dynamodb.answers",
    service="DynamoDB",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html",
)
def test_a_call_for_several_items_answers_what_is_asked(table: Any) -> None:
    put = {"PutRequest": {"Item": KEY}}
    unasked = {"ConsumedCapacity", "ItemCollectionMetrics"}
    for answer in (
        table.update_item(TableName="tea", Key=KEY),
        table.batch_write_item(RequestItems={"tea": [put]}),
        table.batch_get_item(RequestItems={"tea": {"Keys": [KEY]}}),
        table.transact_write_items(TransactItems=[{"Put": {"TableName": "tea", "Item": KEY}}]),
        table.transact_get_items(TransactItems=[{"Get": {"TableName": "tea", "Key": KEY}}]),
    ):
        assert not unasked & answer.keys()
    asked = table.batch_write_item(RequestItems={"tea": [put]}, ReturnConsumedCapacity="TOTAL")
    assert asked["ConsumedCapacity"][0]["CapacityUnits"] == 1.0
    delete = {"DeleteRequest": {"Key": {"x": {"S": "b"}}}}
    keyless = {"PutRequest": {"Item": {"x": {"S": "b"}}}}
    for request in (delete, keyless):
        with pytest.raises(ClientError, match="provided key element does not match the schema"):
            table.batch_write_item(RequestItems={"tea": [request]})


@pytest.mark.parity(
    "A filter or condition that cannot be read is refused",
    kept="yes, without the token that AWS quotes",
    module="dynamodb.expressions",
    service="DynamoDB",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html",
)
def test_an_expression_that_cannot_be_read_is_refused(table: Any) -> None:
    given: dict[str, Any]
    for call, given in (
        (table.scan, {"FilterExpression": "tea"}),
        (table.put_item, {"Item": KEY, "ConditionExpression": "tea ="}),
    ):
        with pytest.raises(ClientError, match=r"ValidationException.*Syntax error"):
            call(TableName="tea", **given)
