"""Refusals of AWS's that moto leaves out, where a tutorial would teach something wrong.

Each wraps the method of moto's that is too lenient. PARITY.md names the rules.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.sqs.models import sqs_backends

from localcloud.permissions import find_role, lambda_may_assume, role_allows

_add_permission = LambdaBackend.add_permission
_create_function = LambdaBackend.create_function
_update_function_configuration = LambdaBackend.update_function_configuration
_update_function_code = LambdaBackend.update_function_code
_create_event_source_mapping = LambdaBackend.create_event_source_mapping

_MAX_ENVIRONMENT = 4096  # bytes
_VARIABLE = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")
# Those that begin with an underscore, such as _HANDLER, are no names to begin with.
_RESERVED = {
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}

_role_delay = 0.0  # seconds that a new role needs


class _Conflict(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


def _permission(backend: LambdaBackend, function_name: str, qualifier: str, raw: str) -> Any:
    """A statement id is taken once in a function's policy."""
    function = backend.get_function(function_name, qualifier)
    statement_id = json.loads(raw).get("StatementId")
    if any(statement.get("Sid") == statement_id for statement in function.policy.statements):
        raise _Conflict(
            f"The statement id ({statement_id}) provided already exists. Please provide a new "
            "statement id, or remove the existing statement."
        )
    return _add_permission(backend, function_name, qualifier, raw)


def _mapping(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    """A queue triggers a function through one mapping, and hides a message for as long as
    the function may take."""
    function = backend.get_function(spec["FunctionName"])
    _refuse_unless_assumable(function.role)
    _refuse_a_short_visibility_timeout(backend, spec["EventSourceArn"], function.timeout)
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        _refuse_unless_allowed(function.role, action, spec["EventSourceArn"])
    for mapping in backend._event_source_mappings.values():
        if (mapping.event_source_arn, mapping.function_arn) == (
            spec["EventSourceArn"],
            function.function_arn,
        ):
            raise _Conflict(
                f'The event source arn (" {mapping.event_source_arn} ") and function '
                f'(" {function.function_name} ") provided mapping already exists. Please update '
                f"or delete the existing mapping with UUID {mapping.uuid}"
            )
    return _create_event_source_mapping(backend, spec)


def _refuse_a_short_visibility_timeout(backend: LambdaBackend, arn: str, timeout: int) -> None:
    """AWS looks when the mapping is made, and not again when one of the two changes.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    queues = sqs_backends[backend.account_id][backend.region_name].queues.values()
    queue = next((queue for queue in queues if queue.queue_arn == arn), None)
    if queue is not None and int(queue.visibility_timeout) < int(timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than "
            f"Function timeout: {timeout} seconds",
        )


def _refuse_unless_assumable(role_arn: str) -> None:
    """A role has to be one for Lambda, and a new one has to be known everywhere first.
    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    role = find_role(role_arn)
    is_new = role is not None and _age(role.create_date) < _role_delay
    if is_new or not lambda_may_assume(role_arn):
        raise InvalidParameterValueException(
            "The role defined for the function cannot be assumed by Lambda.",
        )


def _age(made: datetime) -> float:
    """Seconds since then; moto's times are in UTC and do not say so."""
    return (datetime.now(UTC).replace(tzinfo=None) - made.replace(tzinfo=None)).total_seconds()


def _refuse_unless_allowed(role_arn: str, action: str, queue_arn: str) -> None:
    """Lambda polls, and sends dead letters, in the name of the function's role."""
    if not role_allows(role_arn, f"sqs:{action}", queue_arn):
        raise InvalidParameterValueException(
            f"The provided execution role does not have permissions to call {action} on SQS",
        )


def _refuse_what_is_no_package(spec: dict[str, Any]) -> None:
    package = spec.get("ZipFile")
    if package is None:
        return
    raw = base64.b64decode(package) if isinstance(package, str) else package
    if not zipfile.is_zipfile(io.BytesIO(raw)):
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        )


def _refuse_variables(environment: dict[str, Any]) -> None:
    """A variable's name is a word, and none of those that Lambda sets: with a key of its own a
    function would step out of its role.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    variables = environment.get("Variables", {})
    if not all(map(_VARIABLE.fullmatch, variables)):
        raise LambdaClientError(
            "ValidationException",
            "1 validation error detected: Value at 'environment.variables' failed to satisfy "
            "constraint: Map keys must satisfy constraint: [Member must satisfy regular "
            f"expression pattern: {_VARIABLE.pattern}]",
        )
    measured = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    problem = ""
    if reserved := sorted(_RESERVED & variables.keys()):
        problem = (
            "contains reserved keys that are currently not supported for modification. Reserved "
            f"keys used in this request: {', '.join(reserved)}"
        )
    elif len(measured.encode()) > _MAX_ENVIRONMENT:
        problem = "exceeded the 4KB limit."
    if problem:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided {problem}"
        )


def _function(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
    """A function's code is a zip file, its role can be assumed, and may send to its
    dead-letter queue."""
    _refuse_unless_assumable(spec["Role"])
    _refuse_what_is_no_package(spec.get("Code", {}))
    _refuse_variables(spec.get("Environment", {}))
    target = spec.get("DeadLetterConfig", {}).get("TargetArn", "")
    if ":sqs:" in target:
        _refuse_unless_allowed(spec["Role"], "SendMessage", target)
    return _create_function(backend, spec)


def _configuration(
    backend: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
) -> Any:
    """The same holds for what it is given later."""
    if "Role" in body:
        _refuse_unless_assumable(body["Role"])
    _refuse_variables(body.get("Environment", {}))
    return _update_function_configuration(backend, function_name, qualifier, body)


def _code(backend: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]) -> Any:
    """Its next version is a zip file, too."""
    _refuse_what_is_no_package(body)
    return _update_function_code(backend, function_name, qualifier, body)


def install(role_delay: float) -> None:
    """Make moto keep these rules from now on, and Lambda not know a role for its first
    `role_delay` seconds."""
    global _role_delay
    _role_delay = role_delay
    LambdaBackend.update_function_configuration = _configuration
    LambdaBackend.create_function = _function
    LambdaBackend.update_function_code = _code
    LambdaBackend.add_permission = _permission
    LambdaBackend.create_event_source_mapping = _mapping
