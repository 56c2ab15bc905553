"""The lists of Lambda, page by page: 50 things at a time (100 mappings), or as many as `MaxItems`
says if that is less.

moto gives them all at once. A marker is where the page before ended, by the ARN, the number or the
id of its last thing, so that a thing that goes between two pages takes no other with it.

https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from localcloud.call import Call
from localcloud.http import Response, json_response
from localcloud.lambda_ import errors

Thing = Mapping[str, Any]

# By operation: the list, by what its things are told apart, and the most that a page has.
_LISTS = {
    "ListAliases": ("Aliases", "Name", 50),
    "ListEventSourceMappings": ("EventSourceMappings", "UUID", 100),
    "ListFunctionEventInvokeConfigs": ("FunctionEventInvokeConfigs", "FunctionArn", 50),
    "ListFunctions": ("Functions", "FunctionArn", 50),
    "ListVersionsByFunction": ("Versions", "Version", 50),
}


def page_of(call: Call, everything: Response) -> Response:
    """The page that a call asks for, of the answer with all things; the answer to any other call
    as it is. Raises LambdaError."""
    if call.operation not in _LISTS or everything.status != 200:
        return everything
    name, key, most = _LISTS[call.operation]
    query = parse_qs(call.request.query)
    size, marker = int(query.get("MaxItems", [most])[0]), query.get("Marker", [None])[0]
    size = min(size, most)
    found = json.loads(everything.body)
    if marker is None and len(found[name]) <= size:
        return everything
    after = _read(marker) if marker else None
    in_order = sorted(found[name], key=lambda thing: _place(str(thing[key])))
    rest = [each for each in in_order if after is None or _place(str(each[key])) > _place(after)]
    found[name] = rest[:size]
    if len(rest) > size:
        found["NextMarker"] = base64.urlsafe_b64encode(str(rest[size - 1][key]).encode()).decode()
    return json_response(200, found)


def _place(key: str) -> tuple[int, str]:
    """Numbers of versions are in their order, after `$LATEST`."""
    return (int(key), "") if key.isdecimal() else (0, key)


def _read(marker: str) -> str:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except ValueError:
        raise errors.invalid(f"Invalid marker: {marker}") from None
