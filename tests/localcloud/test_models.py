"""What does not fit AWS's model of an operation is refused in AWS's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from lab.aws.session import Session
from localcloud.constraints import in_python
from tests.support import functions

# As a client sends it that checks nothing by itself.
UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
CHECKED = ("dynamodb", "iam", "lambda", "logs", "sts")
TRUST = json.dumps(functions.TRUST)
ROLE = "arn:aws:iam::123456789012:role/role"
FUNCTION = {
    "FunctionName": "f",
    "Role": ROLE,
    "Handler": "app.handler",
    "Runtime": "python3.13",
    "Code": {"ZipFile": b"x"},
}
TABLE = {
    "TableName": "Orders",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ONE = "1 validation error detected: "
FAILED = "failed to satisfy constraint: Member must"


def value(shown: str, path: str, rule: str) -> str:
    """AWS's words for one value that breaks a rule."""
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {rule}"


BROKEN: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("lambda", "create_function", {**FUNCTION, "FunctionName": "my-function!"},
     "ValidationException", f"{ONE}Value 'my-function!' at 'functionName' {FAILED} satisfy"),
    ("lambda", "create_function", {**FUNCTION, "FunctionName": "f" * 141},
     "ValidationException", "length less than or equal to 140"),
    ("lambda", "create_function", {**FUNCTION, "Timeout": 901},
     "ValidationException",
     ONE + value("'901'", "timeout", "have value less than or equal to 900")),
    ("lambda", "create_function", {**FUNCTION, "Timeout": 0}, "ValidationException",
     ONE + value("'0'", "timeout", "have value greater than or equal to 1")),
    ("lambda", "create_function", {**FUNCTION, "MemorySize": 10241}, "ValidationException",
     ONE + value("'10241'", "memorySize", "have value less than or equal to 10240")),
    ("lambda", "create_function", {**FUNCTION, "Handler": "a b"}, "ValidationException",
     ONE + value("'a b'", "handler", r"satisfy regular expression pattern: [^\s]+")),
    ("lambda", "create_function", {**FUNCTION, "Role": "nonsense"}, "ValidationException",
     f"{ONE}Value 'nonsense' at 'role' {FAILED} satisfy regular expression pattern: arn:"),
    ("lambda", "create_function", {**FUNCTION, "Architectures": ["x86_64", "arm64"]},
     "ValidationException",
     ONE + value("'[x86_64, arm64]'", "architectures", "have length less than or equal to 1")),
    ("lambda", "create_function", {**FUNCTION, "Architectures": ["sparc"]}, "ValidationException",
     ONE + value("'[sparc]'", "architectures", "satisfy constraint: [Member must satisfy enum "
                 "value set: [x86_64, arm64], Member must not be null]")),
    ("lambda", "create_function", {**FUNCTION, "Environment": {"Variables": {"A-B": "x"}}},
     "ValidationException", f"{ONE}Value at 'environment.variables' failed to satisfy constraint: "
     "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: "),
    ("lambda", "create_function", {"FunctionName": "f", "Role": ROLE}, "ValidationException",
     ONE + value("null", "code", "not be null")),
    ("lambda", "create_function", {**FUNCTION, "Timeout": 901, "MemorySize": 1},
     "ValidationException", "2 validation errors detected: Value '"),
    ("lambda", "create_function", {**FUNCTION, "Timeout": "soon"}, "SerializationException",
     "STRING_VALUE can not be converted to an Integer"),
    ("lambda", "create_function", {**FUNCTION, "FunctionName": 5}, "SerializationException",
     "NUMBER_VALUE can not be converted to a String"),
    ("lambda", "create_function", {**FUNCTION, "Handler": {"a": 1}}, "SerializationException",
     "Start of structure or map found where not expected"),
    ("lambda", "add_permission", {"FunctionName": "f", "StatementId": "example.com",
     "Action": "lambda.InvokeFunction", "Principal": "a b"}, "ValidationException",
     "3 validation errors detected: Value 'example.com' at 'statementId' "),
    ("lambda", "create_alias", {"FunctionName": "f", "Name": "2024", "FunctionVersion": "1"},
     "ValidationException", f"{ONE}Value '2024' at 'name' {FAILED} satisfy regular expression"),
    ("lambda", "invoke", {"FunctionName": "f", "InvocationType": "Soon"}, "ValidationException",
     ONE + value("'Soon'", "invocationType",
                 "satisfy enum value set: [Event, RequestResponse, DryRun]")),
    ("lambda", "list_functions", {"MaxItems": 0}, "ValidationException",
     ONE + value("'0'", "maxItems", "have value greater than or equal to 1")),
    ("lambda", "list_functions", {"MaxItems": "many"}, "SerializationException", "many"),
    ("iam", "create_role", {"RoleName": "a b", "AssumeRolePolicyDocument": TRUST},
     "ValidationError",
     ONE + value("'a b'", "roleName", r"satisfy regular expression pattern: [\w+=,.@-]+")),
    ("iam", "create_role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": TRUST},
     "ValidationError", "at 'roleName' failed to satisfy constraint: Member must have length less"),
    ("iam", "create_role", {"RoleName": "r"}, "ValidationError",
     ONE + value("null", "assumeRolePolicyDocument", "not be null")),
    ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST,
     "Tags": [{"Key": "ok", "Value": "ok"}, {"Key": "", "Value": "€"}]}, "ValidationError",
     value("''", "tags.2.member.key", "have length greater than or equal to 1")),
    ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST,
     "MaxSessionDuration": 60}, "ValidationError",
     ONE + value("'60'", "maxSessionDuration", "have value greater than or equal to 3600")),
    ("iam", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST,
     "MaxSessionDuration": "x"}, "MalformedInput", "x"),
    ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "a:b"}, "ValidationError",
     ONE + value("'a:b'", "roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*")),
    ("sts", "assume_role", {"RoleArn": "role", "RoleSessionName": "session"}, "ValidationError",
     ONE + value("'role'", "roleArn", "have length greater than or equal to 20")),
    ("dynamodb", "create_table", {**TABLE, "BillingMode": "FREE"}, "ValidationException",
     ONE + value("'FREE'", "billingMode",
                 "satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]")),
    ("dynamodb", "create_table",
     {**TABLE, "KeySchema": [{"AttributeName": "id", "KeyType": "KEY"}]}, "ValidationException",
     ONE + value("'KEY'", "keySchema.1.member.keyType", "satisfy enum value set: [HASH, RANGE]")),
    ("dynamodb", "create_table", {**TABLE, "KeySchema": []}, "ValidationException",
     ONE + value("'[]'", "keySchema", "have length greater than or equal to 1")),
    ("dynamodb", "put_item", {"Item": {"id": {"S": "a"}}}, "ValidationException",
     ONE + value("null", "tableName", "not be null")),
    ("dynamodb", "put_item", {"TableName": "Orders", "Item": {"id": {"S": "a"}},
     "ReturnValues": "ALL"}, "ValidationException", f"{ONE}Value 'ALL' at 'returnValues' {FAILED} "
     "satisfy enum value set: [NONE, ALL_OLD"),
    ("dynamodb", "put_item", {"TableName": "Orders", "Item": {"id": {"L": [{"S": 5}]}}},
     "SerializationException", "NUMBER_VALUE can not be converted to a String"),
    ("dynamodb", "put_item", {"TableName": "Orders", "Item": {}, "ReturnValues": ["NONE"]},
     "SerializationException", "Start of structure or map found where not expected"),
    ("dynamodb", "scan", {"TableName": "Orders", "Limit": 0}, "ValidationException",
     ONE + value("'0'", "limit", "have value greater than or equal to 1")),
    ("logs", "create_log_group", {"logGroupName": "a b"}, "InvalidParameterException",
     ONE + value("'a b'", "logGroupName",
                 r"satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+")),
    ("logs", "create_log_group", {"logGroupName": ""}, "InvalidParameterException",
     "2 validation errors detected: Value '' at 'logGroupName' failed to satisfy constraint"),
    ("logs", "filter_log_events", {"logGroupName": "g", "limit": 10_001},
     "InvalidParameterException", ONE + value("'10001'", "limit",
                                              "have value less than or equal to 10000")),
    ("logs", "put_log_events", {"logGroupName": "g", "logStreamName": "s", "logEvents": []},
     "InvalidParameterException", ONE + value("'[]'", "logEvents",
                                              "have length greater than or equal to 1")),
    ("logs", "put_log_events", {"logGroupName": "g", "logStreamName": "a:b",
     "logEvents": [{"timestamp": 1, "message": "m"}]}, "InvalidParameterException",
     f"{ONE}Value 'a:b' at 'logStreamName' {FAILED} satisfy regular expression pattern: [^:*]*"),
]  # fmt: skip


