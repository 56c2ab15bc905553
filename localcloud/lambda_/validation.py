"""What AWS refuses and moto accepts, where that would teach something wrong.

Each function wraps a method of moto that is too lenient. PARITY.md lists the rules.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
import zlib
from typing import Any

from moto.awslambda.exceptions import (
    GenericResourcNotFound,
    InvalidParameterValueException,
    LambdaClientError,
)
from moto.awslambda.models import (
    EventSourceMapping,
    LambdaBackend,
    LambdaFunction,
    _validate_s3_bucket_and_key,
)

from localcloud import arn as arns
from localcloud import deliver, like_aws, models
from localcloud.iam import lag
from localcloud.iam.policies import NOT_ASSUMABLE, find_role, lambda_may_assume
from localcloud.lambda_ import filter_criteria, functions, states
from localcloud.upstream import original, replaces

_FOR_STREAMS = (
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPositionTimestamp",
    "TumblingWindowInSeconds",
)
_SENDING = {"sqs": "SendMessage", "sns": "Publish"}
_QUEUE_OR_TOPIC = re.compile(r"arn:[\w-]+:(sqs|sns):[\w-]+:\d{12}:.+")
_MAX_ENVIRONMENT = 4096  # bytes
_MAX_UNZIPPED = 262_144_000  # bytes
_MAX_ZIPPED = 52_428_800  # bytes of a package in the request
ACCOUNT_CONCURRENCY = 1000
UNRESERVED = 100  # of that, which no function can reserve
_MAX_TAGS = 50
_COLONS = 6  # in the ARN of a function; one more has a qualifier
_EMPTY_ARCHIVE = b"PK\x05\x06"  # how a zip file without members begins
# Runtimes that no function can be made with any more.
_UNSUPPORTED = ("python2.7", "python3.6", "python3.7")
_TESTED_BYTES = 16 * 1024 * 1024
# Reserved names with a leading underscore, such as _HANDLER, are not valid names anyway.
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

_NO_GRANT = (
    "Lambda was unable to configure access to your environment variables because the KMS key is "
    "invalid for CreateGrant. Please check your KMS key settings. KMS Exception: "
    "InvalidArnException KMS Message: ARN does not refer to a valid principal: {}"
)
_NO_QUEUE = (
    "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
    "SQS Error Message: The specified queue does not exist."
)
# What becomes of a mapping that was enabled or not, and now is or is not.
_SWITCHES = {(False, True): "Enabling", (True, False): "Disabling"}


class _Conflict(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


@replaces(LambdaBackend)
def create_event_source_mapping(backend: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    """A mapping needs a function with a role that Lambda can poll with."""
    _refuse_another_source(spec)
    function, queue_arn = backend.get_function(spec["FunctionName"]), spec["EventSourceArn"]
    _refuse_settings(spec, size=10, window=0)
    _refuse_a_short_visibility_timeout(queue_arn, function.timeout)
    arn = _named_arn(function, spec["FunctionName"])
    _refuse_a_function_that_cannot_poll(backend, function.role, arn, queue_arn)
    if deliver.find(queue_arn) is None:
        raise InvalidParameterValueException(_NO_QUEUE)
    made = original(create_event_source_mapping)(backend, spec)
    made.function_arn = arn
    made.change = states.begin("Creating")
    return made


@replaces(LambdaBackend)
def update_event_source_mapping(
    backend: LambdaBackend, uuid: str, spec: dict[str, Any]
) -> EventSourceMapping:
    """The rules for a new mapping also hold for an updated one."""
    if (mapping := backend.get_event_source_mapping(uuid)) is None:
        raise GenericResourcNotFound
    queue_arn, arn = mapping.event_source_arn, mapping.function_arn
    _refuse_settings(spec, size=mapping.batch_size, window=mapping.max_batch_window)
    # Without a name there is nothing to check: a mapping without its function can be set, too.
    if name := spec.get("FunctionName"):
        function = backend.get_function(name)
        arn = _named_arn(function, name)
        _refuse_a_short_visibility_timeout(queue_arn, function.timeout)
        if arn != mapping.function_arn:
            _refuse_a_function_that_cannot_poll(backend, function.role, arn, queue_arn)
    was_enabled = mapping.enabled
    original(update_event_source_mapping)(backend, uuid, spec)
    mapping.function_arn, mapping.function_name = arn, name or mapping.function_name
    mapping.change = states.begin(_SWITCHES.get((was_enabled, mapping.enabled), "Updating"))
    return mapping


@replaces(LambdaBackend)
def delete_event_source_mapping(backend: LambdaBackend, uuid: str) -> EventSourceMapping:
    """One that is not there cannot be deleted."""
    if (mapping := original(delete_event_source_mapping)(backend, uuid)) is None:
        raise GenericResourcNotFound
    mapping.change = states.begin("Deleting")
    if like_aws.is_on:
        mapping.leave(backend)
    return mapping


def _named_arn(function: LambdaFunction, name: str) -> str:
    """The ARN of a function, with the qualifier by which a mapping names it."""
    qualifier = name.partition(":")[2]
    bare = function.function_arn.removesuffix(f":{function.version}")
    return f"{bare}:{qualifier}" if qualifier else bare


def _refuse_another_source(spec: dict[str, Any]) -> None:
    """Refuse sources other than SQS. moto accepts streams, but nobody would poll them here."""
    arn = spec.get("EventSourceArn") or ""
    service = arns.parse(arn).service
    if service != "sqs" and (service or not arn):
        raise NotImplementedError(
            f"The local cloud has no event source mappings of {service or 'Kafka'}; only "
            "SQS queues are polled."
        )


def _refuse_what_is_not_for_queues(spec: dict[str, Any]) -> None:
    """Refuse settings of streams for a queue.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
    """
    if spec.get("StartingPosition"):
        raise InvalidParameterValueException("StartingPosition is not valid for SQS event sources.")
    for name in _FOR_STREAMS:
        if spec.get(name):
            raise InvalidParameterValueException(
                f"Unsupported {name} parameter for given event source mapping type."
            )


def _refuse_settings(spec: dict[str, Any], size: int, window: int | None) -> None:
    """Refuse what is for streams, and filters that cannot be read. More than ten messages do not
    come in one receive, so such a batch needs a window. Without new values in `spec`, `size` and
    `window` hold.
    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
    """
    _refuse_what_is_not_for_queues(spec)
    filter_criteria.check(spec.get("FilterCriteria"))
    size = spec.get("BatchSize", size)
    window = spec.get("MaximumBatchingWindowInSeconds", window)
    if size > 10 and not window:
        raise InvalidParameterValueException(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )


def _refuse_a_function_that_cannot_poll(
    backend: LambdaBackend, role: str, function_arn: str, queue_arn: str
) -> None:
    """Refuse a role that cannot poll, and a second mapping of the same queue and function."""
    _refuse_unless_assumable(role)
    whose = "function" if like_aws.is_on else "provided"  # AWS has said both since 2025
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        _refuse_unless_allowed(role, "sqs", action, queue_arn, whose)
    name = arns.parse(function_arn).resource.removeprefix("function:")
    for mapping in backend._event_source_mappings.values():
        if (mapping.event_source_arn, mapping.function_arn) == (queue_arn, function_arn):
            raise _Conflict(
                f'An event source mapping with SQS arn (" {queue_arn} ") and function '
                f'(" {name} ") already exists. Please update or delete the existing mapping with '
                f"UUID {mapping.uuid}"
            )


def _refuse_a_short_visibility_timeout(arn: str, timeout: int) -> None:
    """Refuse a queue that hides a message for less time than the function may take. AWS checks when
    a mapping is made or updated, not when queue or function change. Here an update is checked only
    if it names the function.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    queue = deliver.find(arn)
    if queue is not None and int(queue.visibility_timeout) < int(timeout):
        raise InvalidParameterValueException(
            f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than "
            f"Function timeout: {timeout} seconds",
        )


