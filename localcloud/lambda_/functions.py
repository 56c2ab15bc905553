"""All functions, their versions and aliases, all mappings, and what moto's functions lack.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

import moto.awslambda.models as moto_lambda
from moto.awslambda.models import EventSourceMapping, LambdaAlias, lambda_backends

from localcloud import clock, like_aws, upstream
from localcloud.iam.policies import Policy
from localcloud.lambda_ import names, states
from localcloud.lambda_.states import Change
from localcloud.upstream import ACCOUNT_ID, replaces

# What is shown of a function during a change, and at other times.
_STATES: dict[str | None, dict[str, str]] = {
    None: {"State": "Active", "LastUpdateStatus": "Successful"},
    "Pending": {
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
    },
    "InProgress": {
        "State": "Active",
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    },
}
_LEVELS, _LEVEL = ("ApplicationLogLevel", "SystemLogLevel"), "INFO"  # of logs in JSON


@replaces(moto_lambda)
class LambdaFunction(moto_lambda.LambdaFunction):
    """moto's function, plus what moto accepts and forgets: its dead-letter queue, how and where it
    logs, and that a change takes a moment."""

    change: Change | None = None

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1
    ) -> None:
        self.dead_letter_config = spec.get("DeadLetterConfig")
        super().__init__(account_id, spec, region, version)
        self.logging_config: dict[str, str] = {
            "LogFormat": "Text",
            "LogGroup": f"/aws/lambda/{self.function_name}",
        }
        self._log_as(spec.get("LoggingConfig") or {})
        self.revision_id = str(uuid.uuid4())

    def begin(self, state: str) -> None:
        """Begin a change, which gives it another revision."""
        self.change, self.revision_id = states.begin(state), str(uuid.uuid4())

    def _log_as(self, given: dict[str, str]) -> None:
        """Change how and where it logs, as far as that is given.
        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
        """
        found = {**self.logging_config, **given}
        is_json = found["LogFormat"] == "JSON"
        levels = {name: found.pop(name, _LEVEL) for name in _LEVELS} if is_json else {}
        self.logging_config = {**{n: v for n, v in found.items() if n not in _LEVELS}, **levels}
        self.logs_group_name = self.logging_config["LogGroup"]

    @property
    def vpc_config(self) -> None:
        """There are no networks here: one that is asked for is refused, an empty one is none."""

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        configuration = {**super().get_configuration(on_create), **_STATES[states.now(self.change)]}
        configuration["LoggingConfig"] = self.logging_config
        if self.dead_letter_config:
            configuration["DeadLetterConfig"] = self.dead_letter_config
        return {**configuration, "RevisionId": self.revision_id}

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in config_updates:
            self.dead_letter_config = config_updates["DeadLetterConfig"]
        if "LoggingConfig" in config_updates:
            self._log_as(config_updates["LoggingConfig"] or {})
        return super().update_configuration(config_updates)


def functions() -> Iterator[LambdaFunction]:
    """All functions, in every region: what `$LATEST` names."""
    for backend in upstream.backends(lambda_backends):
        yield from backend.list_functions()


def versions() -> Iterator[LambdaFunction]:
    """All functions, and all that was published of them."""
    for backend in upstream.backends(lambda_backends):
        for each in backend._lambdas._functions.values():
            yield from [each["latest"], *each["versions"]]


def find(name_or_arn: str, region: str) -> LambdaFunction | None:
    """The function with that name, ARN or partial ARN, in the version that its qualifier names, if
    any. `region` is where to look for a name."""
    named = names.parse(name_or_arn)
    if named is None:
        return None
    backend = upstream.backend(lambda_backends, named.account or ACCOUNT_ID, named.region or region)
    there = backend._lambdas if backend else None
    if there is None or named.name not in there._functions:
        return None
    latest: LambdaFunction = there._functions[named.name]["latest"]
    alias = there._aliases[latest.function_arn].get(named.qualifier)
    version = _version_behind(alias) if alias else named.qualifier
    if version in (None, names.LATEST):
        return latest
    found: LambdaFunction | None = there._get_version(named.name, version)
    return found


def _version_behind(alias: LambdaAlias) -> str:
    """The version that an alias names this time: it may send a share of its calls to another one.
    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    others = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
    left = random.random()
    for version, weight in others.items():
        left -= weight
        if left < 0:
            return str(version)
    return str(alias.function_version)


def mappings() -> Iterator[EventSourceMapping]:
    """The event source mappings of every region."""
    for backend in upstream.backends(lambda_backends):
        yield from backend._event_source_mappings.values()


def forget_gone_mappings() -> None:
    """Take those out of the listings that were being deleted until now."""
    for backend in upstream.backends(lambda_backends):
        there = backend._event_source_mappings
        for mapping in [each for each in there.values() if each.is_gone]:
            del there[mapping.uuid]


def policy_of(function: moto_lambda.LambdaFunction) -> Policy:
    """The function's resource-based policy, with the statements for all its versions and aliases;
    moto keeps only the statements. Each names its resource. What is not known yet is left out."""
    policy: Any = function.policy
    if (later := vars(policy).get("known_ms")) is None:
        return {"Statement": policy.statements}
    now_ms = clock.now_ms()
    return {"Statement": [s for s in policy.statements if later.get(s["Sid"], 0) <= now_ms]}


def note_new_statement(function: LambdaFunction, statement_id: str) -> None:
    """Note that a statement of a function's policy is new, and not known everywhere at first."""
    if like_aws.is_on:
        policy: Any = function.policy
        vars(policy).setdefault("known_ms", {})[statement_id] = like_aws.end_ms("permission")
