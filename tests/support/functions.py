"""Functions and their roles, made in one call."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from types import SimpleNamespace
from typing import Any

from lab.aws.session import Session

TRUST: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def zip_of(source: str, name: str = "app.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, source)
    return buffer.getvalue()


def package_of(*entries: tuple[str | zipfile.ZipInfo, str]) -> bytes:
    """A zip file with these entries, however odd they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a name that is there twice
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def make_role(aws: Session, name: str = "role", policy: dict[str, Any] = ANYTHING) -> str:
    iam = aws.client("iam")
    try:
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName=name)
    iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=json.dumps(policy))
    return str(role["Role"]["Arn"])


def make_function(aws: Session, name: str, source: str, **configuration: Any) -> str:
    """A function with the handler `app.handler`, that can be invoked; returns its ARN."""
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Handler="app.handler",
        Runtime="python3.13",
        **{
            "Code": {"ZipFile": zip_of(source)},
            "Role": configuration.pop("Role", None) or make_role(aws),
            "Timeout": 5,
            **configuration,
        },
    )
    return str(made["FunctionArn"])


def permit(aws: Session, function: str, principal: str, source_arn: str) -> None:
    """Let a service of AWS's call a function on behalf of `source_arn`."""
    aws.client("lambda").add_permission(
        FunctionName=function,
        StatementId=principal.partition(".")[0],
        Action="lambda:InvokeFunction",
        Principal=principal,
        SourceArn=source_arn,
        SourceAccount="123456789012",
    )


def invoke(aws: Session, name: str, event: Any = None, **options: Any) -> dict[str, Any]:
    """Invoke and read the payload."""
    reply = aws.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event or {}), **options
    )
    reply["Payload"] = json.loads(reply["Payload"].read() or "null")
    return dict(reply)


ECHO = zip_of("def handler(event, context):\n    return event\n")


def a_function(name: str = "echo", code: bytes = ECHO) -> Any:
    """What the runtime asks of a function; unless it is given code, it echoes its event."""
    return SimpleNamespace(
        function_name=name, function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        code_bytes=code, code_sha_256=name, handler="app.handler", role="role", timeout=2,
        memory_size=128, environment_vars={}, run_time="python3.13", version="$LATEST",
        region="us-east-1", logs_group_name=f"/aws/lambda/{name}", reserved_concurrency=None,
        logging_config={"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    )  # fmt: skip
