# %% [markdown]
# # 01 Notify fulfillment
#
# The article's Step 1. Orders wait in the queue; now the fulfillment team is to hear of them. A
# second function, `notify_fulfillment`, takes orders from the queue and publishes them to an SNS
# **topic**, which mails them to everybody who has subscribed.
#
#     SQS CustomerOrders ──▶ notify_fulfillment ──▶ SNS Orders ──▶ e-mail to fulfillment
#
# The arrow from the queue to the function is drawn in chapter 03; here you test the function by
# hand.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("01")

# %% [markdown]
# **You need** chapter 00, and on AWS the setting `LAB_EMAIL`: an address whose mail you can read.
#
# Why a topic, and not just a mail? Whoever publishes to a topic does not know who listens. The
# e-mail is the first listener; in chapter 03 `record_order` becomes the second, and nothing of
# what you build here changes for it.

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "01")  # stops here if chapter 00 is missing
account, region = lab.account_id(aws), aws.region_name
queue_arn = f"arn:aws:sqs:{region}:{account}:{names.queue}"
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# Look at the account once more before you go on, above all when you work on AWS.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## The topic
#
# A topic keeps nothing: what is published while nobody listens is gone. That matters when a chain
# that was whole has lost its topic. The new one has no listeners yet, so the trigger of chapter 03
# must rest until that chapter has subscribed them again; the orders wait in the queue meanwhile.
#
# Console: nothing to click the first time. Later: Lambda, the trigger, *Disable*; wait until its
# state is *Disabled*, for it ends its last batches first.

# %%
lambda_ = aws.client("lambda")
sns = aws.client("sns")


def triggers() -> list:
    found = lambda_.list_event_source_mappings(EventSourceArn=queue_arn)["EventSourceMappings"]
    return [each for each in found if each["FunctionArn"].endswith(names.notify_fulfillment)]


def rest() -> None:
    for trigger in triggers():
        lambda_.update_event_source_mapping(UUID=trigger["UUID"], Enabled=False)
        print(f"Let a trigger of {names.queue} rest until chapter 03 switches it on.")
    states = {"Disabled"}
    lab.wait_until(lambda: {t["State"] for t in triggers()} <= states, "it rests", timeout=180)


# %% [markdown]
# Look at the state: *Disabling* means that a batch is still on its way.
#
# Console: SNS, *Topics*, *Create topic*, Standard.

# %% tags=["topic"]
topics = sns.get_paginator("list_topics").paginate().search("Topics[].TopicArn")
if not any(arn.endswith(f":{names.topic}") for arn in topics):
    rest()
topic_arn = sns.create_topic(Name=names.topic, Tags=lab.tag_list())["TopicArn"]
print(f"Created or found the topic {names.topic}.")

# %% [markdown]
# Look at the tags: SNS and IAM take them as a list of pairs, SQS and Lambda as a dictionary.
# AWS's services were built by many teams.
#
# ## The subscription by e-mail
#
# The address gets one mail with a link, and no orders until somebody has opened it: otherwise
# anybody could fill your inbox. In the local cloud the mail goes to a mailbox on your machine
# (`lab mail` prints it), and the link is opened for you. On AWS you open it yourself.
#
# Console: the topic, *Create subscription*, protocol *Email*, your address.

# %% tags=["email"]
email = lab.email()
sns.subscribe(TopicArn=topic_arn, Protocol="email", Endpoint=email)
print(f"Asked {email} to confirm the subscription to {names.topic}.")
print(lab.confirm_subscription(aws, topic_arn, email))

# %% [markdown]
# Look for "confirmed". `subscribe` is idempotent: run it again, and there is still one
# subscription.
#
# The same address is to hear when `take_order` had to create the queue: on AWS, a second mail
# with a second link.
#
# Console: the topic for stakeholders, *Create subscription*, protocol *Email*, your address.

