"""Statements in PartiQL, and what is none; parts of transactions that are none."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

NOT_READ = "Statement wasn't well formed, can't be processed"
TEA = {"id": {"S": "tea"}, "count": {"N": "2"}}


@pytest.fixture
def client(table: Any) -> Any:
    """A client, with the table "tea", which has tea."""
    table.put_item(TableName="tea", Item=TEA)
    return table


@pytest.mark.parity(
    "A statement in PartiQL that is not well formed is refused, in a batch for itself",
    kept="yes, without the token that AWS names",
    module="dynamodb.partiql",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html",
)
@pytest.mark.parametrize("statement", ["tea", "SELECT", "SELECT * FROM", "'", "DROP TABLE t"])
def test_what_is_no_statement_is_refused(client: Any, statement: str) -> None:
    of_one, of_many = {"Statement": statement}, {"TransactStatements": [{"Statement": statement}]}
    for name, given in (("execute_statement", of_one), ("execute_transaction", of_many)):
        with pytest.raises(ClientError, match=NOT_READ) as caught:
            getattr(client, name)(**given)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    good = {"Statement": "SELECT * FROM tea WHERE id = ?", "Parameters": [{"S": "tea"}]}
    found = client.batch_execute_statement(Statements=[{"Statement": statement}, good])
    wrong, right = found["Responses"]
    assert wrong["Error"]["Code"] == "ValidationError"
    assert NOT_READ in wrong["Error"]["Message"]
    assert right["Item"] == TEA


def test_a_statement_for_a_missing_table_says_so(client: Any) -> None:
    with pytest.raises(ClientError, match="Requested resource not found"):
        client.execute_statement(Statement="SELECT * FROM nope")
    (found,) = client.batch_execute_statement(
        Statements=[{"Statement": "SELECT * FROM nope WHERE id = 'a'"}]
    )["Responses"]
    assert found["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parity(
    "Each part of a transaction is one Check, Put, Update or Delete",
    kept="yes",
    module="dynamodb.answers",
    aws="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItem.html",
)
def test_a_part_of_a_transaction_is_one_thing(client: Any) -> None:
    put = {"TableName": "tea", "Item": TEA}
    delete = {"TableName": "tea", "Key": {"id": TEA["id"]}}
    for part, said in (
        ({}, "TransactWriteRequest should contain Delete or Put or Update request"),
        ({"Put": put, "Delete": delete}, "can only contain one of Check, Put, Update or Delete"),
    ):
        with pytest.raises(ClientError, match=said):
            client.transact_write_items(TransactItems=[part])
