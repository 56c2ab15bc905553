"""What Lambda refuses while a function or a mapping is being changed, and of anyone who has not
seen the last change.

https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.models import lambda_backends

from localcloud import upstream
from localcloud.call import Call
from localcloud.lambda_ import errors, functions, states
from localcloud.lambda_.errors import LambdaError
from localcloud.lambda_.functions import LambdaFunction
from localcloud.lambda_.names import Name, qualifier_of
from localcloud.upstream import ACCOUNT_ID

_UPDATES = ("PublishVersion", "UpdateFunctionCode", "UpdateFunctionConfiguration")
_OF_MAPPINGS = {"DeleteEventSourceMapping": "delete", "UpdateEventSourceMapping": "update"}


def refuse(call: Call) -> None:
    """Refuse a call that comes too early, with the function's name in one form. Raises
    LambdaError."""
    if call.operation in _UPDATES or call.operation == "Invoke":
        named = Name(call.parameters["FunctionName"], qualifier_of(call))
        function = functions.find(named.text, call.region)
        if function is not None:
            _refuse_for(function, call)
    elif call.operation in _OF_MAPPINGS:
        _refuse_for_mapping(call)


def _refuse_for(function: LambdaFunction, call: Call) -> None:
    start = "The operation cannot be performed at this time."
    state = states.now(function.change)
    if state == "Pending":
        text = f"{start} The function is currently in the following state: Pending"
        raise errors.conflict(text)
    if call.operation == "Invoke":
        return
    if state == "InProgress":
        arn = function.function_arn
        raise errors.conflict(f"{start} An update is in progress for resource: {arn}")
    given: dict[str, Any] = json.loads(call.request.body or b"{}")
    errors.refuse_another_revision(given.get("RevisionId"), function.revision_id)


def _refuse_for_mapping(call: Call) -> None:
    backend = upstream.backend(lambda_backends, ACCOUNT_ID, call.region)
    mapping = backend and backend.get_event_source_mapping(call.parameters["UUID"])
    if mapping and states.now(mapping.change):
        verb = _OF_MAPPINGS[call.operation]
        text = f"Cannot {verb} the event source mapping because it is in use."
        raise LambdaError(400, "ResourceInUseException", text)
