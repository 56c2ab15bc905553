"""A function's name in a call: a name, an ARN or a part of that, with a qualifier or without.

Every call of Lambda's takes all of these, and moto's only some. So a call is brought into one form
first: the bare name where the function is named, and the qualifier (a version or an alias) where
the operation takes one. What is in another region or account is refused here.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, quote, urlencode

from localcloud import models
from localcloud.call import Call
from localcloud.lambda_ import errors
from localcloud.lambda_.errors import LambdaError
from localcloud.upstream import ACCOUNT_ID

LATEST = "$LATEST"
_LONGEST = 64  # characters of the bare name
_FORM = re.compile(
    r"(arn:aws[\w-]*:lambda:)?((?P<region>[a-z]{2}(-[a-z]+)+-\d):)?((?P<account>\d{12}):)?"
    r"(function:)?(?P<name>[\w-]+)(:(?P<qualifier>\$LATEST|[\w-]+))?",
    re.ASCII,
)
_TWO_QUALIFIERS = (
    "The derived qualifier from the function name does not match the specified qualifier."
)
_OF_FUNCTIONS_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support "
    "this operation. Please specify either a function name or an unqualified function ARN."
)


@dataclass(frozen=True)
class Name:
    """A function's bare name, with a qualifier or None; `region` and `account` if they are said."""

    name: str
    qualifier: str | None = None
    region: str | None = None
    account: str | None = None

    @property
    def text(self) -> str:
        """The name with its qualifier."""
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name

    def arn(self, region: str) -> str:
        """Its ARN; `region` is the one of the call."""
        return f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{self.text}"


def parse(text: str) -> Name | None:
    """The name in one of its forms; None if the text has none of them."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    return Name(found["name"], found["qualifier"], found["region"], found["account"])


def named_in(call: Call) -> Name | None:
    """The function that a call is about, without a qualifier; None if it names none, or none that
    can be meant."""
    try:
        text = _named_in(call, parse_qs(call.request.query))
    except (ValueError, RecursionError, AttributeError):  # no JSON object: refused further on
        return None
    found = parse(text) if isinstance(text, str) else None
    return Name(found.name) if found else None


def in_one_form(call: Call) -> Call:
    """The call with the function's bare name. Raises LambdaError for one that cannot be meant."""
    query = parse_qs(call.request.query, keep_blank_values=True)
    found = parse(_named_in(call, query))
    if found is None:
        return call
    asked = query.get("Qualifier", [None])[0]
    _refuse(call, found)
    if found.qualifier and asked not in (None, found.qualifier):
        raise errors.invalid(_TWO_QUALIFIERS)
    found = replace(found, qualifier=found.qualifier or asked)
    match _place_of_name(call.operation):
        case "body":
            return _with_body(call, found)
        case "querystring":
            return _with_query(call, query | {"FunctionName": [found.text]})
    allowed = (None,) if call.operation.endswith("Concurrency") else (None, LATEST)
    if not _takes_qualifier(call.operation) and found.qualifier not in allowed:
        raise errors.invalid(_OF_FUNCTIONS_ONLY)
    return _with_path(call, found, query)


def qualifier_of(call: Call) -> str | None:
    """The qualifier of a call in one form."""
    return parse_qs(call.request.query).get("Qualifier", [None])[0]


def _place_of_name(operation: str) -> str:
    """Where an operation takes the function's name; "" if it takes none."""
    member = models.input_members("lambda", operation).get("FunctionName")
    return str(member.serialization.get("location", "body")) if member else ""


def _takes_qualifier(operation: str) -> bool:
    is_for_any = operation in ("InvokeAsync", "ListVersionsByFunction")
    return is_for_any or "Qualifier" in models.input_members("lambda", operation)


def _named_in(call: Call, query: dict[str, list[str]]) -> str:
    """How the call names its function."""
    match _place_of_name(call.operation):
        case "uri":
            return str(call.parameters["FunctionName"])
        case "querystring":
            return query.get("FunctionName", [""])[0]
        case "body":
            return json.loads(call.request.body or b"{}").get("FunctionName") or ""
    return ""


def _refuse(call: Call, found: Name) -> None:
    """Refuse what is elsewhere, and what is too long."""
    if found.region not in (None, call.region):
        raise errors.not_found(
            f"Functions from '{found.region}' are not reachable in this region ('{call.region}')"
        )
    if found.account not in (None, ACCOUNT_ID):
        arn = f"arn:aws:lambda:{call.region}:{found.account}:function:{found.text}"
        action = f"lambda:{call.operation}"
        text = (
            f"User: arn:aws:iam::{ACCOUNT_ID}:root is not authorized to perform: {action} on "
            f"resource: {arn} because no resource-based policy allows the {action} action"
        )
        raise LambdaError(403, "AccessDeniedException", text)
    if len(found.name) > _LONGEST and call.operation == "CreateFunction":
        text = (
            f"1 validation error detected: Value '{found.name}' at 'functionName' failed to "
            f"satisfy constraint: Member must have length less than or equal to {_LONGEST}"
        )
        raise errors.invalid(text)


def _with_body(call: Call, found: Name) -> Call:
    body = json.loads(call.request.body)
    body["FunctionName"] = found.name if call.operation == "CreateFunction" else found.text
    return replace(call, request=replace(call.request, body=json.dumps(body).encode()))


def _with_query(call: Call, query: dict[str, list[str]]) -> Call:
    return replace(call, request=replace(call.request, query=urlencode(query, doseq=True)))


def _with_path(call: Call, found: Name, query: dict[str, list[str]]) -> Call:
    """The name stands in the path, and the qualifier where moto looks for it."""
    is_after_the_name = call.operation.endswith("EventInvokeConfig")
    others = {name: values for name, values in query.items() if name != "Qualifier"}
    if found.qualifier and not is_after_the_name:
        others["Qualifier"] = [found.qualifier]
    name = found.text if is_after_the_name and found.qualifier != LATEST else found.name
    parts = call.request.path.split("/")
    parts[parts.index("functions") + 1] = quote(name, safe="")
    call = replace(call, request=replace(call.request, path="/".join(parts)))
    return _with_query(replace(call, parameters={**call.parameters, "FunctionName": name}), others)
