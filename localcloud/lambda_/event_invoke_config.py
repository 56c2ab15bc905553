"""How often and how long asynchronous invocations are tried, and where their results go.

A function, each version and each alias have settings of their own: those of what an event was sent
to count. They are kept in one list, which a function shares with its versions, as each names its
ARN. moto accepts these settings, but keeps showing the first ones.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    UnknownEventConfig,
)
from moto.awslambda.models import EventInvokeConfig as MotoConfig
from moto.awslambda.models import LambdaBackend, LambdaFunction

from localcloud import arn as arns
from localcloud import clock
from localcloud.lambda_ import functions
from localcloud.lambda_.names import LATEST, Name, parse
from localcloud.lambda_.validation import refuse_destination
from localcloud.upstream import replaces

_RETRIES = 2
_MAX_AGE = 6 * 60 * 60.0  # seconds
_SETTINGS = ("DestinationConfig", "MaximumEventAgeInSeconds", "MaximumRetryAttempts")
_KINDS = ("OnSuccess", "OnFailure")
_TARGETS = ("events", "lambda", "s3", "sns", "sqs")


class _NoFunctionError(LambdaClientError):
    code = 404

    def __init__(self) -> None:
        super().__init__("ResourceNotFoundException", "The function doesn't exist.")


@dataclass(frozen=True)
class EventInvokeConfig:
    """The settings in force, with AWS's defaults. `max_age` is in seconds; destinations are
    ARNs."""

    retries: int = _RETRIES
    max_age: float = _MAX_AGE
    on_success: str | None = None
    on_failure: str | None = None


def config_of(function: LambdaFunction, arn: str) -> EventInvokeConfig:
    """The settings for the asynchronous invocations of what `arn` names: the function itself, or a
    version or an alias of it."""
    kept = next((each for each in function.event_invoke_config if each.arn == _whole(arn)), None)
    settings = kept.config if kept else {}
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
    """All settings are replaced, of exactly what is named."""
    if not config.keys() & set(_SETTINGS):
        raise InvalidParameterValueException(
            "You must specify at least one of error handling or destination setting."
        )
    function = _function(backend, function_name)
    _refuse_destinations(function, config.get("DestinationConfig") or {})
    made = MotoConfig(_arn(backend, function_name), clock.now_ms() / 1000, config)
    there = function.event_invoke_config
    there[:] = [*(each for each in there if each.arn != made.arn), made]
    return _shown(made)


@replaces(LambdaBackend)
def update_function_event_invoke_config(
    backend: LambdaBackend, function_name: str, config: dict[str, Any]
) -> dict[str, Any]:
    """Settings that are not given stay."""
    _function(backend, function_name)
    before = _kept(backend, function_name).config
    return put_function_event_invoke_config(backend, function_name, {**before, **config})


@replaces(LambdaBackend)
def get_function_event_invoke_config(backend: LambdaBackend, function_name: str) -> dict[str, Any]:
    """The settings of exactly what is named."""
    return _shown(_kept(backend, function_name))


@replaces(LambdaBackend)
def delete_function_event_invoke_config(backend: LambdaBackend, function_name: str) -> None:
    """Only the settings of what is named are deleted."""
    kept = _kept(backend, function_name)
    _function(backend, function_name).event_invoke_config.remove(kept)


@replaces(LambdaBackend)
def list_function_event_invoke_configs(
    backend: LambdaBackend, function_name: str
) -> dict[str, Any]:
    """The settings of a function, its versions and its aliases."""
    kept = sorted(_function(backend, function_name).event_invoke_config, key=lambda each: each.arn)
    return {"FunctionEventInvokeConfigs": [_shown(each) for each in kept]}


def _function(backend: LambdaBackend, name: str) -> LambdaFunction:
    found = functions.find(name, backend.region_name)
    if found is None:
        raise _NoFunctionError
    return found


def _kept(backend: LambdaBackend, name: str) -> MotoConfig:
    """The settings of what is named. Raises UnknownEventConfig if it has none, or is not there."""
    arn, function = _arn(backend, name), functions.find(name, backend.region_name)
    for each in function.event_invoke_config if function else ():
        if each.arn == arn:
            return each
    raise UnknownEventConfig(arn)


def _arn(backend: LambdaBackend, name: str) -> str:
    named = parse(name)
    assert named is not None  # it is in one form
    return Name(named.name, named.qualifier or LATEST).arn(backend.region_name)


def _whole(arn: str) -> str:
    """An ARN with the qualifier of what it names."""
    return arn if ":" in arns.parse(arn).resource.removeprefix("function:") else f"{arn}:{LATEST}"


def _shown(kept: MotoConfig) -> dict[str, Any]:
    """Settings as AWS shows them: with both kinds of destination, even if there are none."""
    destinations = kept.config.get("DestinationConfig") or {}
    return {
        **kept.response(),
        "DestinationConfig": {kind: destinations.get(kind) or {} for kind in _KINDS},
    }


def _refuse_destinations(function: LambdaFunction, config: dict[str, dict[str, str]]) -> None:
    targets = {kind: (config.get(kind) or {}).get("Destination") for kind in _KINDS}
    for target in filter(None, targets.values()):
        if arns.parse(target).service not in _TARGETS:
            given = (
                f"on{kind[2:]}={f'{kind}(destination={each})' if each else 'null'}"
                for kind, each in targets.items()
            )
            raise InvalidParameterValueException(
                f"The provided destination config DestinationConfig({', '.join(given)}) is invalid."
            )
        refuse_destination(function, target)
