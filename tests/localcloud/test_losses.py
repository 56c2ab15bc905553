"""What the cloud accepts arrives, or somebody is told: a test for each place of losses.PLACES."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction
from moto.utilities.docker_utilities import DockerModel

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.inbox import find_mail
from lab.here import local
from localcloud import unserved, upstream
from tests.support import http
from tests.support.counts import counts
from tests.support.endpoints import endpoint
from tests.support.functions import invoke, make_function, make_role, permit
from tests.support.queues import messages_on, open_queue, set_policy
from tests.support.subscriptions import link_in, redrive_to, subscribe_email, subscribe_queue

ACCOUNT = "123456789012"
SQS = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"
FAILS = "def handler(event, context): raise ValueError('as asked')"
NOTHING = "def handler(event, context): pass"
NAPS = "import time\ndef handler(event, context): time.sleep(30)"
PASSES_ON = """
import json, boto3
sqs = boto3.client("sqs")
def handler(event, context):
    url = sqs.get_queue_url(QueueName="seen")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
"""


def lost(cloud: str) -> dict[str, Any]:
    """What the cloud's status says of losses."""
    found = local.status(cloud)
    assert found is not None
    return cast(dict[str, Any], found["lost"])


def wait_for_loss(cloud: str, place: str, what: str) -> str:
    """Why it was lost."""

    def look() -> list[str]:
        found = lost(cloud)["last"]
        return [each["why"] for each in found if (each["place"], each["what"]) == (place, what)]

    (why, *_) = wait_until(look, f"{what} is recorded as lost", timeout=90)
    return str(why)


def refused_by_name(about: str) -> Any:
    return pytest.raises(ClientError, match=rf"\(NotImplemented\).*The local cloud {about}")


# -- SNS -----------------------------------------------------------------------------------------


@pytest.mark.place("FIFO topic")
def test_a_fifo_topic_is_refused(aws: Session) -> None:
    with refused_by_name("has standard topics only"):
        aws.client("sns").create_topic(Name="t.fifo", Attributes={"FifoTopic": "true"})


@pytest.mark.place("subscription protocol")
def test_a_text_message_to_a_number_is_refused(aws: Session) -> None:
    with refused_by_name("sends no text messages"):
        aws.client("sns").publish(PhoneNumber="+15550100", Message="tea")


@pytest.mark.parity(
    "Every subscriber of a topic gets its message, however many there are",
    kept="yes",
    module="sns.limits",
)
@pytest.mark.place("many subscribers")
def test_the_101st_subscriber_gets_its_message_too(aws: Session, topic: str) -> None:
    for number in range(100):
        subscribe_queue(aws, topic, f"absent-{number}")
    url = open_queue(aws, "last", topic)
    subscribe_queue(aws, topic, "last")
    aws.client("sns").publish(TopicArn=topic, Message="tea")
    assert len(messages_on(aws, url)) == 1


