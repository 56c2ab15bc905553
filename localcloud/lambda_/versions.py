"""Versions and aliases of functions: made, changed, listed and deleted.

moto keeps them. What is here is what it leaves out: that the versions behind an alias have to be
there, that a version that an alias names stays, and that a number is given once.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from moto.awslambda.models import LambdaAlias, LambdaFunction, LambdaStorage, lambda_backends
from moto.awslambda.responses import LambdaResponse

from localcloud.call import Call
from localcloud.http import Response, json_response
from localcloud.lambda_ import errors
from localcloud.lambda_.names import LATEST, Name, qualifier_of
from localcloud.upstream import ACCOUNT_ID, original, replaces


def handle(call: Call) -> Response | None:
    """Answer a call for a version or an alias, with the function's name in one form; None for any
    other call. Raises LambdaError."""
    answer = _ANSWERS.get(call.operation)
    if answer is None:
        return None
    name, storage = call.parameters["FunctionName"], _storage(call)
    if call.operation == "DeleteFunction" and qualifier_of(call) == LATEST:
        raise errors.invalid("$LATEST version cannot be deleted without deleting the function.")
    if name not in storage._functions:
        version = _body(call).get("FunctionVersion") if call.operation == "CreateAlias" else None
        raise errors.no_function(Name(name, version).arn(call.region))
    return answer(call, storage, name)


def _storage(call: Call) -> LambdaStorage:
    return lambda_backends[ACCOUNT_ID][call.region]._lambdas


def _aliases(storage: LambdaStorage, name: str) -> dict[str, LambdaAlias]:
    found: dict[str, LambdaAlias] = storage._get_function_aliases(name)
    return found


def _publish(call: Call, storage: LambdaStorage, name: str) -> Response:
    given = _body(call)
    latest = storage._functions[name]["latest"]
    wanted, found = given.get("CodeSha256"), latest.code_sha_256
    if wanted and wanted != found:
        raise errors.invalid(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({found}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    made = storage.publish_version(name, given.get("Description"))
    return json_response(201, made.get_configuration())


def _list_versions(_: Call, storage: LambdaStorage, name: str) -> Response:
    found = [each.listed() for each in storage.list_versions_by_function(name)]
    return json_response(200, {"Versions": found})


def _delete(call: Call, storage: LambdaStorage, name: str) -> Response | None:
    """Delete a version; a whole function is deleted by moto."""
    qualifier = qualifier_of(call)
    if qualifier is None:
        return None
    users = [a.name for a in _aliases(storage, name).values() if qualifier in _behind(a)]
    if users:
        raise errors.conflict(
            "Unable to delete version because the following aliases reference it: "
            f"[{', '.join(users)}]"
        )
    version = storage._get_version(name, qualifier)
    if version is not None:  # AWS says nothing of one that is not there
        storage._functions[name]["versions"].remove(version)
    return Response(204)


def _create_alias(call: Call, storage: LambdaStorage, name: str) -> Response:
    given = _body(call)
    version, routes = given["FunctionVersion"], given.get("RoutingConfig")
    _refuse_routes(call, storage, name, version, routes)
    aliases = _aliases(storage, name)
    if given["Name"] in aliases:
        arn = Name(name, given["Name"]).arn(call.region)
        raise errors.conflict(f"Alias already exists: {arn}")
    made = LambdaAlias(
        account_id=ACCOUNT_ID,
        region=call.region,
        name=given["Name"],
        function_name=name,
        function_version=version,
        description=given.get("Description", ""),
        routing_config=routes,
    )
    aliases[made.name] = made
    return json_response(201, _shown(made))


def _update_alias(call: Call, storage: LambdaStorage, name: str) -> Response:
    given, asked = _body(call), call.parameters["Name"]
    if (alias := _aliases(storage, name).get(asked)) is None:
        raise errors.not_found(f"Alias not found: {Name(name, asked).arn(call.region)}")
    errors.refuse_another_revision(given.get("RevisionId"), alias.revision_id)
    version = given.get("FunctionVersion", alias.function_version)
    routes = given.get("RoutingConfig", alias.routing_config)
    _refuse_routes(call, storage, name, version, routes)
    alias.update(given.get("Description"), version, routes)
    alias.revision_id = str(uuid.uuid4())
    return json_response(200, _shown(alias))


def _get_alias(call: Call, storage: LambdaStorage, name: str) -> Response:
    return json_response(200, _shown(_alias(call, storage, name)))


def _delete_alias(call: Call, storage: LambdaStorage, name: str) -> Response:
    """Deleting one that is not there succeeds."""
    _aliases(storage, name).pop(call.parameters["Name"], None)
    return Response(204)


def _list_aliases(call: Call, storage: LambdaStorage, name: str) -> Response:
    asked = parse_qs(call.request.query).get("FunctionVersion", [None])[0]
    found = [a for a in storage.list_aliases(name) if asked in (None, a.function_version)]
    return json_response(200, {"Aliases": [_shown(each) for each in found]})


_ANSWERS = {
    "CreateAlias": _create_alias,
    "DeleteAlias": _delete_alias,
    "DeleteFunction": _delete,
    "GetAlias": _get_alias,
    "ListAliases": _list_aliases,
    "ListVersionsByFunction": _list_versions,
    "PublishVersion": _publish,
    "UpdateAlias": _update_alias,
}


def _body(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call.request.body or b"{}")
    return found


def _alias(call: Call, storage: LambdaStorage, name: str) -> LambdaAlias:
    asked = call.parameters["Name"]
    if (found := _aliases(storage, name).get(asked)) is None:
        raise errors.not_found(f"Cannot find alias arn: {Name(name, asked).arn(call.region)}")
    return found


def _shown(alias: LambdaAlias) -> dict[str, Any]:
    """An alias in an answer, without the members that it lacks, such as a routing to no other
    version."""
    shown = {name: value for name, value in alias.to_json().items() if value is not None}
    if not _weights(alias.routing_config):
        shown.pop("RoutingConfig", None)
    return shown


def _behind(alias: LambdaAlias) -> set[str]:
    """The versions that an alias names."""
    return {alias.function_version, *_weights(alias.routing_config)}


def _weights(routes: dict[str, Any] | None) -> dict[str, float]:
    return (routes or {}).get("AdditionalVersionWeights") or {}


def _refuse_routes(
    call: Call, storage: LambdaStorage, name: str, version: str, routes: dict[str, Any] | None
) -> None:
    """Refuse versions that are not there, or that cannot share an alias's calls.
    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    weights = _weights(routes)
    if len(weights) > 1:
        raise errors.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if version in weights:
        raise errors.invalid(
            f"Invalid function version {version}. Function version {version} is already included "
            "in routing configuration."
        )
    if weights and LATEST in (version, *weights):
        raise errors.invalid(
            "$LATEST is not supported for an alias pointing to more than 1 version"
        )
    for each in (version, *weights):
        if each != LATEST and storage._get_version(name, each) is None:
            raise errors.no_function(Name(name, each).arn(call.region))


@replaces(LambdaStorage)
def publish_version(
    storage: LambdaStorage, name: str, description: str = ""
) -> LambdaFunction | None:
    """The number of a deleted version is not given again. A version has a revision of its own,
    and the function has another one than before."""
    versions = storage._functions[name]["versions"]
    before, latest = len(versions), storage._functions[name]["latest"]
    made: LambdaFunction | None = original(publish_version)(storage, name, description)
    if made is not None and len(versions) > before:
        latest.published = vars(latest).get("published", 0) + 1
        del storage._arns[made.function_arn]
        made.set_version(latest.published)
        if made.change:  # it is published with the function's change, as a new thing
            made.change = replace(made.change, state="Pending")
        made.renew_revision()
        latest.renew_revision()
        storage._arns[made.function_arn] = made
    return made


@replaces(LambdaResponse, "_set_configuration_qualifier")
def with_qualifier(
    _: LambdaResponse, configuration: dict[str, Any], __: str, qualifier: str | None
) -> dict[str, Any]:
    """A function is shown under the qualifier by which it was asked for."""
    if qualifier:
        bare = ":".join(configuration["FunctionArn"].split(":")[:7])
        configuration["FunctionArn"] = f"{bare}:{qualifier}"
    return configuration