def _refuse_unless_assumable(role_arn: str) -> None:
    """Refuse a role that is not there, not for Lambda, or too new to be known everywhere.
    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    role = find_role(role_arn)
    if role is None or lag.is_unknown(role, "lambda") or not lambda_may_assume(role_arn):
        raise InvalidParameterValueException(NOT_ASSUMABLE)


def _refuse_variables_of_a_new_role(role_arn: str, environment: dict[str, Any]) -> None:
    """Refuse variables where the role is too new for KMS: Lambda keeps them encrypted for it."""
    role = find_role(role_arn)
    if role is not None and environment.get("Variables") and lag.is_unknown(role, "kms"):
        raise InvalidParameterValueException(_NO_GRANT.format(role_arn))


def _refuse_unless_allowed(
    role_arn: str, service: str, action: str, resource: str, whose: str = "provided"
) -> None:
    """Refuse what the function's role may not do: Lambda polls and sends dead letters with it."""
    if deliver.Role(role_arn).problem(f"{service}:{action}", resource):
        raise InvalidParameterValueException(
            f"The {whose} execution role does not have permissions to call {action} on "
            f"{service.upper()}"
        )


def _refuse_dead_letters(role_arn: str, config: dict[str, str]) -> None:
    """Refuse dead letters to anything but a queue or topic. A target of "" turns them off.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    if not (target := config.get("TargetArn")):
        return
    if (found := _QUEUE_OR_TOPIC.fullmatch(target)) is None:
        raise InvalidParameterValueException(
            f"Invalid dead letter ARN: {target} is neither an SQS queue nor an SNS topic"
        )
    _refuse_unless_allowed(role_arn, found[1], _SENDING[found[1]], target)
    if deliver.find(target) is None:
        raise InvalidParameterValueException(f"The dead letter ARN {target} does not exist.")


def refuse_destination(function: LambdaFunction, target: str) -> None:
    """Refuse destinations that cannot get the records of a function's invocations: services that
    are not here, targets that its role may not send to or that do not exist, the function itself.
    https://github.com/aws-amplify/amplify-js/issues/9869
    """
    service = arns.parse(target).service
    if service in ("s3", "events"):
        raise NotImplementedError(
            f"The local cloud has no destinations in {service}; use a queue, a topic or a function."
        )
    action = _SENDING.get(service)
    if action and deliver.Role(function.role).problem(f"{service}:{action}", target):
        raise InvalidParameterValueException(
            f"The function's execution role does not have permissions to call {action} on {target}"
        )
    if target.removesuffix(":$LATEST") == function.function_arn:
        raise InvalidParameterValueException(
            "You can't specify the function as a destination for itself."
        )
    if deliver.find(target) is None:
        raise InvalidParameterValueException(f"The destination ARN {target} is invalid.")


class _NotFound(LambdaClientError):
    code = 404

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNotFoundException", message)


class _TooLarge(LambdaClientError):
    code = 413

    def __init__(self, message: str) -> None:
        super().__init__("RequestEntityTooLargeException", message)


def refuse_what_is_no_package(backend: LambdaBackend, spec: dict[str, Any]) -> None:
    package = spec.get("ZipFile")
    if package is None and "S3Bucket" in spec:
        _refuse_what_is_no_zip_file(_object(backend, spec))
        return
    if package is None:
        raise InvalidParameterValueException("Please provide a source for function code.")
    raw = base64.b64decode(package) if isinstance(package, str) else package
    if len(raw) > _MAX_ZIPPED:
        raise _TooLarge(f"Zipped size must be smaller than {_MAX_ZIPPED} bytes")
    _refuse_what_is_no_zip_file(raw)


def _object(backend: LambdaBackend, spec: dict[str, Any]) -> bytes:
    """The object of S3 that is a function's new code."""
    key = _validate_s3_bucket_and_key(backend.account_id, backend.partition, spec)
    if key is None:
        raise InvalidParameterValueException(
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
            "specified key does not exist."
        )
    raw: bytes = key.value
    return raw