@pytest.mark.parity(
    "A message that an HTTP endpoint does not take goes to the subscription's dead-letter queue",
    kept="after one try",
    module="sns.delivery",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
@pytest.mark.place("notification by HTTP")
def test_what_an_http_endpoint_does_not_take_is_a_dead_letter(aws: Session, topic: str) -> None:
    url, sns = open_queue(aws, "dead", topic), aws.client("sns")
    with endpoint() as made:
        made.confirmed(aws, topic, RedrivePolicy=redrive_to("dead"))
        made.status = 503
        sns.publish(TopicArn=topic, Message="tea")
        (message,) = messages_on(aws, url)
    assert json.loads(message["Body"])["Message"] == "tea"


@contextmanager
def no_mail(cloud: str) -> Iterator[None]:
    """No mail can be written meanwhile: a file stands where a folder should be."""
    found = local.status(cloud)
    assert found is not None
    place = Path(found["mailbox"]) / "tmp"
    aside = place.rename(place.with_name("aside"))
    place.touch()
    try:
        yield
    finally:
        place.unlink()
        aside.rename(place)


@pytest.mark.parity(
    "A mail that cannot be delivered goes to the subscription's dead-letter queue",
    kept="after one try",
    module="sns.mailbox",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
@pytest.mark.place("notification by e-mail")
def test_a_mail_that_cannot_be_delivered_is_a_dead_letter(
    aws: Session, cloud: str, topic: str
) -> None:
    url, sns = open_queue(aws, "dead", topic), aws.client("sns")
    text = subscribe_email(aws, topic, "a11@example.com")
    http.request("GET", link_in(text, "ConfirmSubscription"))
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    sns.set_subscription_attributes(
        SubscriptionArn=listed["SubscriptionArn"],
        AttributeName="RedrivePolicy",
        AttributeValue=redrive_to("dead"),
    )
    with no_mail(cloud):
        sns.publish(TopicArn=topic, Message="tea")
        (message,) = messages_on(aws, url)
    assert json.loads(message["Body"])["Message"] == "tea"
    assert lost(cloud)["total"] == 0


@pytest.mark.place("confirmation")
def test_a_confirmation_that_was_lost_is_sent_again_by_subscribing_again(
    aws: Session, cloud: str, topic: str
) -> None:
    sns, address = aws.client("sns"), "a12@example.com"
    with no_mail(cloud):
        made = sns.subscribe(
            TopicArn=topic, Protocol="email", Endpoint=address, ReturnSubscriptionArn=True
        )
        why = wait_for_loss(cloud, "confirmation", made["SubscriptionArn"])
    assert why == "the mail was not delivered: FileExistsError"
    subscribe_email(aws, topic, address)
    assert find_mail(aws, address, topic) is not None


@pytest.mark.parity(
    "A message that nobody takes, and that has no dead-letter queue, is lost",
    kept="yes; it is logged, counted and shown in the status",
    service="SNS",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html",
)
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "no dead-letter queue"),
        ({"RedrivePolicy": redrive_to("absent")}, "absent: there is no such queue"),
    ],
)
@pytest.mark.place("notification without a dead-letter queue")
def test_a_message_that_ends_nowhere_is_recorded_without_its_text(
    aws: Session, cloud: str, topic: str, settings: dict[str, str], why: str
) -> None:
    arn = subscribe_queue(aws, topic, "gone", **settings)
    aws.client("sns").publish(TopicArn=topic, Message="confidential")
    found = wait_for_loss(cloud, "notification without a dead-letter queue", arn)
    assert found.startswith("there is no such queue") and why in found
    assert "confidential" not in json.dumps(lost(cloud))


# -- Lambda --------------------------------------------------------------------------------------


@pytest.mark.place("event without a dead-letter queue")
def test_an_event_that_failed_and_has_nowhere_to_go_is_recorded(aws: Session, cloud: str) -> None:
    make_function(aws, "f", FAILS)
    aws.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload="{}")
    why = wait_for_loss(cloud, "event without a dead-letter queue", "f")
    assert why == "RetriesExhausted; the function has no dead-letter queue"


@pytest.mark.place("event of a deleted function")
def test_an_event_goes_with_its_function_and_is_recorded(aws: Session, cloud: str) -> None:
    lambda_ = aws.client("lambda")
    arn = make_function(aws, "f", NAPS, Timeout=30)
    lambda_.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    for _ in range(2):  # the second one is throttled, and waits
        lambda_.invoke(FunctionName="f", InvocationType="Event", Payload="{}")
    lambda_.delete_function(FunctionName="f")
    assert wait_for_loss(cloud, "event of a deleted function", arn) == "it is deleted"


@pytest.mark.place("destination")
def test_a_dead_letter_whose_queue_is_gone_is_recorded(aws: Session, cloud: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    make_function(aws, "f", FAILS, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    sqs.delete_queue(QueueUrl=url)
    aws.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload="{}")
    assert wait_for_loss(cloud, "destination", "f") == f"{SQS}dead: there is no such queue"


def test_a_dead_letter_whose_queue_denies_it_is_recorded(aws: Session, cloud: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    make_function(aws, "f", FAILS, DeadLetterConfig={"TargetArn": f"{SQS}dead"})
    set_policy(aws, url, Effect="Deny", Principal="*", Action="sqs:SendMessage", Resource="*")
    aws.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload="{}")
    why = wait_for_loss(cloud, "destination", "f")
    assert why == f"{SQS}dead: the policy of {SQS}dead denies it"


@pytest.mark.parity(
    "A destination that does not exist, and the function itself, are refused",
    kept="yes",
    module="lambda_.event_invoke_config",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html",
)
@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        ("arn:aws:s3:::orders", "has no destinations in s3"),
        (f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default", "has no destinations in events"),
        (
            f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:absent",
            "The destination ARN .* is invalid",
        ),
        (f"{SQS}absent", "The destination ARN .* is invalid"),
        (f"arn:aws:sns:us-east-1:{ACCOUNT}:absent", "The destination ARN .* is invalid"),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", "as a destination for itself"),
        ("nonsense", "Value 'nonsense' at 'destinationConfig.onFailure.destination' failed"),
    ],
)
@pytest.mark.place("destination of another kind")
def test_a_destination_that_nothing_would_reach_is_refused(
    aws: Session, target: str, refusal: str
) -> None:
    make_function(aws, "f", NOTHING)
    with pytest.raises(ClientError, match=refusal):
        aws.client("lambda").put_function_event_invoke_config(
            FunctionName="f", DestinationConfig={"OnFailure": {"Destination": target}}
        )


