"""What a patch may name: the paths of each kind of thing, and the operations that each takes.

moto looks for parts of a path, and passes over what it does not know. AWS refuses that, in words
that differ from kind to kind.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.apigateway.errors import APIGatewayError, bad_request, not_here

Patch = Mapping[str, Any]

_OPERATIONS = ("add", "copy", "move", "remove", "replace", "test")
WITH_VALUE = ("add", "replace", "test")
_ALL = "add remove replace"
# Paths with "*" stand for any name there; the operations that each path takes follow it.
_Paths = Mapping[str, str]
_SETTINGS = (
    "metrics/enabled",
    "logging/dataTrace",
    "logging/loglevel",
    "throttling/burstLimit",
    "throttling/rateLimit",
    "caching/ttlInSeconds",
    "caching/enabled",
    "caching/dataEncrypted",
    "caching/requireAuthorizationForCacheControl",
    "caching/unauthorizedCacheControlHeaderStrategy",
)
# AWS's list of a stage's paths, as it says it.
_OF_A_STAGE = (
    "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, "
    "/accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, "
    + "".join(
        f"{place}/{name}{after}"
        for place, after_a_limit in (("/{resourcePath}/{httpMethod}", ""), ("/*/*", " "))
        for name in _SETTINGS
        for after in (after_a_limit if name.startswith("throttling") else ", ",)
    )
    + "/variables/{variable_name}, /tracingEnabled"
)


@dataclass(frozen=True)
class _Kind:
    """A kind of thing: its paths, the error for a path, and the one for an operation on a path.
    `takes_none` are the paths whose value may be left out."""

    paths: _Paths
    no_path: Callable[[str, str, _Paths], APIGatewayError]
    no_operation: Callable[[str, str, _Paths], APIGatewayError]
    takes_none: tuple[str, ...] = ()

    def operations(self, path: str) -> set[str]:
        """The operations that a path takes; none if there is no such path."""
        found: set[str] = set()
        for wanted, operations in self.paths.items():
            if re.fullmatch(re.escape(wanted).replace(r"\*", "[^/]+"), path):
                found.update(operations.split())
        return found


def check(operation: str, given: Iterable[Patch]) -> None:
    """Refuse patches that would change nothing. Raises APIGatewayError."""
    kind = _KINDS.get(operation)
    for each in given:
        path, what = each["path"], each.get("op")
        if what not in _OPERATIONS:
            wanted = ", ".join(_OPERATIONS)
            raise bad_request(f"Invalid patch operation '{what}'. Must be one of: [{wanted}]")
        takes_none = kind is not None and path.startswith(kind.takes_none)
        if what in WITH_VALUE and each.get("value") is None and not takes_none:
            raise bad_request(f"Invalid patch value  'null' specified for op '{what}'")
        if kind is None or what in (operations := kind.operations(path)):
            continue
        refusal = kind.no_operation if operations else kind.no_path
        raise refusal(path, what, kind.paths)


def _unknown(path: str, _: str, __: _Paths) -> APIGatewayError:
    return bad_request(f"Invalid patch path {path}")


def _of_an_api(path: str, what: str, paths: _Paths) -> APIGatewayError:
    if path == "/policy":
        return not_here("has no policies of APIs; give the roles of the callers one.")
    return _unknown(path, what, paths)


def _only_some(path: str, _: str, paths: _Paths) -> APIGatewayError:
    wanted = paths[next(each for each in paths if each.split("/")[1] == path.split("/")[1])]
    return bad_request(
        f"Invalid patch operation specified. Must be one of: [{wanted.replace(' ', ', ')}]"
    )


def _listed(path: str, what: str, paths: _Paths) -> APIGatewayError:
    """An error with the list of the paths that the operation takes."""
    wanted = [each for each, operations in paths.items() if what in operations.split()]
    said = (
        f"Must be one of: [{', '.join(wanted)}]" if wanted else "Please choose supported operations"
    )
    return bad_request(f"Invalid patch path  '{path}' specified for op '{what}'. {said}")


def _of_a_plan(path: str, what: str, _: _Paths) -> APIGatewayError:
    if path.startswith("/apiStages/") and what != "remove":
        return not_here(
            "limits a plan as a whole; use /throttle/rateLimit and /throttle/burstLimit."
        )
    return _listed(path, what, {})


def _of_a_stage(path: str, what: str, _: _Paths) -> APIGatewayError:
    if path.startswith("/canarySettings"):
        return not_here("has no canary releases; deploy to another stage.")
    if path.startswith("/accessLogSettings"):
        return bad_request(
            "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, "
            "/accessLogSettings/format]"
        )
    if what in ("copy", "move", "test"):
        return not_here(f"has no patches of stages with {what}; use replace.")
    return bad_request(f"Invalid method setting path: {path}. Must be one of: [{_OF_A_STAGE}]")


_KINDS: dict[str, _Kind] = {
    "UpdateApiKey": _Kind(
        dict.fromkeys(("/description", "/enabled", "/name", "/customerId"), "replace"),
        _listed,
        _listed,
    ),
    "UpdateDeployment": _Kind({"/description": "replace"}, _listed, _listed),
    "UpdateIntegration": _Kind(
        dict.fromkeys(("/credentials", "/httpMethod", "/timeoutInMillis", "/uri"), "replace"),
        _listed,
        _listed,
    ),
    "UpdateMethod": _Kind(
        {
            "/apiKeyRequired": "replace",
            "/authorizationType": "replace",
            "/authorizerId": "replace",
            "/operationName": "replace",
            "/requestModels/*": _ALL,
            "/requestParameters/*": _ALL,
            "/requestValidatorId": "replace",
        },
        _unknown,
        _only_some,
    ),
    "UpdateModel": _Kind(dict.fromkeys(("/description", "/schema"), "replace"), _listed, _listed),
    "UpdateRequestValidator": _Kind(
        dict.fromkeys(("/name", "/validateRequestParameters", "/validateRequestBody"), "replace"),
        _listed,
        _listed,
        ("/",),
    ),
    "UpdateResource": _Kind(dict.fromkeys(("/parentId", "/pathPart"), "replace"), _listed, _listed),
    "UpdateRestApi": _Kind(
        {
            "/apiKeySource": "replace",
            "/binaryMediaTypes/*": _ALL,
            "/description": "remove replace",
            "/disableExecuteApiEndpoint": "replace",
            "/endpointConfiguration/ipAddressType": "replace",
            "/endpointConfiguration/types/*": "replace",
            "/minimumCompressionSize": "replace",
            "/name": "replace",
            "/version": "replace",
        },
        _of_an_api,
        _only_some,
        ("/binaryMediaTypes/", "/minimumCompressionSize"),
    ),
    "UpdateStage": _Kind(
        {
            "/accessLogSettings": "remove",
            "/accessLogSettings/destinationArn": "add replace",
            "/accessLogSettings/format": "add replace",
            "/cacheClusterEnabled": "replace",
            "/cacheClusterSize": "replace",
            "/deploymentId": "replace",
            "/description": "replace",
            "/tracingEnabled": "replace",
            "/variables/*": _ALL,
            **{f"/*/*/{name}": "replace" for name in _SETTINGS},
            "/*/*": "remove",
        },
        _of_a_stage,
        _of_a_stage,
    ),
    "UpdateUsagePlan": _Kind(
        {
            "/apiStages": "add remove",
            "/description": "replace",
            "/name": "replace",
            "/productCode": _ALL,
            "/quota": "remove",
            "/quota/limit": "add replace",
            "/quota/offset": "add replace",
            "/quota/period": "add replace",
            "/throttle": "remove",
            "/throttle/burstLimit": "add replace",
            "/throttle/rateLimit": "add replace",
        },
        _of_a_plan,
        _of_a_plan,
    ),
}