# %% tags=["stakeholders-email"]
stakeholders_arn = f"arn:aws:sns:{region}:{account}:{names.stakeholders}"
sns.subscribe(TopicArn=stakeholders_arn, Protocol="email", Endpoint=email)
print(f"Asked {email} to confirm the subscription to {names.stakeholders}.")
print(lab.confirm_subscription(aws, stakeholders_arn, email))

# %% [markdown]
# Look at the ARN: it follows from the name, so it need not be remembered from chapter 00.
#
# **Mind the limit.** SNS mails ten messages a second to one address; above that it *ends the
# subscription*, and somebody has to confirm it anew. A shop with more orders would mail a digest.
#
# ## The log group
#
# As in chapter 00: made by us, so that its lines do not stay forever.
#
# Console: CloudWatch, *Log groups*, *Create log group*, retention 2 weeks.

# %% tags=["log-group"]
logs = aws.client("logs")
log_group = names.log_group(names.notify_fulfillment)
try:
    logs.create_log_group(logGroupName=log_group, tags=tags)
    done = "Created"
except logs.exceptions.ResourceAlreadyExistsException:
    done = "Found"
logs.put_retention_policy(logGroupName=log_group, retentionInDays=14)
print(f"{done} the log group {log_group}; its lines stay for 14 days.")

# %% [markdown]
# Look at the retention: it is set whether the group was made or found.
#
# ## The execution role
#
# Each function has a role of its own. Shared roles collect permissions, and nobody dares take one
# away.
#
# Console: IAM, *Roles*, *Create role*, *AWS service*, Lambda.

# %%
role_name = names.role(names.notify_fulfillment, region)
trust = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
print(f"Wrote the trust policy of {role_name}.")

# %% [markdown]
# Look at `Principal`: Lambda, the service. No person and no other account can be this role.

# %% tags=["role"]
iam = aws.client("iam")
try:
    role = iam.create_role(
        RoleName=role_name, AssumeRolePolicyDocument=trust_policy, Tags=lab.tag_list()
    )["Role"]
    print(f"Created the role {role_name}.")
except iam.exceptions.EntityAlreadyExistsException:
    role = iam.get_role(RoleName=role_name)["Role"]
    iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=trust_policy)
    print(f"Found the role {role_name}.")

# %% [markdown]
# **Here the article does harm**: it attaches `AmazonSNSFullAccess` and `AmazonSQSFullAccess`.
# With them this function could delete every topic and every queue of the account. What it needs:
#
# | to | it needs | not |
# |---|---|---|
# | read the queue | three actions on one queue | `sqs:*` on all of them |
# | publish | `sns:Publish` on one topic | `sns:*` on all of them |
# | write its log | two actions on one log group | |
#
# There is no action `sns:PublishBatch`: publishing a batch is `sns:Publish`.
#
# Console: the role, *Add permissions*, *Create inline policy*, JSON.

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
print("Wrote three statements: read one queue, publish to one topic, write one log.")

# %% [markdown]
# Look at the three actions on the queue. The function's code does not use one of them: **it does
# not poll.** Lambda reads the queue on the function's behalf, as the function's role. A function
# that is triggered by a queue *and* polls it in its code, as one finds it in many examples, takes
# messages away from its own trigger, and deals with some of them twice or not at all.