def _refuse_what_is_no_zip_file(raw: bytes) -> None:
    if raw[:4] in (b"", _EMPTY_ARCHIVE):
        raise InvalidParameterValueException("Uploaded file must be a non-empty zip")
    size = _unzipped_size(raw)
    if size is not None and size >= _MAX_UNZIPPED:
        raise InvalidParameterValueException(
            f"Unzipped size must be smaller than {_MAX_UNZIPPED} bytes"
        )
    if size is None or not _is_whole(raw):
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        )


def _refuse_variables(environment: dict[str, Any]) -> None:
    """Refuse variables that Lambda sets (with its own key a function would get out of its role),
    and too many.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    variables = environment.get("Variables", {})
    measured = json.dumps(variables, ensure_ascii=False, separators=(",", ":"))
    problem = ""
    if reserved := sorted(_RESERVED & variables.keys()):
        problem = (
            "contains reserved keys that are currently not supported for modification. Reserved "
            f"keys used in this request: {', '.join(reserved)}"
        )
    elif len(measured.encode()) > _MAX_ENVIRONMENT:
        problem = f"exceeded the 4KB limit. String measured: {measured}"
    if problem:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided {problem}"
        )


def _unzipped_size(package: bytes) -> int | None:
    """The unzipped size that its members declare (zipfile unpacks no more); None if it is not a zip
    file. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            return sum(member.file_size for member in archive.infolist())
    except zipfile.BadZipFile:
        return None


