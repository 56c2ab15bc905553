# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # 01 Notify fulfillment
#
# The article's Step 1. A second function takes orders from the queue and publishes them to
# the SNS topic `Orders`, which mails them to the fulfillment team.
#
#     SQS CustomerOrders ──▶ notify_fulfillment ──▶ SNS Orders ──▶ e-mail to fulfillment
#
# The arrow from the queue to the function is drawn in chapter 03.

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, builds_on=("00",))
account, region = lab.account_id(aws), aws.region_name
queue_arn = f"arn:aws:sqs:{region}:{account}:{names.queue}"

# %% [markdown]
# ## The topic
#
# Console: SNS, *Create topic*, Standard. `CreateTopic` is idempotent.

# %%
sns = aws.client("sns")
topic_arn = sns.create_topic(Name=names.topic, Tags=lab.tag_list())["TopicArn"]
print(f"Created or found the topic {names.topic}.")

# %% [markdown]
# ## The subscription by e-mail
#
# Console: *Create subscription*, protocol Email. The address gets one mail with a link, and no
# orders until somebody has opened it. `Subscribe` is idempotent, too.

# %%
email = lab.email()
sns.subscribe(TopicArn=topic_arn, Protocol="email", Endpoint=email)
print(f"Asked {email} to confirm the subscription to {names.topic}.")
print(lab.confirm_subscription(aws, topic_arn, email))

# %% [markdown]
# ## The log group and the execution role
#
# The article attaches `AmazonSNSFullAccess` and `AmazonSQSFullAccess`. What the function
# needs is to read from one queue and to publish to one topic. (There is no action
# `sns:PublishBatch`: publishing a batch is `sns:Publish`.)

# %%
logs = aws.client("logs")
log_group = names.log_group(names.notify_fulfillment)
try:
    logs.create_log_group(logGroupName=log_group, tags=tags)
    print(f"Created the log group {log_group}.")
except logs.exceptions.ResourceAlreadyExistsException:
    print(f"Found the log group {log_group}.")
logs.put_retention_policy(logGroupName=log_group, retentionInDays=14)

# %%
iam = aws.client("iam")
role_name = names.role(names.notify_fulfillment, region)
trust = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})

# %%
try:
    role = iam.create_role(
        RoleName=role_name, AssumeRolePolicyDocument=trust_policy, Tags=lab.tag_list()
    )["Role"]
    print(f"Created the role {role_name}.")
except iam.exceptions.EntityAlreadyExistsException:
    role = iam.get_role(RoleName=role_name)["Role"]
    print(f"Found the role {role_name}.")

# %%
receive = {
    "Effect": "Allow",
    "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    "Resource": queue_arn,
}
publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic_arn}
write_logs = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"arn:aws:logs:{region}:{account}:log-group:{log_group}:*",
}

# %%
policy = json.dumps({"Version": "2012-10-17", "Statement": [receive, publish, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="notify-fulfillment", PolicyDocument=policy)
print(f"Allowed {role_name} to read from {names.queue} and to publish to {names.topic}.")

# %% [markdown]
# ## The function

# %%
lambda_ = aws.client("lambda")
package = lab.package("notify_fulfillment")
configuration = {
    "FunctionName": names.notify_fulfillment,
    "Role": role["Arn"],
    "Handler": "notify_fulfillment.lambda_handler",
    "Runtime": lab.RUNTIME,
    "Timeout": 15,
    "MemorySize": 256,
    "Environment": {"Variables": {"TOPIC_ARN": topic_arn}},
}

# %%
try:
    lab.once_role_is_ready(
        lambda: lambda_.create_function(
            **configuration, Code={"ZipFile": package}, Architectures=["arm64"], Tags=tags
        )
    )
    print(f"Created the function {names.notify_fulfillment}.")
except lambda_.exceptions.ResourceConflictException:
    lambda_.get_waiter("function_active_v2").wait(FunctionName=names.notify_fulfillment)
    lambda_.update_function_code(FunctionName=names.notify_fulfillment, ZipFile=package)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.notify_fulfillment)
    lab.once_role_is_ready(lambda: lambda_.update_function_configuration(**configuration))
    print(f"Updated the function {names.notify_fulfillment}.")

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.notify_fulfillment)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.notify_fulfillment)
print(f"Waited until {names.notify_fulfillment} was ready.")

# %% [markdown]
# ## The test event
#
# Console: *Configure test event*, *Test*. The event is what Lambda passes on from SQS: a list
# of records, each with a message's body. Look for the status code 200 and the message that
# one order was sent to fulfillment, and for the mail.

# %%
event = lab.event("notify_fulfillment")


def test() -> str | None:
    reply = lambda_.invoke(FunctionName=names.notify_fulfillment, Payload=event)
    return None if "FunctionError" in reply else reply["Payload"].read().decode()


answer = lab.wait_until(test, f"{names.notify_fulfillment} passes its test")
print(f"Tested {names.notify_fulfillment}: {answer}")