# %% tags=["role-policy"]
policy = json.dumps({"Version": "2012-10-17", "Statement": [receive, publish, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="notify-fulfillment", PolicyDocument=policy)
print(f"Allowed {role_name} to read from {names.queue} and to publish to {names.topic}.")

# %% [markdown]
# Look at the two names in the line: one queue and one topic are all that this role can reach.
#
# ## The function
#
# Read [`lambdas/notify_fulfillment.py`](../lambdas/notify_fulfillment.py). It gets up to ten
# messages at once, publishes them with one call, and says which of them it could not publish, so
# that just those come back. `publish_batch` can refuse single messages in a reply that is
# otherwise a success; whoever does not look loses orders. And it takes no more than 256 KiB in
# all, though SQS takes four times as much in a single message.
#
# It gets the topic's ARN in an environment variable. To look it up with `list_topics` for each
# order, as the article's function does, costs a call each time, and AWS allows the whole account
# 30 a second.
#
# Console: Lambda, *Create function*, as in chapter 00: name, runtime, architecture, role; then
# *Configuration*: timeout 15 s, memory 256 MB, `TOPIC_ARN`.

# %%
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
print(f"Packed lambdas/notify_fulfillment.py into {len(package)} bytes, for {lab.RUNTIME}.")

# %% [markdown]
# Look at `Runtime`: the article's is Python 3.9, which AWS has deprecated.
#
# Console: *Create function*, then *Code*, *Upload from*, *.zip file*, *Save*; and *Runtime
# settings*, *Edit*, handler `notify_fulfillment.lambda_handler`.

# %% tags=["function"]
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

# %% [markdown]
# Look for "Created", or "Updated" if you ran this before.
#
# Console: a bar at the top, until it says that it is done.

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.notify_fulfillment)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.notify_fulfillment)
print(f"Waited until {names.notify_fulfillment} was ready.")

# %% [markdown]
# ## The test event
#
# Look for "ready": only now may the function be called.
#
# The event, [`events/notify_fulfillment.json`](../events/notify_fulfillment.json), is what Lambda
# passes on from SQS: a list of records, each with a message's body.
#
# Console: the function, *Test*, *Create new event*, *Private*, paste the JSON, *Save*, *Test*.

# %%
event = lab.event("notify_fulfillment")


def test() -> str:
    reply = lambda_.invoke(FunctionName=names.notify_fulfillment, Payload=event)
    said = reply["Payload"].read().decode()
    if "FunctionError" in reply:
        raise lab.NotYetError(said)
    return said


answer = lab.wait_until(test, f"{names.notify_fulfillment} passes its test")
print(f"Tested {names.notify_fulfillment}: {answer}")

# %% [markdown]
# Look for the status code 200 and the message that one order was sent to fulfillment, as in the
# article. Lambda itself reads one key only, `batchItemFailures`: an empty list says that all went
# well.
#
# The mail is the other half of the test.
#
# Console: nothing to click; look into the inbox of the address that you subscribed.

# %%
order = json.loads(json.loads(event)["Records"][0]["body"])
print(lab.show_mail(aws, topic_arn, email, order["order_id"]))

# %% [markdown]
# Look at the mail: a sentence, not JSON. `MessageStructure="json"` lets the function write one
# text for people and another one for programs.
#
# ## You now have…
#
# a function that tells fulfillment of every order that it is given. So far it has been given only
# your test: the trigger comes in chapter 03.

# %%
lab.check("01")

# %% [markdown]
# ## Three questions
#
# **1. The role may read the queue, but the function's code never does. Who does, then?**
# <details><summary>Answer</summary>
#
# Lambda's poller. It reads the queue as the function's role, calls the function with what it got,
# and deletes the messages when the function has succeeded.
# </details>
#
# **2. SNS answers 200. Are all ten messages published?**
# <details><summary>Answer</summary>
#
# Not necessarily. `publish_batch` lists those that it took and those that it did not; the
# function reports the latter to Lambda in `batchItemFailures`, and they come back later.
# </details>
#
# **3. The topic exists, the function succeeds, and no mail comes. What is missing, most likely?**
# <details><summary>Answer</summary>
#
# The confirmation. Until the link in the first mail was opened, the subscription is pending, and
# SNS mails nothing. (`lab check 01` says so.)
# </details>
#
# ## Exercise
#
# The mail comes from "AWS Notifications". Let it come from the "Tea shop": the topic has an
# attribute `DisplayName`. `lab hint 01` helps. Run the test above once more, and look at the
# sender.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# sns.set_topic_attributes(
#     TopicArn=topic_arn, AttributeName="DisplayName", AttributeValue="Tea shop"
# )
# print(f"Named the sender of the mails from {names.topic}.")

# %% tags=["active-ipynb"]
# lab.check_exercise("01")

# %% [markdown]
# Next: [02 Record orders](02_record_orders.ipynb), where orders find their place for good.
