"""The query protocol of SQS: forms and signed links come in, XML goes out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from lab.aws.session import Session
from tests.support import http

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
Speak = Callable[..., tuple[int, str]]
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture
def speak(aws: Session) -> Speak:
    """Sends a signed call in the query protocol. Returns its status and its XML, without the
    namespace."""

    credentials = aws.get_credentials()
    assert credentials is not None

    def send(url: str, method: str = "POST", **form: str) -> tuple[int, str]:
        text = urlencode(form)
        request = AWSRequest("POST", url, dict(FORM), text)
        if method == "GET":
            request = AWSRequest("GET", f"{url}?{text}".rstrip("?"))
        SigV4Auth(credentials, "sqs", "us-east-1").add_auth(request)
        assert request.url is not None
        answer = http.request(
            method, request.url, headers=dict(request.headers), body=request.body, retries=False
        )
        xml = answer.data.decode().replace(
            ' xmlns="http://queue.amazonaws.com/doc/2012-11-05/"', ""
        )
        assert answer.headers["content-type"] == "text/xml"
        ElementTree.fromstring(xml)
        return answer.status, xml

    return send


@pytest.fixture
def url(aws: Session) -> str:
    return str(aws.client("sqs").create_queue(QueueName="q")["QueueUrl"])


@pytest.mark.parity(
    "The query protocol of older SDKs, of curl and of links to a queue's URL is understood, and "
    "answered in XML",
    kept="yes, but for answers in JSON to such a call",
    module="sqs.query",
    aws="https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests.html",
)
def test_a_message_goes_through_a_queue_in_forms(aws: Session, cloud: str, speak: Speak) -> None:
    status, made = speak(
        cloud,
        Action="CreateQueue",
        QueueName="forms",
        **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"},
        **{"Tag.1.Key": "shop", "Tag.1.Value": "tea"},
    )
    found = re.search("<CreateQueueResult><QueueUrl>(.+)</QueueUrl></CreateQueueResult>", made)
    assert status == 200 and found is not None
    url = found[1]
    assert aws.client("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"shop": "tea"}
    entry = "SendMessageBatchRequestEntry.1."
    sent = {
        f"{entry}Id": "a",
        f"{entry}MessageBody": 'a "cup"\r & more',
        f"{entry}DelaySeconds": "0",
    }
    for number, (kind, field, value) in enumerate(
        [("String", "StringValue", "green"), ("Binary", "BinaryValue", "dGVh")], 1
    ):
        attribute = f"{entry}MessageAttribute.{number}."
        sent |= {
            f"{attribute}Name": kind,
            f"{attribute}Value.DataType": kind,
            f"{attribute}Value.{field}": value,
        }
    status, answer = speak(cloud, Action="SendMessageBatch", QueueUrl=url, **sent)
    assert status == 200 and "<SendMessageBatchResultEntry><Id>a</Id>" in answer, answer
    asked = {"MaxNumberOfMessages": "10", "WaitTimeSeconds": "1", "VisibilityTimeout": "0",
             "AttributeName.1": "All", "MessageAttributeName.1": "All"}  # fmt: skip
    status, answer = speak(cloud, Action="ReceiveMessage", QueueUrl=url, **asked)
    assert status == 200
    assert "<Body>a &quot;cup&quot;&#xD; &amp; more</Body>" in answer
    assert "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in answer
    assert "<BinaryValue>dGVh</BinaryValue><DataType>Binary</DataType>" in answer
    (got,) = aws.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])[
        "Messages"
    ]
    assert got["MessageAttributes"]["Binary"]["BinaryValue"] == b"tea"
    assert speak(cloud, Action="PurgeQueue", QueueUrl=url)[0] == 200


def test_a_link_to_a_queue_is_a_call(aws: Session, speak: Speak, url: str) -> None:
    assert speak(url, "GET", Action="SendMessage", MessageBody="tea")[0] == 200
    other = aws.client("sqs").create_queue(QueueName="other")["QueueUrl"]
    status, answer = speak(other, "GET", Action="ReceiveMessage")
    assert status == 200 and "<ReceiveMessageResult/>" in answer.replace(
        "<ReceiveMessageResult></ReceiveMessageResult>", "<ReceiveMessageResult/>"
    )
    assert "<Body>tea</Body>" in speak(url, "GET", Action="ReceiveMessage")[1]
    asked = {"Action": "GetQueueAttributes", "AttributeName.1": "QueueArn"}
    assert ":q</Value>" in speak(url, "GET", **asked)[1]
    assert ":other</Value>" in speak(url, "GET", **asked, QueueUrl=other)[1]
    assert speak(url, "GET", Action="DeleteQueue")[0] == 200
    status, answer = speak(url, "GET", **asked)
    assert status == 400 and "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer
    assert "<Message>The specified queue does not exist for this wsdl version.</Message>" in answer


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({}, 404, "<UnknownOperationException/>"),
    ({"Action": "FooBar"}, 400, "<Code>InvalidAction</Code><Message>The action FooBar is not valid "
     "for this endpoint.</Message>"),
    ({"Action": "ListQueues"}, 400, "The action ListQueues is not valid for this endpoint."),
    ({"Action": "CreateQueue", "QueueName": "x"}, 400, "<Code>InvalidAction</Code>"),
    ({"Action": "SendMessage"}, 400, "<Type>Sender</Type><Code>MissingParameter</Code><Message>The "
     "request must contain the parameter MessageBody.</Message>"),
    ({"Action": "GetQueueAttributes", "AttributeName.1": "Foobar"}, 400,
     "<Code>InvalidAttributeName</Code><Message>Unknown Attribute Foobar.</Message>"),
    ({"Action": "ReceiveMessage", "MaxNumberOfMessages": "11"}, 400,
     "<Code>InvalidParameterValue</Code>"),
    ({"Action": "ReceiveMessage", "MaxNumberOfMessages": "x"}, 400, "<Code>MalformedInput</Code>"),
]  # fmt: skip


def test_what_is_refused_of_a_link_is_refused_in_xml(speak: Speak, url: str) -> None:
    for form, status, said in REFUSED:
        found = speak(url, "GET", **form)
        assert (found[0], said in found[1]) == (status, True), (form, found)
