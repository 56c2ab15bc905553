"""SNS refuses an ARN of another form or region, and a subscriber that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws.session import Session

TOPIC = "arn:aws:sns:us-east-1:123456789012:Orders"
ELSEWHERE = TOPIC.replace("us-east-1", "eu-west-1")
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
NO_ARN = "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
TO_QUEUE = {"Protocol": "sqs", "Endpoint": QUEUE}
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("get_topic_attributes", {"TopicArn": "x"}, "InvalidParameter", NO_ARN),
    ("subscribe", {"TopicArn": "x", **TO_QUEUE}, "InvalidParameter", NO_ARN),
    ("delete_topic", {"TopicArn": "x"}, "InvalidParameter", NO_ARN),
    ("publish", {"TopicArn": "x", "Message": "tea"}, "InvalidParameter", NO_ARN),
    ("publish", {"Message": "tea"}, "InvalidParameter", "Invalid parameter: TopicArn or TargetArn "
     "Reason: no value for required parameter"),
    ("publish_batch", {"PublishBatchRequestEntries": []}, "InvalidParameter",
     "Invalid parameter: TopicArn Reason: no value for required parameter"),
    ("publish_batch", {"TopicArn": TOPIC, "PublishBatchRequestEntries": [{"Id": "a"}]},
     "InvalidParameter", "Invalid parameter: Empty message"),
    ("publish_batch", {"TopicArn": TOPIC, "PublishBatchRequestEntries": [{"Message": "tea"}]},
     "InvalidBatchEntryId", "The Id of a batch entry"),
    ("publish_batch", {"TopicArn": TOPIC, "PublishBatchRequestEntries": [
        {"Id": "a.b", "Message": "tea"}]}, "InvalidBatchEntryId", "The Id of a batch entry in the "
     "batch request contains an impermissible character: a.b"),
    ("publish_batch", {"TopicArn": TOPIC, "PublishBatchRequestEntries": [
        {"Id": "a" * 81, "Message": "tea"}]}, "InvalidBatchEntryId",
     f"The Id of a batch entry in the batch request is too long: {'a' * 81}"),
    ("publish", {"TopicArn": TOPIC, "Message": "tea", "MessageAttributes": {
        "a": {"DataType": "String.", "StringValue": "x"}}}, "ParameterValueInvalid",
     "The message attribute 'a' has an invalid message attribute type"),
    ("publish", {"TopicArn": TOPIC, "Message": "tea", "MessageAttributes": {
        "a": {"StringValue": "x"}}}, "ValidationError",
     "Value null at 'messageAttributes.a.member.dataType' failed to satisfy constraint"),
    ("publish_batch", {"TopicArn": TOPIC, "PublishBatchRequestEntries": [
        {"Id": "a", "Message": "tea"},
        {"Id": "b", "Message": "tea", "MessageAttributes": {"a": {"StringValue": "x"}}}]},
     "ValidationError", "Value null at 'publishBatchRequestEntries.2.member.messageAttributes.a."
     "member.dataType' failed to satisfy constraint: Member must not be null"),
    ("unsubscribe", {}, "InvalidParameter",
     "Invalid parameter: SubscriptionArn Reason: no value for required parameter"),
    ("unsubscribe", {"SubscriptionArn": TOPIC}, "InvalidParameter",
     "Invalid parameter: SubscriptionId"),
    ("set_subscription_attributes", {"SubscriptionArn": f"{TOPIC}:x", "AttributeName":
                                     "RawMessageDelivery", "AttributeValue": "true"},
     "NotFound", "Subscription does not exist"),
    ("confirm_subscription", {"TopicArn": TOPIC, "Token": "x"}, "InvalidParameter",
     "Invalid token"),
    ("confirm_subscription", {"TopicArn": TOPIC, "Token": "0" * 288}, "InvalidParameter",
     "Invalid parameter: Token"),
    ("subscribe", {"TopicArn": f"{TOPIC}2", "Protocol": "sms", "Endpoint": "+15550100"},
     "NotFound", "Topic does not exist"),
    ("unsubscribe", {"SubscriptionArn": "PendingConfirmation"}, "InvalidParameter",
     "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
    ("get_subscription_attributes", {"SubscriptionArn": "x"}, "InvalidParameter",
     "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
    ("get_topic_attributes", {"TopicArn": ELSEWHERE}, "InvalidParameter",
     "Invalid parameter: TopicArn"),
    ("delete_topic", {"TopicArn": ELSEWHERE}, "InvalidParameter", "Invalid parameter: TopicArn"),
    ("publish", {"TopicArn": ELSEWHERE, "Message": "tea"}, "InvalidParameter",
     "Invalid parameter: TopicArn"),
    ("get_topic_attributes", {"TopicArn": f"{TOPIC}2"}, "NotFound", "Topic does not exist"),
    ("subscribe", {"TopicArn": TOPIC, "Protocol": "sqs"}, "InvalidParameter",
     "Invalid parameter: Endpoint"),
    ("subscribe", {"TopicArn": TOPIC, "Protocol": "lambda",
                   "Endpoint": "arn:aws:lambda:us-east-1:123456789012:function:nope"},
     "InvalidParameter", "Invalid parameter: Endpoint Reason: Function not found: arn:aws:lambda:"),
    ("subscribe", {"TopicArn": TOPIC, **TO_QUEUE,
                   "Attributes": {"FilterPolicy": '{"ip": [{"cidr": "10.0.0.0"}]}'}},
     "InvalidParameter", "Malformed CIDR, one '/' required"),
    ("subscribe", {"TopicArn": TOPIC}, "ValidationError",
     "1 validation error detected: Value null at 'protocol'"),
]  # fmt: skip


@pytest.mark.parity(
    "A malformed ARN, and one of another region, is an invalid parameter of every call",
    kept="yes",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html",
)
def test_what_sns_cannot_mean_is_refused_in_the_words_of_aws(aws: Session) -> None:
    once = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    sns = aws.client("sns", config=once)
    sns.create_topic(Name="Orders")
    aws.client("sns", region_name="eu-west-1").create_topic(Name="Orders")
    for operation, given, code, said in REFUSED:
        with pytest.raises(ClientError) as caught:
            getattr(sns, operation)(**given)
        error = caught.value.response["Error"]
        assert (error["Code"], said in error["Message"]) == (code, True), (operation, error)
    assert aws.client("sns", region_name="eu-west-1").list_topics()["Topics"]


@pytest.mark.parity(
    "A topic takes any name for a KMS key, and no message while there is no such key",
    kept="yes; nothing is encrypted, and a key's own policy is not asked",
    module="sns.limits",
    aws="https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html",
)
def test_a_topic_without_its_key_takes_no_message(aws: Session, topic: str) -> None:
    sns = aws.client("sns")
    setting = {"TopicArn": topic, "AttributeName": "KmsMasterKeyId"}
    sns.set_topic_attributes(**setting, AttributeValue="alias/aws/sns")
    sns.publish(TopicArn=topic, Message="tea")
    sns.set_topic_attributes(**setting, AttributeValue="alias/nope")
    entries: Any = [{"Id": "a", "Message": "tea"}]
    with pytest.raises(sns.exceptions.KMSNotFoundException, match="alias/nope is not found"):
        sns.publish(TopicArn=topic, Message="tea")
    with pytest.raises(sns.exceptions.KMSNotFoundException, match="alias/nope is not found"):
        sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
