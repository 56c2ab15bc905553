"""Statements in PartiQL: what cannot be read is refused, where moto's parser fails in any way.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.parsing import partiql

from localcloud.upstream import original, replaces

_NOT_READ = (
    "Statement wasn't well formed, can't be processed: the local cloud reads SELECT, INSERT, "
    "UPDATE and DELETE"
)


@replaces(partiql)
def query(statement: str, *more: Any) -> Any:
    """A statement that moto's parser fails on is one that is not well formed."""
    try:
        found = original(query)(statement, *more)
    except JsonRESTError:
        raise
    except Exception:  # its parser has no error of its own
        found = None
    if found is None:
        raise MockValidationException(_NOT_READ)
    return found


@replaces(DynamoDBBackend)
def batch_execute_statement(
    backend: DynamoDBBackend, statements: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Each statement has an answer of its own, an error too."""
    return [_answer(backend, each) for each in statements]


def _answer(backend: DynamoDBBackend, statement: dict[str, Any]) -> dict[str, Any]:
    try:
        found: list[dict[str, Any]] = original(batch_execute_statement)(backend, [statement])
        return found[0]
    except Exception:  # moto's parser, or its words for it
        return {"Error": {"Code": "ValidationError", "Message": _NOT_READ}}