@pytest.mark.parity(
    "A request that breaks a rule of the operation's model is refused with all that is wrong",
    kept="yes, for Lambda, IAM, STS, DynamoDB and CloudWatch Logs",
    module="models",
)
@pytest.mark.parity(
    "A value of another type than the operation's model has cannot be read",
    kept="yes, for the same services, in other words",
    module="constraints",
)
def test_what_breaks_a_rule_of_the_model_is_refused_in_the_words_of_aws(aws: Session) -> None:
    clients = {name: aws.client(name, config=UNCHECKED) for name in CHECKED}
    for service, operation, given, code, said in BROKEN:
        with pytest.raises(ClientError) as caught:
            getattr(clients[service], operation)(**given)
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), (operation, error)


FITTING: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "create_role", {"RoleName": "r+=,.@-_1", "AssumeRolePolicyDocument": TRUST,
     "Description": "Grün\n", "Tags": [{"Key": "Größe", "Value": "日本 + ½"}]}),
    ("logs", "create_log_group", {"logGroupName": "/a.b-c_d#1", "tags": {"Größe": "日本"}}),
    ("dynamodb", "create_table", {**TABLE, "Tags": [{"Key": "a", "Value": ""}]}),
    ("dynamodb", "put_item", {"TableName": "Orders", "Item": {"id": {"S": "a"}, "a": {"M": {}}}}),
]  # fmt: skip


def test_what_fits_the_model_goes_through(aws: Session) -> None:
    for service, operation, given in FITTING:
        getattr(aws.client(service), operation)(**given)


def patterns() -> Iterator[tuple[str, str]]:
    for service in CHECKED:
        model = get_service_model(service)
        found = (model.shape_for(name).metadata.get("pattern") for name in model.shape_names)
        yield from ((service, pattern) for pattern in found if pattern)


def test_every_pattern_of_the_models_is_one_of_pythons() -> None:
    """And the underscore that \\w brings along stands in every pattern with letters."""
    seen = set(patterns())
    assert len(seen) > 100
    for _, pattern in seen:
        found = in_python(pattern)
        if r"\p{L}" in pattern:
            assert "_" in pattern
            assert found.fullmatch("Größe") and found.fullmatch("½ 7") and not found.fullmatch("€")
