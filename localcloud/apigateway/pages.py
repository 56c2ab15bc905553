"""The lists of API Gateway, page by page: 25 things at a time, or as many as `limit` says.

moto gives them all at once. AWS promises no order; a list that is too long for one page is sorted
here, so that a thing that goes between two pages takes no other with it.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetResources.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from localcloud import models
from localcloud.apigateway.errors import bad_request
from localcloud.call import Call
from localcloud.http import Response, json_response

_DEFAULT, _MOST = 25, 500
_NAMES = ("id", "responseType", "name", "domainName")  # by which a list's things are told apart

Thing = Mapping[str, Any]


def is_paged(operation: str) -> bool:
    """Whether an operation lists things page by page."""
    return {"limit", "position"} <= set(models.input_members("apigateway", operation))


def page_of(call: Call, everything: Response) -> Response:
    """The page that a call asks for, of the answer with all things. Raises APIGatewayError."""
    found = json.loads(everything.body) if everything.status == 200 else {}
    if not isinstance(things := found.get("item"), list):
        return everything
    query = {name: values[0] for name, values in parse_qs(call.request.query).items()}
    limit, position = _limit(query.get("limit")), query.get("position")
    if position is None and len(things) <= limit:
        return everything
    after = "" if position is None else _read(position)
    rest = sorted((each for each in things if _name(each) > after), key=_name)
    found["item"] = rest[:limit]
    if len(rest) > limit:
        found["position"] = _written(_name(rest[limit - 1]))
    return json_response(200, found)


def _limit(text: str | None) -> int:
    """How many things a page has at most."""
    given = int(text or 0)
    return min(given, _MOST) if given > 0 else _DEFAULT


def _name(thing: Thing) -> str:
    return next(str(thing[name]) for name in _NAMES if name in thing)


def _written(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _read(position: str) -> str:
    try:
        return base64.b64decode(position, altchars=b"-_", validate=True).decode()
    except ValueError:
        raise bad_request(f"Invalid position parameter: {position}") from None
