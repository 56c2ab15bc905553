"""How often and how long asynchronous invocations are tried, and where their results go.

moto accepts these settings, but keeps showing the first ones.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import EventInvokeConfig as MotoConfig
from moto.awslambda.models import LambdaBackend, LambdaFunction

from localcloud.lambda_.validation import refuse_destination
from localcloud.upstream import replaces

_RETRIES = 2
_MAX_AGE = 6 * 60 * 60.0  # seconds


@dataclass(frozen=True)
class EventInvokeConfig:
    """The settings in force, with AWS's defaults. `max_age` is in seconds; destinations are
    ARNs."""

    retries: int = _RETRIES
    max_age: float = _MAX_AGE
    on_success: str | None = None
    on_failure: str | None = None


def config_of(function: LambdaFunction) -> EventInvokeConfig:
    """The settings for the function's asynchronous invocations."""
    if not function.event_invoke_config:
        return EventInvokeConfig()
    settings = function.event_invoke_config[0].config
    destinations = settings.get("DestinationConfig") or {}
    return EventInvokeConfig(
        retries=settings.get("MaximumRetryAttempts", _RETRIES),
        max_age=settings.get("MaximumEventAgeInSeconds", _MAX_AGE),
        on_success=destinations.get("OnSuccess", {}).get("Destination"),
        on_failure=destinations.get("OnFailure", {}).get("Destination"),
    )


@replaces(LambdaBackend)
def put_function_event_invoke_config(
    backend: LambdaBackend, function_name: str, config: dict[str, Any]
) -> dict[str, Any]:
    """All settings are replaced; moto keeps showing the first ones."""
    function = backend.get_function(function_name)
    destinations = (config.get("DestinationConfig") or {}).values()
    for destination in filter(lambda each: each.get("Destination"), destinations):
        refuse_destination(function, destination["Destination"])
    made = MotoConfig(f"{function.function_arn}:$LATEST", function.last_modified, config)
    function.event_invoke_config = [made]
    found: dict[str, Any] = made.response()
    return found


@replaces(LambdaBackend)
def update_function_event_invoke_config(
    backend: LambdaBackend, function_name: str, config: dict[str, Any]
) -> dict[str, Any]:
    """Settings that are not given stay; moto keeps showing the first ones."""
    before = backend.get_function(function_name).event_invoke_config
    merged = {**(before[0].config if before else {}), **config}
    return put_function_event_invoke_config(backend, function_name, merged)
