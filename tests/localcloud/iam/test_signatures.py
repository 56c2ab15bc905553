"""Requests are signed, and what is not signed well is refused in AWS's words."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lab.aws.session import Session
from lab.here import local
from localcloud.host.start_key import StartKey
from tests.support import http
from tests.support.clouds import own_cloud
from tests.support.functions import invoke, make_function, make_role
from tests.support.roles import session_of
from tests.support.sessions import make_session

# A harmless call of each protocol.
CALLS: dict[str, Callable[[Any], Any]] = {
    "sqs": lambda sqs: sqs.list_queues(),
    "sns": lambda sns: sns.list_topics(),
    "iam": lambda iam: iam.list_roles(),
    "sts": lambda sts: sts.get_caller_identity(),
    "dynamodb": lambda dynamodb: dynamodb.list_tables(),
    "logs": lambda logs: logs.describe_log_groups(),
    "lambda": lambda lambda_: lambda_.list_functions(),
    "apigateway": lambda apigateway: apigateway.get_rest_apis(),
}
QUERY, JSON, REST = ("sqs", "sns", "iam", "sts"), ("dynamodb", "logs"), ("lambda", "apigateway")
UNKNOWN = "The security token included in the request is invalid."
WRONG = "The request signature we calculated does not match the signature you provided."


def key_of(address: str) -> StartKey:
    key = local.key_at(address)
    assert key is not None
    return key


def session_with(address: str, key_id: str, secret: str, token: str | None = None) -> Session:
    return Session(
        address,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
        region_name="us-east-1",
    )


def refused(session: Session, service: str) -> tuple[int, str, str]:
    """The status, code and message with which a harmless call of the service is refused."""
    with pytest.raises(ClientError) as raised:
        CALLS[service](session.client(service))
    error = raised.value.response
    status = error["ResponseMetadata"]["HTTPStatusCode"]
    return status, error["Error"]["Code"], error["Error"]["Message"]


@pytest.mark.parity(
    "A request is signed with credentials that AWS gave out",
    kept="yes; `--auth off` takes any",
    service="Every service",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html",
)
@pytest.mark.parametrize("service", CALLS)
def test_the_key_of_the_start_opens_everything(aws: Session, service: str) -> None:
    CALLS[service](aws.client(service))


@pytest.mark.parametrize("service", CALLS)
def test_an_unknown_key_is_refused(cloud: str, service: str) -> None:
    status, code, message = refused(session_with(cloud, "AKIAIOSFODNN7EXAMPLE", "x"), service)
    assert code == ("InvalidClientTokenId" if service in QUERY else "UnrecognizedClientException")
    assert (status, message) == (400 if service in JSON else 403, UNKNOWN)


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret_is_refused(cloud: str, service: str) -> None:
    key = key_of(cloud)
    status, code, message = refused(session_with(cloud, key.access_key_id, "wrong"), service)
    assert code == ("SignatureDoesNotMatch" if service in QUERY else "InvalidSignatureException")
    assert status == (400 if service in JSON else 403)
    assert message.startswith(WRONG)


@pytest.mark.parametrize("minutes", [-20, -6, 6, 20])
@pytest.mark.parametrize("service", ["sqs", "sns", "dynamodb", "lambda"])
def test_a_request_from_a_clock_that_is_off_is_told_so(
    aws: Session, service: str, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = aws.client(service)
    client.meta.config.retries = {"total_max_attempts": 1}
    now = datetime.datetime.now(datetime.UTC)
    off = now + datetime.timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: off)
    with pytest.raises(ClientError) as raised:
        CALLS[service](client)
    error = raised.value.response["Error"]
    query, json_code = "SignatureDoesNotMatch", "InvalidSignatureException"
    assert error["Code"] == (query if service in QUERY else json_code)
    says = "Signature expired: " if minutes < 0 else "Signature not yet current: "
    assert error["Message"].startswith(f"{says}{off:%Y%m%dT%H%M}")
    assert "5 min.)" in error["Message"]


def test_a_clock_may_be_some_minutes_off(aws: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    off = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=4)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: off)
    aws.client("sqs").list_queues()


# -- What was changed after it was signed --------------------------------------------------------

FORM = "application/x-www-form-urlencoded; charset=utf-8"
PUBLISH = b"Action=ListTopics&Version=2010-03-31"


def signed(
    key: StartKey, body: bytes = PUBLISH, service: str = "sns", region: str = "us-east-1"
) -> AWSRequest:
    """A request to list topics, signed for a service and region."""
    request = AWSRequest("POST", f"{key.address}/", {"Content-Type": FORM}, body)
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), service, region).add_auth(
        request
    )
    return request


def send(request: AWSRequest, **changed: Any) -> tuple[int, str]:
    """The status and text of the answer, for a request of which something is changed."""
    whole: dict[str, Any] = {"url": request.url, "body": request.data}
    whole |= {"headers": dict(request.headers.items()), **changed}
    answer = http.request("POST", whole["url"], body=whole["body"], headers=whole["headers"])
    return answer.status, answer.data.decode()


def test_what_was_signed_is_what_counts(cloud: str) -> None:
    request = signed(key_of(cloud))
    assert send(request)[0] == 200
    headers = dict(request.headers.items())
    for changed in (
        {"body": PUBLISH + b"&NextToken=x"},
        {"url": f"{cloud}/?x=1"},
        {"url": f"{cloud}/x"},
        {"headers": headers | {"Content-Type": "application/x-www-form-urlencoded"}},
        {"headers": headers | {"Host": "localhost"}},
        {"headers": headers | {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}},
    ):
        status, text = send(request, **changed)
        assert (status, "SignatureDoesNotMatch" in text) == (403, True), changed
        assert WRONG in text


def test_a_signature_that_leaves_out_the_host_is_refused(cloud: str) -> None:
    request = signed(key_of(cloud))
    authorization = request.headers["Authorization"].replace("host;", "")
    headers = dict(request.headers.items()) | {"Authorization": authorization}
    assert "SignatureDoesNotMatch" in send(request, headers=headers)[1]


@pytest.mark.parametrize("service", ["sqs", "dynamodb", "localcloud"])
def test_a_signature_for_another_service_is_refused(cloud: str, service: str) -> None:
    status, text = send(signed(key_of(cloud), service=service))
    assert status == 403
    assert "Credential should be scoped to correct service: 'sns'." in text


def test_a_signature_for_another_region_is_refused(cloud: str) -> None:
    request = signed(key_of(cloud), region="eu-west-1")
    authorization = request.headers["Authorization"].replace("eu-west-1", "us-east-1")
    headers = dict(request.headers.items()) | {"Authorization": authorization}
    assert "SignatureDoesNotMatch" in send(request, headers=headers)[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.partition(", Signature")[0], "requires 'Signature' parameter"),
        (lambda text: text.replace("SignedHeaders", "x"), "requires 'SignedHeaders' parameter"),
        (lambda text: "AWS4-HMAC-SHA256 x", "requires 'Credential' parameter"),
        (lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5"), "Unsupported algorithm"),
        (lambda text: text.replace("/aws4_request", ""), "Credential must have 5 elements"),
    ],
)
def test_a_signature_that_lacks_a_part_is_incomplete(
    cloud: str, change: Callable[[str], str], says: str
) -> None:
    request = signed(key_of(cloud))
    headers = dict(request.headers.items())
    headers["Authorization"] = change(headers["Authorization"])
    status, text = send(request, headers=headers)
    assert status == 400
    assert "<Code>IncompleteSignature</Code>" in text and says in text


@pytest.mark.parametrize("service", CALLS)
def test_a_request_that_nobody_signed_is_told_so(aws: Session, service: str) -> None:
    client = aws.client(service)
    client.meta.events.register(
        "before-send.*", lambda request, **_: request.headers.__delitem__("Authorization")
    )
    with pytest.raises(ClientError) as raised:
        CALLS[service](client)
    error = raised.value.response["Error"]
    assert error["Code"].removesuffix("Exception") == "MissingAuthenticationToken"
    assert "Authentication Token" in error["Message"]


# -- Keys of others than the start ---------------------------------------------------------------


@pytest.mark.parity(
    "Credentials that STS gave out work with their session token, and until they expire",
    kept="yes",
    module="iam.credentials",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html",
)
def test_what_sts_gave_out_works_with_its_token_only(aws: Session, cloud: str) -> None:
    arn = make_role(aws)
    given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    session_of(aws, given).client("sqs").list_queues()
    key_id, secret = given["AccessKeyId"], given["SecretAccessKey"]
    for token in (None, "another"):
        status, code, _ = refused(session_with(cloud, key_id, secret, token), "sqs")
        assert (status, code) == (403, "InvalidClientTokenId")
    with_token = session_with(cloud, key_id, "wrong", given["SessionToken"])
    assert refused(with_token, "sqs")[1] == "SignatureDoesNotMatch"


def test_a_session_token_is_as_good_as_the_key_that_asked_for_it(aws: Session) -> None:
    given = aws.client("sts").get_session_token()["Credentials"]
    session = session_of(aws, given)
    session.client("iam").create_user(UserName="somebody")
    arn = make_role(aws)
    role = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    with pytest.raises(ClientError, match=r"AccessDenied.*with session credentials"):
        session_of(aws, role).client("sts").get_session_token()


@pytest.mark.parity(
    "A user's access key may do what the policies of the user and of its groups allow",
    kept="yes",
    module="iam.policies",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html",
)
def test_a_users_key_may_do_what_the_users_policies_allow(aws: Session, cloud: str) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = session_with(cloud, made["AccessKeyId"], made["SecretAccessKey"])
    assert refused(ann, "sqs")[1] == "AccessDenied"
    allow = {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    CALLS["sqs"](ann.client("sqs"))
    assert refused(ann, "dynamodb")[1] == "AccessDeniedException"
    iam.create_group(GroupName="shop")
    iam.add_user_to_group(GroupName="shop", UserName="ann")
    tables = policy.replace("sqs:ListQueues", "dynamodb:ListTables")
    iam.put_group_policy(GroupName="shop", PolicyName="p", PolicyDocument=tables)
    CALLS["dynamodb"](ann.client("dynamodb"))
    iam.update_access_key(UserName="ann", AccessKeyId=made["AccessKeyId"], Status="Inactive")
    assert refused(ann, "sqs")[1] == "InvalidClientTokenId"


def test_the_keys_of_a_cloud_that_was_started_again_are_unknown() -> None:
    with own_cloud() as (address, _):
        before = key_of(address)
    with own_cloud() as (address, _):
        old = session_with(address, before.access_key_id, before.secret_access_key)
        assert refused(old, "sqs")[1] == "InvalidClientTokenId"


def test_a_function_reaches_aws_with_its_own_keys_alone(aws: Session, cloud: str) -> None:
    source = (
        "import os, boto3\n"
        "def handler(event, context):\n"
        "    boto3.client('sqs').list_queues()\n"
        "    return [os.environ[n] for n in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY')]\n"
    )
    make_function(aws, "who", source)
    key_id, secret = invoke(aws, "who")["Payload"]
    key = key_of(cloud)
    assert key_id != key.access_key_id and secret != key.secret_access_key


# -- Presigned addresses -------------------------------------------------------------------------


def presigned(session: Session, expires: int = 60) -> str:
    url = session.client("sts").generate_presigned_url(
        "get_caller_identity", ExpiresIn=expires, HttpMethod="GET"
    )
    return str(url)


def test_a_presigned_address_works_until_it_expires(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = http.request("GET", presigned(aws))
    assert answer.status == 200 and b"<Account>123456789012</Account>" in answer.data
    earlier = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=61)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: earlier)
    answer = http.request("GET", presigned(aws))
    assert answer.status == 400
    assert b"<Code>RequestExpired</Code><Message>Request has expired.</Message>" in answer.data


def test_a_presigned_address_that_was_changed_is_refused(aws: Session, cloud: str) -> None:
    url = presigned(aws)
    for changed in (
        url.replace("GetCallerIdentity", "GetSessionToken"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        f"{url}0",
    ):
        answer = http.request("GET", changed)
        assert answer.status == 403 and b"SignatureDoesNotMatch" in answer.data
    unknown = presigned(session_with(cloud, "AKIAIOSFODNN7EXAMPLE", "x"))
    answer = http.request("GET", unknown)
    assert answer.status == 403 and b"<Code>InvalidClientTokenId</Code>" in answer.data
    without = url.partition("&X-Amz-Signature")[0]
    answer = http.request("GET", without)
    assert answer.status == 400 and b"must include 'X-Amz-Signature'" in answer.data


def test_a_presigned_request_of_a_role_is_held_to_its_policies(aws: Session) -> None:
    allow = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    arn = make_role(aws, "other", policy)
    given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    url = (
        session_of(aws, given).client("sns").generate_presigned_url("list_topics", HttpMethod="GET")
    )
    answer = http.request("GET", url)
    assert answer.status == 403
    assert b"is not authorized to perform: SNS:ListTopics" in answer.data


def test_a_body_of_some_megabytes_is_signed_like_any_other(aws: Session) -> None:
    role = make_role(aws)
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        aws.client("lambda").create_function(
            FunctionName="f", Runtime="python3.13", Handler="a.b", Role=role,
            Code={"ZipFile": bytes(5_000_000)},
        )  # fmt: skip


def test_two_clouds_do_not_share_keys() -> None:
    with own_cloud() as (one, _), own_cloud() as (other, _):
        key = key_of(one)
        assert refused(session_with(other, key.access_key_id, key.secret_access_key), "sqs")
        make_session(one).client("sqs").list_queues()