def _is_whole(package: bytes) -> bool:
    """Whether its members can be read. Checks only as much as takes a moment: more would hold up
    everyone, and unpacking finds the rest."""
    left = _TESTED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            for member in archive.infolist():
                left -= member.file_size
                if left < 0:
                    break
                with archive.open(member) as file:
                    while file.read(65_536):  # raises at the end if its checksum is wrong
                        pass
        return True
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return False  # the last two: an unknown compression, a password


def _refuse_what_cannot_run(spec: dict[str, Any]) -> None:
    """Refuse a function without runtime and handler, and one that is not written in Python.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    """
    if spec.get("PackageType") == "Image" or spec.get("Code", {}).get("ImageUri"):
        raise NotImplementedError("The local cloud has no container images; give it a zip file.")
    if not spec.get("Runtime") or not spec.get("Handler"):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    _refuse_runtime(spec["Runtime"])


def _refuse_runtime(runtime: str) -> None:
    member: Any = models.input_members("lambda", "CreateFunction")["Runtime"]
    if runtime not in member.enum:
        raise InvalidParameterValueException(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(member.enum)}] or be a valid ARN"
        )
    if runtime in _UNSUPPORTED:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    if not runtime.startswith("python"):
        raise NotImplementedError(f"The local cloud runs Python only; it has no {runtime}.")


def _refuse_levels_of_text(config: dict[str, Any], before: str = "Text") -> None:
    """Refuse levels for logs in text, where nothing says which level a line has."""
    levels = config.keys() & {"ApplicationLogLevel", "SystemLogLevel"}
    if levels and config.get("LogFormat", before) != "JSON":
        raise InvalidParameterValueException(
            f"{' and '.join(sorted(levels))} can only be set when LogFormat is JSON."
        )


def _refuse_many_tags(tags: dict[str, str]) -> None:
    if len(tags) > _MAX_TAGS:
        raise InvalidParameterValueException("Number of tags exceeds resource tag limit.")


@replaces(LambdaBackend)
def tag_resource(backend: LambdaBackend, arn: str, tags: dict[str, str]) -> None:
    """A function has 50 tags at most, and other tags give it another revision."""
    found = backend.list_tags(arn)
    if not tags:
        text = "An error occurred and the request cannot be processed."
        raise InvalidParameterValueException(text)
    _refuse_many_tags({**found, **tags})
    found.update(tags)
    _renew_revision(arn)


