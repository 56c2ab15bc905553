"""All functions and event source mappings, and what moto's functions lack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import moto.awslambda.models as moto_lambda
from moto.awslambda.models import EventSourceMapping, lambda_backends

from localcloud import upstream
from localcloud.iam.policies import Policy
from localcloud.upstream import ACCOUNT_ID, replaces

# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_FUNCTION = re.compile(
    r"(arn:aws[\w-]*:lambda:)?((?P<region>[a-z]{2}(-[a-z]+)+-\d):)?(\d{12}:)?(function:)?"
    r"(?P<name>[\w-]+)(:(\$LATEST|[\w-]+))?",
    re.ASCII,
)


@replaces(moto_lambda)
class LambdaFunction(moto_lambda.LambdaFunction):
    """moto's function, plus its dead-letter queue, which moto accepts and forgets."""

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1
    ) -> None:
        self.dead_letter_config = spec.get("DeadLetterConfig")
        super().__init__(account_id, spec, region, version)

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        configuration = super().get_configuration(on_create)
        if self.dead_letter_config:
            configuration["DeadLetterConfig"] = self.dead_letter_config
        return configuration

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in config_updates:
            self.dead_letter_config = config_updates["DeadLetterConfig"]
        return super().update_configuration(config_updates)


def functions() -> Iterator[LambdaFunction]:
    """All functions, in every region."""
    for backend in upstream.backends(lambda_backends):
        yield from backend.list_functions()


def find(name_or_arn: str, region: str) -> LambdaFunction | None:
    """The function with that name, ARN or partial ARN, if any. Ignores a qualifier. `region` is
    where to look for a name."""
    found = _FUNCTION.fullmatch(name_or_arn)
    if found is None:
        return None
    backend = upstream.backend(lambda_backends, ACCOUNT_ID, found["region"] or region)
    there = backend.list_functions() if backend else ()
    return next((each for each in there if each.function_name == found["name"]), None)


def mappings() -> Iterator[EventSourceMapping]:
    """The event source mappings of every region."""
    for backend in upstream.backends(lambda_backends):
        yield from backend._event_source_mappings.values()


def policy_of(function: moto_lambda.LambdaFunction) -> Policy:
    """The function's resource-based policy; moto keeps only its statements."""
    return {"Statement": function.policy.statements}