@pytest.mark.parity(
    "InvokeAsync, which is deprecated, is an asynchronous invocation",
    kept="yes",
    module="lambda_.invoke",
    aws="https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html",
)
@pytest.mark.place("InvokeAsync")
@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_invoke_async_runs_the_function(aws: Session) -> None:
    url = aws.client("sqs").create_queue(QueueName="seen")["QueueUrl"]
    arn, lambda_ = make_function(aws, "f", PASSES_ON), aws.client("lambda")
    for name in ("f", arn):
        assert lambda_.invoke_async(FunctionName=name, InvokeArgs=b'{"a": 1}')["Status"] == 202
        (message,) = messages_on(aws, url)
        assert message["Body"] == '{"a": 1}'
    for name, payload, code in (
        ("absent", b"{}", "ResourceNotFoundException"),
        ("f", b"{", "InvalidRequestContentException"),
        ("f", "{}".encode("utf-16"), "InvalidRequestContentException"),
        ("f", b'"' + b"a" * 256 * 1024 + b'"', "RequestTooLargeException"),
    ):
        with pytest.raises(ClientError) as caught:
            lambda_.invoke_async(FunctionName=name, InvokeArgs=payload)
        assert caught.value.response["Error"]["Code"] == code


@pytest.mark.place("functions called by moto")
def test_nothing_of_moto_s_calls_a_function_or_starts_docker(aws: Session) -> None:
    ours = {patch.module for patch in upstream.patches()}
    assert unserved.__name__ in ours
    upstream.install()
    function = SimpleNamespace(function_name="f")
    for call in (LambdaFunction.invoke, LambdaFunction._invoke_lambda):
        with pytest.raises(NotImplementedError, match="does not call f from here"):
            call(function, "{}", {}, {})
    with pytest.raises(NotImplementedError, match="starts no containers"):
        _ = DockerModel().docker_client


# -- Event source mappings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/Orders/stream/2026-01-01T00:00:00.000",
        f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/orders",
        f"arn:aws:mq:us-east-1:{ACCOUNT}:broker:orders:b-1",
    ],
)
@pytest.mark.place("mapping of a stream")
def test_only_queues_are_event_sources(aws: Session, source: str) -> None:
    make_function(aws, "f", NOTHING)
    with refused_by_name("has no event source mappings of (dynamodb|kinesis|mq)"):
        aws.client("lambda").create_event_source_mapping(
            FunctionName="f", EventSourceArn=source, StartingPosition="LATEST"
        )


@pytest.mark.parity(
    "Settings that are for streams are refused for a queue",
    kept="yes",
    module="lambda_.validation",
    service="Event source mappings",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html",
)
@pytest.mark.place("mapping settings")
def test_settings_that_are_not_for_queues_are_refused(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="q")
    make_function(aws, "f", NOTHING)
    lambda_ = aws.client("lambda")
    source = {"FunctionName": "f", "EventSourceArn": f"{SQS}q"}
    mapping = lambda_.create_event_source_mapping(**source, Enabled=False)
    filters = {"Filters": [{"Pattern": '{"body": "tea"}'}]}
    for settings, refusal in (
        ({"FilterCriteria": filters}, "Invalid filter pattern definition."),
        ({"MaximumRetryAttempts": 3}, "Unsupported MaximumRetryAttempts parameter"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": f"{SQS}dead"}}},
            "Unsupported DestinationConfig parameter",
        ),
    ):
        with pytest.raises(ClientError, match=refusal):
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], **settings)
    with pytest.raises(ClientError, match="StartingPosition is not valid for SQS"):
        lambda_.create_event_source_mapping(**source, StartingPosition="LATEST")


