"""DynamoDB: the permissions for each call, on tables and their indexes.

Transactions have no actions of their own: `dynamodb:PutItem` covers a Put in TransactWriteItems.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from localcloud import upstream
from localcloud.arn import Arn
from localcloud.call import Call
from localcloud.dynamodb import (
    answers,
    expressions,
    item_size,
    keys,
    partiql,
    placeholders,
    tables,
    values,
)
from localcloud.dynamodb.time_to_live import TimesToLive
from localcloud.http import Response
from localcloud.service import Needed, Service
from localcloud.upstream import ACCOUNT_ID

__all__ = ["DynamoDB", "expressions", "item_size", "partiql"]


class DynamoDB(Service):
    """moto answers."""

    name = "dynamodb"

    def __init__(self) -> None:
        self._times_to_live = TimesToLive()

    async def handle(self, call: Call) -> Response | None:
        if problem := _problem(call):
            return call.error(400, "ValidationException", problem)
        if refusal := tables.refusal(call):
            return refusal
        if kept := values.as_kept(call.parameters):
            return upstream.ask(replace(call.request, body=json.dumps(kept).encode()))
        return self._times_to_live.answer(call) or answers.answer(call)

    def reset(self) -> None:
        self._times_to_live.clear()

    def needed(self, call: Call) -> Needed:
        index = f"/index/{call.parameters['IndexName']}" if "IndexName" in call.parameters else ""
        for action, table in _on_tables(call.operation, call.parameters):
            is_arn = table.startswith("arn:")
            arn = table if is_arn else f"arn:aws:dynamodb:{call.region}:{ACCOUNT_ID}:table/{table}"
            yield f"dynamodb:{action}", arn + index

    def describe(self) -> dict[str, Any]:
        tables = (t for b in upstream.backends(dynamodb_backends) for t in b.tables.values())
        return {"tables": [{"name": t.name, "arn": t.table_arn, "items": len(t)} for t in tables]}

    def last_written(self, table: Arn, most: int) -> list[dict[str, Any]]:
        """The items of a table, those that were first written last coming first, as plain values.
        A Scan of thousands would keep everyone else waiting: moto writes out each for a
        millisecond."""
        backend = upstream.backend(dynamodb_backends, table.account, table.region)
        found = backend and backend.tables.get(table.name)
        return [item.to_regular_json() for item in islice(_items(found), most)] if found else []


def _problem(call: Call) -> str:
    """What is wrong with a call whatever the items of its table are, or "" """
    given = call.parameters
    return (
        values.problem(given) or placeholders.problem(call.operation, given) or keys.problem(call)
    )


def _items(table: Any) -> Iterator[Any]:
    """The items, the last first. A table with a sort key has them in groups."""
    for each in reversed(table.items.values()):
        yield from reversed(each.values()) if table.has_range_key else (each,)


def _on_tables(operation: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """The actions of a call, each with its table ("*" if the call names none)."""
    if "RequestItems" in parameters:
        return [(operation, table) for table in parameters["RequestItems"]]
    if "TransactItems" in parameters:
        items = [part for item in parameters["TransactItems"] for part in item.items()]
        return [(f"{kind}Item", details["TableName"]) for kind, details in items]
    return [(operation, parameters.get("TableName") or parameters.get("ResourceArn", "*"))]
