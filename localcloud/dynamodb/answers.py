"""Answers of moto's that say more, or less, than DynamoDB's.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

import json

from localcloud import upstream
from localcloud.call import Call
from localcloud.http import Response, json_response

_OF_MANY = ("BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems")
# Whose answers have what moto always answers, and the parameter that asks for it.
_SAY_TOO_MUCH = (*_OF_MANY, "UpdateItem")
_IF_ASKED = {
    "ConsumedCapacity": "ReturnConsumedCapacity",
    "ItemCollectionMetrics": "ReturnItemCollectionMetrics",
}
_NOT_ASKED = (None, "NONE")
_WRONG_KEY = "The provided key element does not match the schema"


_NONE_OF_THEM = (
    "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request"
)
_MORE_THAN_ONE = "TransactItems can only contain one of Check, Put, Update or Delete"


def answer(call: Call) -> Response | None:
    """moto's answer in AWS's form, to an update or to a call that is about several items; None for
    any other."""
    if call.operation not in _SAY_TOO_MUCH:
        return None
    if call.operation == "TransactWriteItems":
        for item in call.parameters["TransactItems"]:
            if len(item) != 1:
                text = _MORE_THAN_ONE if item else _NONE_OF_THEM
                return call.error(400, "ValidationException", text)
    response = upstream.ask(call.request)
    found = json.loads(response.body)
    if response.status >= 300:
        said = str(found.get("message"))
        lacks_one = call.operation == "BatchWriteItem" and "Missing the key" in said
        is_about_keys = said == "Validation Exception" or lacks_one
        return call.error(400, "ValidationException", _WRONG_KEY) if is_about_keys else response
    for name, asks in _IF_ASKED.items():
        if call.parameters.get(asks) in _NOT_ASKED:
            found.pop(name, None)
    return json_response(200, found)