@replaces(LambdaBackend)
def untag_resource(backend: LambdaBackend, arn: str, names: list[str]) -> None:
    """A function without these tags has another revision."""
    backend.list_tags(arn)
    original(untag_resource)(backend, arn, names)
    _renew_revision(arn)


def _renew_revision(arn: str) -> None:
    if function := functions.find(arn, arns.parse(arn).region):
        function.renew_revision()


@replaces(LambdaBackend)
def list_tags(backend: LambdaBackend, arn: str) -> dict[str, str]:
    """Versions and aliases have no tags, nor has a mapping that is not there."""
    kind, _, name = arns.parse(arn).resource.partition(":")
    is_mapping = kind == "event-source-mapping"
    if is_mapping and backend.get_event_source_mapping(name) is None:
        raise _NotFound(f"Event source mapping not found: {arn}")
    if kind == "function" and arn.count(":") > _COLONS:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function "
            "ARN."
        )
    found: dict[str, str] = original(list_tags)(backend, arn)
    return found


@replaces(LambdaBackend)
def put_function_concurrency(backend: LambdaBackend, function_name: str, reserved: int) -> int:
    """What a function reserves is taken from the account, which keeps 100."""
    others = sum(
        int(each.reserved_concurrency or 0)
        for each in backend.list_functions()
        if each.function_name != function_name
    )
    if ACCOUNT_CONCURRENCY - others - int(reserved) < UNRESERVED:
        raise InvalidParameterValueException(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED}]."
        )
    found: int = original(put_function_concurrency)(backend, function_name, reserved)
    return found


@replaces(LambdaBackend)
def create_function(backend: LambdaBackend, spec: dict[str, Any]) -> Any:
    """A function needs a zip file, and a role that Lambda can assume and send dead letters with."""
    _refuse_what_cannot_run(spec)
    _refuse_many_tags(spec.get("Tags") or {})
    _refuse_levels_of_text(spec.get("LoggingConfig") or {})
    _refuse_unless_assumable(spec["Role"])
    _refuse_variables_of_a_new_role(spec["Role"], spec.get("Environment", {}))
    refuse_what_is_no_package(backend, spec.get("Code", {}))
    _refuse_variables(spec.get("Environment", {}))
    _refuse_dead_letters(spec["Role"], spec.get("DeadLetterConfig", {}))
    made = original(create_function)(backend, spec)
    there = backend._lambdas._functions[made.function_name]
    for each in (there["latest"], *there["versions"], made):  # what is shown may be a copy
        each.begin("Pending")
    return made


@replaces(LambdaBackend)
def update_function_configuration(
    backend: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
) -> Any:
    """The rules for a new function also hold for an updated one."""
    function = backend.get_function(function_name, qualifier)
    before = function.logging_config["LogFormat"] if function else "Text"
    _refuse_levels_of_text(body.get("LoggingConfig") or {}, before)
    if body.get("Runtime"):
        _refuse_runtime(body["Runtime"])
    if "Role" in body:
        _refuse_unless_assumable(body["Role"])
        _refuse_variables_of_a_new_role(body["Role"], body.get("Environment", {}))
    if body.keys() & {"Role", "DeadLetterConfig"}:
        config = body.get("DeadLetterConfig", getattr(function, "dead_letter_config", None) or {})
        _refuse_dead_letters(body.get("Role", function.role), config)
    _refuse_variables(body.get("Environment", {}))
    if function:
        function.begin("InProgress")
    return original(update_function_configuration)(backend, function_name, qualifier, body)


@replaces(LambdaBackend)
def update_function_code(
    backend: LambdaBackend, function_name: str, qualifier: str, body: dict[str, Any]
) -> Any:
    """New code for a function is a zip file, too."""
    refuse_what_is_no_package(backend, body)
    if (function := backend.get_function(function_name, qualifier)) and not body.get("DryRun"):
        function.begin("InProgress")
    return original(update_function_code)(backend, function_name, qualifier, body)