# -- SQS -------------------------------------------------------------------------------------------

TEXT = {"DataType": "String", "StringValue": "x"}
BROKEN_MESSAGES = [
    ({"MessageAttributes": {"a": {**TEXT, "StringValue": ""}}}, "a non-empty value of type 'Str"),
    ({"MessageAttributes": {"a": {"DataType": "Binary"}}}, "a non-empty value of type 'Binary'"),
    ({"MessageAttributes": {"a": {**TEXT, "DataType": "Number"}}}, "Can't cast the value of mess"),
    ({"MessageAttributes": {"a": {**TEXT, "DataType": "Text"}}}, "supported type prefixes"),
    ({"MessageAttributes": {"a": {**TEXT, "DataType": ""}}}, "must contain a non-empty attribute"),
    ({"MessageAttributes": {".a": TEXT}}, "cannot start or end with '.'"),
    ({"MessageAttributes": {"AWS.a": TEXT}}, "beginning with 'AWS.'"),
    ({"MessageAttributes": {"a b": TEXT}}, "can only contain upper and lower score characters"),
    ({"MessageAttributes": {"a" * 256: TEXT}}, "must be shorter than 256 Bytes"),
    ({"MessageAttributes": {f"a{i}": TEXT for i in range(11)}}, "[11] exceeds the allowed maximum"),
    ({"DelaySeconds": 901}, "Value 901 for parameter DelaySeconds is invalid"),
    ({"DelaySeconds": -1}, "Value -1 for parameter DelaySeconds is invalid"),
]


@pytest.mark.parity(
    "A message with a wrong attribute or delay is refused; in a batch, it alone",
    kept="yes",
    module="message_attributes",
    service="SQS",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html",
)
@pytest.mark.parametrize(("options", "refusal"), BROKEN_MESSAGES)
@pytest.mark.place("message")
def test_a_broken_message_is_not_sent(aws: Session, options: dict[str, Any], refusal: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError, match=re.escape(refusal)) as caught:
        sqs.send_message(QueueUrl=url, MessageBody="tea", **options)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    entries = [{"Id": "bad", "MessageBody": "tea", **options}, {"Id": "good", "MessageBody": "tea"}]
    reply = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in reply["Successful"]] == ["good"]
    assert [(each["Id"], each["SenderFault"]) for each in reply["Failed"]] == [("bad", True)]
    assert sum(counts(sqs, url)) == 1


@pytest.mark.parity(
    "An empty message is refused; in a batch, the whole call",
    kept="yes",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html",
)
@pytest.mark.place("message")
def test_an_empty_message_is_not_sent(aws: Session) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    entries = [{"Id": "1", "MessageBody": "tea"}, {"Id": "2", "MessageBody": ""}]
    for send, parameters in (
        (sqs.send_message, {"MessageBody": ""}),
        (sqs.send_message_batch, {"Entries": entries}),
    ):
        with pytest.raises(ClientError, match="must contain the parameter MessageBody") as caught:
            send(QueueUrl=url, **parameters)
        assert caught.value.response["Error"]["Code"] == "MissingParameter"
    assert sum(counts(sqs, url)) == 0


@pytest.mark.parity(
    "One message of a batch that is larger than its queue takes fails alone",
    kept="yes",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html",
)
def test_a_message_that_is_too_large_fails_alone(aws: Session) -> None:
    sqs = aws.client("sqs")
    made = sqs.create_queue(QueueName="q", Attributes={"MaximumMessageSize": "1024"})
    entries = [{"Id": str(i), "MessageBody": "a" * (1024 + i)} for i in range(2)]
    reply = sqs.send_message_batch(QueueUrl=made["QueueUrl"], Entries=entries)
    assert [each["Id"] for each in reply["Successful"]] == ["0"]
    (failed,) = reply["Failed"]
    assert (failed["Id"], failed["Code"]) == ("1", "InvalidParameterValue")
    assert failed["Message"].endswith("Reason: Message must be shorter than 1024 bytes.")


