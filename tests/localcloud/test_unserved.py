"""What is out is refused by name, in one sentence with the operation."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws.session import Session

FUNCTION = {"FunctionName": "f"}
PUBLISHER = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/a/b"
OUT: list[tuple[str, str, dict[str, Any], str]] = [
    ("lambda", "publish_layer_version", {"LayerName": "l", "Content": {"ZipFile": b"x"}},
     "has no layers; put what the function needs into its package. (PublishLayerVersion)"),
    ("lambda", "create_function_url_config", {**FUNCTION, "AuthType": "NONE"},
     "has no function URLs; put a REST API in front of the function. (CreateFunctionUrlConfig)"),
    ("lambda", "put_provisioned_concurrency_config",
     {**FUNCTION, "Qualifier": "1", "ProvisionedConcurrentExecutions": 1},
     "has no provisioned concurrency; its workers stay warm. (PutProvisionedConcurrencyConfig)"),
    ("lambda", "create_code_signing_config",
     {"AllowedPublishers": {"SigningProfileVersionArns": [PUBLISHER]}}, "has no code signing"),
    ("lambda", "invoke_with_response_stream", FUNCTION,
     "streams no replies; use Invoke. (InvokeWithResponseStream)"),
    ("lambda", "create_event_source_mapping", {**FUNCTION, "EventSourceArn":
     "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2026"},
     "has no event source mappings of dynamodb; only SQS queues are polled."),
    ("apigateway", "create_domain_name", {"domainName": "x.y"}, "has no domain names of your own"),
    ("apigateway", "create_vpc_link", {"name": "x", "targetArns": ["arn:x"]}, "has no networks"),
    ("apigateway", "generate_client_certificate", {}, "has no client certificates"),
    ("apigatewayv2", "create_api", {"Name": "x", "ProtocolType": "HTTP"},
     "has REST APIs, and no HTTP or WebSocket APIs; make a REST API."),
    ("dynamodb", "put_resource_policy",
     {"ResourceArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t", "Policy": "{}"},
     "heeds no policies of tables; give the role a policy. (PutResourcePolicy)"),
    ("iam", "put_user_permissions_boundary",
     {"UserName": "u", "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
     "heeds no permissions boundaries of users; put the limit into the policy."),
    ("sns", "create_topic", {"Name": "t.fifo", "Attributes": {"FifoTopic": "true"}},
     "has standard topics only; use a name without"),
]  # fmt: skip


@pytest.mark.parity(
    "Layers, function URLs, provisioned concurrency, code signing, streamed replies, domain names, "
    "HTTP APIs, FIFO topics, users' permissions boundaries and policies of tables are out",
    kept="no: each is refused by name, with what to do in its place",
    module="unserved",
    service="Lambda",
)
def test_what_is_out_is_refused_by_name(aws: Session) -> None:
    once = Config(retries={"total_max_attempts": 1})
    for service, operation, given, said in OUT:
        with pytest.raises(ClientError) as caught:
            getattr(aws.client(service, config=once), operation)(**given)
        error = caught.value.response["Error"]
        found = (error["Code"], said in error["Message"])
        assert found == ("NotImplemented", True), (operation, error)
        assert re.match("The local cloud (has|heeds|streams) ", error["Message"])
