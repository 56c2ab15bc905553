# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # 03 Connect
#
# The step that the article leaves out: its numbering goes from 2 to 4. So far each function
# runs when it is tested. Three things make them a chain: from the topic to `record_order` a
# permission and a subscription, and from the queue to `notify_fulfillment` a trigger.
#
#     SQS CustomerOrders ══▶ notify_fulfillment ──▶ SNS Orders ══▶ record_order
#
# We begin at the end. Orders wait in the queue already; a topic forgets what it gets
# while nobody is subscribed, so the trigger, which sets the orders going, comes last.

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, builds_on=("00", "01", "02"))
account, region = lab.account_id(aws), aws.region_name
queue_arn = f"arn:aws:sqs:{region}:{account}:{names.queue}"
topic_arn = f"arn:aws:sns:{region}:{account}:{names.topic}"
function_arn = f"arn:aws:lambda:{region}:{account}:function:{names.record_order}"

# %% [markdown]
# ## From the topic to the function
#
# Console: the function, *Add trigger*, SNS, which does both of the next cells. The permission
# says who may call the function; without it SNS cannot deliver, and says so in a metric only.

# %%
lambda_ = aws.client("lambda")
try:
    lambda_.add_permission(
        FunctionName=names.record_order,
        StatementId="orders-topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic_arn,
        SourceAccount=account,
    )
    print(f"Allowed {names.topic} to invoke {names.record_order}.")
except lambda_.exceptions.ResourceConflictException:
    print(f"Found the permission of {names.topic} to invoke {names.record_order}.")

# %% [markdown]
# What SNS cannot deliver at all (the function is gone, or the permission) goes to a
# dead-letter queue of the subscription's own, which must let SNS send to it.

# %%
sqs = aws.client("sqs")
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.topic_dead_letters}"
allow_topic = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": dead_letters_arn,
    "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allow_topic]})

# %%
keep = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}
queue = lab.once_name_is_free(
    lambda: sqs.create_queue(QueueName=names.topic_dead_letters, Attributes=keep, tags=tags)
)
sqs.set_queue_attributes(QueueUrl=queue["QueueUrl"], Attributes={"Policy": policy})
print(f"Created or found the queue {names.topic_dead_letters}, open to {names.topic}.")

# %%
sns = aws.client("sns")
subscription = sns.subscribe(
    TopicArn=topic_arn, Protocol="lambda", Endpoint=function_arn, ReturnSubscriptionArn=True
)
sns.set_subscription_attributes(
    SubscriptionArn=subscription["SubscriptionArn"],
    AttributeName="RedrivePolicy",
    AttributeValue=json.dumps({"deadLetterTargetArn": dead_letters_arn}),
)
print(f"Subscribed {names.record_order} to {names.topic}.")

# %% [markdown]
# ## From the queue to the function
#
# Console: the function, *Add trigger*, SQS. Lambda now polls the queue and calls the function
# with up to ten messages. `ReportBatchItemFailures` lets the function name the messages
# that failed. Two batches at a time spread the load. (SNS sends ten mails a second to one
# address and stops the subscription above that: a shop with more orders would mail a digest.)

# %%
mappings = lambda_.list_event_source_mappings(
    EventSourceArn=queue_arn, FunctionName=names.notify_fulfillment
)["EventSourceMappings"]
trigger = {
    "EventSourceArn": queue_arn,
    "FunctionName": names.notify_fulfillment,
    "BatchSize": 10,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "ScalingConfig": {"MaximumConcurrency": 2},
}

# %%
if mappings:
    print(f"Found the trigger from {names.queue} to {names.notify_fulfillment}.")
else:
    lab.once_role_is_ready(lambda: lambda_.create_event_source_mapping(**trigger, Tags=tags))
    print(f"Connected {names.queue} to {names.notify_fulfillment}.")