WRONG_QUEUES = [
    ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
    ({"VisibilityTimeout": "abc"}, "InvalidAttributeValue"),
    ({"DelaySeconds": "901"}, "InvalidAttributeValue"),
    ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue"),
    ({"MaximumMessageSize": "1023"}, "InvalidAttributeValue"),
    ({"ReceiveMessageWaitTimeSeconds": "21"}, "InvalidAttributeValue"),
    ({"Foo": "1"}, "InvalidAttributeName"),
    ({"FifoQueue": "true"}, "InvalidAttributeName"),
    ({"RedrivePolicy": "x"}, "InvalidParameterValue"),
    *(
        (
            {
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": f"{SQS}dead", "maxReceiveCount": count}
                )
            },
            "InvalidParameterValue",
        )
        for count in (0, 1001, "x")
    ),
    ({"RedrivePolicy": "[" * 100_000}, "InvalidParameterValue"),
    ({"Policy": "x"}, "InvalidAttributeValue"),
    ({"Policy": "[" * 100_000}, "InvalidAttributeValue"),
]


@pytest.mark.parity(
    "Attributes of a queue that are unknown or out of range are refused",
    kept="yes, in other words",
    module="sqs.limits",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
)
@pytest.mark.parametrize(("attributes", "code"), WRONG_QUEUES)
@pytest.mark.place("queue settings")
def test_a_queue_s_setting_out_of_range_is_refused(
    aws: Session, attributes: dict[str, str], code: str
) -> None:
    sqs = aws.client("sqs")
    sqs.create_queue(QueueName="dead")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError) as changed:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    with pytest.raises(ClientError) as made:
        sqs.create_queue(QueueName="other", Attributes=attributes)
    assert [e.value.response["Error"]["Code"] for e in (changed, made)] == [code] * 2
    sqs.send_message(QueueUrl=url, MessageBody="tea")  # it is as it was


# -- The rest --------------------------------------------------------------------------------------


@pytest.mark.place("log lines")
def test_lines_that_a_role_may_not_write_are_recorded(aws: Session, cloud: str) -> None:
    sends = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    role = make_role(aws, "mute", {"Version": "2012-10-17", "Statement": [sends]})
    make_function(aws, "f", NOTHING, Role=role)
    invoke(aws, "f")
    aws.client("logs").describe_log_groups()
    assert "logs:CreateLogGroup" in wait_for_loss(cloud, "log lines", "f")


@pytest.mark.parity(
    "Log lines for a function that may no longer be called are dropped",
    kept="yes, with a line in the local cloud's log and a count",
    module="logs.subscriptions",
    service="CloudWatch Logs",
    aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/SubscriptionFilters.html",
)
@pytest.mark.place("log subscription")
def test_log_lines_for_a_function_that_is_gone_are_recorded(aws: Session, cloud: str) -> None:
    logs, arn = aws.client("logs"), make_function(aws, "f", NOTHING)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    permit(aws, "f", "logs.amazonaws.com", "arn:aws:logs:us-east-1:123456789012:log-group:g:*")
    logs.put_subscription_filter(
        logGroupName="g", filterName="f", filterPattern="", destinationArn=arn
    )
    aws.client("lambda").delete_function(FunctionName="f")
    line = {"timestamp": int(time.time() * 1000), "message": "tea"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[line])
    assert "there is no such function" in wait_for_loss(cloud, "log subscription", "g f")


def put_targets(aws: Session, arn: str) -> Any:
    return aws.client("events").put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn}])


def put_events(aws: Session, _: str) -> Any:
    return aws.client("events").put_events(Entries=[{"Source": "s", "Detail": "{}"}])


def notify_from_a_bucket(aws: Session, arn: str) -> Any:
    wanted = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="orders")
    return s3.put_bucket_notification_configuration(
        Bucket="orders",
        NotificationConfiguration={"LambdaFunctionConfigurations": [wanted]},
    )


def send_by_ses(aws: Session, _: str) -> Any:
    return aws.client("ses").send_email(
        Source="a@example.com",
        Destination={"ToAddresses": ["b@example.com"]},
        Message={"Subject": {"Data": "tea"}, "Body": {"Text": {"Data": "tea"}}},
    )


def make_a_schedule(aws: Session, arn: str) -> Any:
    return aws.client("scheduler").create_schedule(
        Name="s",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/role"},
    )


@pytest.mark.parametrize(
    "call",
    [put_targets, put_events, notify_from_a_bucket, send_by_ses, make_a_schedule],
)
@pytest.mark.place("services that hand over")
def test_events_that_nothing_would_deliver_are_refused(
    aws: Session, call: Callable[[Session, str], Any]
) -> None:
    with refused_by_name(""):
        call(aws, make_function(aws, "f", NOTHING))
