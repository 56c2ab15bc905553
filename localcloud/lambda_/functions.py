"""All functions, their versions and aliases, all mappings, and what moto's functions lack.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import moto.awslambda.models as moto_lambda
from moto.awslambda.models import EventSourceMapping, LambdaAlias, LambdaStorage, lambda_backends
from moto.awslambda.responses import LambdaResponse

from localcloud import clock, like_aws, upstream
from localcloud.iam.policies import Policy
from localcloud.lambda_ import names, states
from localcloud.lambda_.names import Name
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
# What only a call that is about one function shows of it.
_NOT_LISTED = (
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RuntimeVersionConfig",
    "State",
    "StateReason",
    "StateReasonCode",
)
_LEVELS, _LEVEL = ("ApplicationLogLevel", "SystemLogLevel"), "INFO"  # of logs in JSON


@replaces(moto_lambda)
class LambdaFunction(moto_lambda.LambdaFunction):
    """moto's function, plus what moto accepts and forgets: its dead-letter queue, how and where it
    logs, and that a change takes a moment and gives it another revision."""

    change: Change | None = None
    _revisions: tuple[str, str]  # during the last change, and after it

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
        self._has_environment = "Environment" in spec
        self.renew_revision()

    @property
    def revision_id(self) -> str:
        """It is another one during a change, and once the change is over.
        https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
        """
        return self._revisions[states.now(self.change) is None]

    def renew_revision(self) -> None:
        """Give it another revision, and one more for the end of the change that is under way."""
        self._revisions = str(uuid.uuid4()), str(uuid.uuid4())

    def begin(self, state: str) -> None:
        """Begin a change, which gives it another revision."""
        self.change = states.begin(state)
        self.renew_revision()

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
        configuration["RuntimeVersionConfig"] = {"RuntimeVersionArn": self._runtime_version()}
        if self.dead_letter_config:
            configuration["DeadLetterConfig"] = self.dead_letter_config
        if self._has_environment:
            configuration["Environment"] = {"Variables": self.environment_vars}
        del configuration["Layers"]  # there are none here, and AWS shows no empty list
        return {**configuration, "RevisionId": self.revision_id}

    def _runtime_version(self) -> str:
        """The ARN of the runtime's version, which stays the same here for each runtime.
        https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
        """
        digest = hashlib.sha256(str(self.run_time).encode()).hexdigest()
        return f"arn:aws:lambda:{self.region}::runtime:{digest}"

    def listed(self) -> dict[str, Any]:
        """Its configuration in a list of functions or versions, which says nothing of states.
        https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
        """
        whole = self.get_configuration()
        return {name: value for name, value in whole.items() if name not in _NOT_LISTED}

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in config_updates:
            self.dead_letter_config = config_updates["DeadLetterConfig"]
        if "LoggingConfig" in config_updates:
            self._log_as(config_updates["LoggingConfig"] or {})
        if "Environment" in config_updates:
            self._has_environment = True
            config_updates["Environment"] = {"Variables": {}, **config_updates["Environment"]}
        return super().update_configuration(config_updates)


@replaces(LambdaResponse)
def list_functions(response: LambdaResponse) -> str:
    """The functions of a region, or with `FunctionVersion` all their versions, without states."""
    asked = response.querystring.get("FunctionVersion", [None])[0]
    return json.dumps({"Functions": [f.listed() for f in response.backend.list_functions(asked)]})


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
    if (place := _place(name_or_arn, region)) is None:
        return None
    there, named = place
    latest: LambdaFunction = there._functions[named.name]["latest"]
    alias = there._aliases[latest.function_arn].get(named.qualifier)
    version = _version_behind(alias) if alias else named.qualifier
    if version in (None, names.LATEST):
        return latest
    found: LambdaFunction | None = there._get_version(named.name, version)
    return found


def alias(name_or_arn: str, region: str) -> LambdaAlias | None:
    """The alias that the qualifier of a name, an ARN or a partial ARN names, if it is one."""
    if (place := _place(name_or_arn, region)) is None:
        return None
    there, named = place
    return there._get_function_aliases(named.name).get(named.qualifier)


def _place(name_or_arn: str, region: str) -> tuple[LambdaStorage, Name] | None:
    """Where a function is kept, and its name in parts; None if there is no such function."""
    named = names.parse(name_or_arn)
    if named is None:
        return None
    backend = upstream.backend(lambda_backends, named.account or ACCOUNT_ID, named.region or region)
    there = backend._lambdas if backend else None
    if there is None or named.name not in there._functions:
        return None
    return there, named


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
