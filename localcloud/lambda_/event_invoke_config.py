"""How often and how long a function's asynchronous invocations are tried, and who is told.

moto takes these settings and goes on showing the first ones that it was given.

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
    """The settings in force, AWS's own where there are none. `max_age` is in seconds;
    destinations are ARNs."""

    retries: int = _RETRIES
    max_age: float = _MAX_AGE
    on_success: str | None = None
    on_failure: str | None = None


def config_of(function: LambdaFunction) -> EventInvokeConfig:
    """What the function's asynchronous invocations are held to."""
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
    """All settings are replaced; moto goes on showing the first ones."""
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
    """What is not named stays; moto goes on showing the first settings."""
    before = backend.get_function(function_name).event_invoke_config
    merged = {**(before[0].config if before else {}), **config}
    return put_function_event_invoke_config(backend, function_name, merged)
