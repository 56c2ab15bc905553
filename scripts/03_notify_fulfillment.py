# %% [markdown]
# # 03 Notify fulfillment
#
# The article's Step 1. Orders wait in the queue, and the fulfillment team needs to know about
# them. A second function, `notify_fulfillment`, takes orders from the queue and publishes them to
# an SNS **topic**. The topic mails them to everybody who has subscribed.
#
#     SQS CustomerOrders ──▶ notify_fulfillment ──▶ SNS Orders ──▶ e-mail to fulfillment
#
# Chapter 05 connects the queue to the function. In this chapter you test the function by hand.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("03")

# %% [markdown]
# **You need** chapter 01, and on AWS the setting `LAB_EMAIL`: an address whose mail you can read.
#
# Why a topic, and not just a mail? A function that publishes to a topic does not know who
# listens. The e-mail is the first listener. In chapter 05 `record_order` becomes the second, and
# nothing that you build here has to change for it.

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "03")  # stops here if chapter 01 is missing
account, region = lab.account_id(aws), aws.region_name
queue_arn = f"arn:aws:sqs:{region}:{account}:{names.queue}"
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# Check the account before you go on, above all when you work on AWS. The next line shows the
# calls of each cell again.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## The topic
#
# A topic keeps nothing: what you publish while nobody listens is gone. The first time, that does no
# harm, as nothing publishes yet. But say that somebody deletes the topic of a complete chain, and
# you run this chapter again. Then the new topic has no listeners. So `rest`, in the next cell,
# switches off the trigger, which chapter 05 adds and which hands the queue's orders to the
# function, until that chapter has subscribed them again. Meanwhile the orders wait in the queue.
#
# Console: nothing to click the first time. Later: Lambda, the trigger, *Disable*; wait until its
# state is *Disabled*, because it finishes its last batches first.

# %%
lambda_ = aws.client("lambda")


def triggers() -> list:
    found = lambda_.list_event_source_mappings(EventSourceArn=queue_arn)["EventSourceMappings"]
    return [each for each in found if each["FunctionArn"].endswith(names.notify_fulfillment)]


def rest() -> None:
    for trigger in triggers():
        off = {"UUID": trigger["UUID"], "Enabled": False}
        lab.once_trigger_is_ready(lambda off=off: lambda_.update_event_source_mapping(**off))
        print(f"Switched off a trigger of {names.queue}; chapter 05 switches it on again.")
    states = {"Disabled"}
    lab.wait_until(lambda: {t["State"] for t in triggers()} <= states, "it is off", timeout=180)


# %% [markdown]
# The next cell calls `rest` if the topic is missing. The state *Disabling* means that a batch is
# still on its way.
#
# Console: SNS, *Topics*, *Create topic*, Standard.

# %% tags=["topic"]
sns = aws.client("sns")
topics = sns.get_paginator("list_topics").paginate().search("Topics[].TopicArn")
if not any(arn.endswith(f":{names.topic}") for arn in topics):
    rest()
topic_arn = sns.create_topic(Name=names.topic, Tags=lab.tag_list())["TopicArn"]
print(f"Created or found the topic {names.topic}.")

# %% [markdown]
# SNS and IAM take tags as a list of pairs; SQS and Lambda take a dictionary. Many teams built
# AWS's services.
#
# ## The subscription by e-mail
#
# SNS first sends one mail with a link to the address. It sends no orders until somebody has
# opened that link: otherwise anyone could fill your inbox. In the local cloud the mail goes to a
# mailbox on your machine (`lab mail` prints it), and the cell opens the link for you.
#
# On AWS: the mail comes to your own inbox, and you open the link yourself.
#
# Console: the topic, *Create subscription*, protocol *Email*, your address.

# %% tags=["email"]
email = lab.email()
sns.subscribe(TopicArn=topic_arn, Protocol="email", Endpoint=email)
print(f"Asked {email} to confirm the subscription to {names.topic}.")
print(lab.confirm_subscription(aws, topic_arn, email))

# %% [markdown]
# `subscribe` is idempotent: run it again, and there is still one subscription.
#
# The same address needs to know when `take_order` had to create the queue.
#
# On AWS: this means a second mail with a second link.
#
# Console: the topic for stakeholders, *Create subscription*, protocol *Email*, your address.

# %% tags=["stakeholders-email"]
stakeholders_arn = f"arn:aws:sns:{region}:{account}:{names.stakeholders}"
sns.subscribe(TopicArn=stakeholders_arn, Protocol="email", Endpoint=email)
print(f"Asked {email} to confirm the subscription to {names.stakeholders}.")
print(lab.confirm_subscription(aws, stakeholders_arn, email))

# %% [markdown]
# The ARN follows from the name, so we did not have to remember it from chapter 01.
#
# **Mind the limit.** SNS sends ten mails a second to one address. Above that it *ends the
# subscription*, and somebody has to confirm it again. A shop with more orders would mail a
# digest.
#
# ## The log group
#
# As in chapter 01, we make it ourselves, so that its lines do not stay forever. The cell sets the
# retention whether it creates the group or finds it.
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
# ## The execution role
#
# Each function has a role of its own. Shared roles collect permissions, and nobody dares to take
# one away. The `Principal` that may take on this role is Lambda, the service. No person and no
# other account can.
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
# Create the role, or bring its trust policy up to date.

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
# Here is what the function needs, and what it does not:
#
# | to | it needs | not |
# |---|---|---|
# | read the queue | three actions on one queue | `sqs:*` on all of them |
# | publish | `sns:Publish` on one topic | `sns:*` on all of them |
# | write its log | two actions on one log group | |
#
# IAM has no action `sns:PublishBatch`: to publish a batch, the function needs `sns:Publish`.
#
# Article: it attaches `AmazonSNSFullAccess` and `AmazonSQSFullAccess`. With them this function
# could delete every topic and every queue of the account.
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
# Look at the three actions on the queue. The function's code uses none of them: **it does not
# poll.** Lambda reads the queue for the function, with the function's role. You find many
# examples of a function that a queue triggers *and* that polls the queue in its code. Such a
# function takes messages away from its own trigger. It deals with some of them twice, and with
# some not at all.

# %% tags=["role-policy"]
policy = json.dumps({"Version": "2012-10-17", "Statement": [receive, publish, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="notify-fulfillment", PolicyDocument=policy)
print(f"Allowed {role_name} to read from {names.queue} and to publish to {names.topic}.")

# %% [markdown]
# This role can reach one queue, one topic and one log group, and nothing else.
#
# ## Write it yourself
#
# The function gets up to ten messages at once and publishes them with one call. Then it reports
# the messages that it could not publish, so that only those come back. `publish_batch` can refuse
# single messages in a reply that is otherwise a success. If you do not check for that, you lose
# orders. Write the handler, in the file that the next cell makes.

# %% tags=["active-ipynb"]
# lab.write("notify_fulfillment")

# %% [markdown]
# What does it do with a batch that holds one message that is no order? And with a batch in which no
# message is an order? Write it, save it, and try it until all is right.

# %% tags=["active-ipynb"]
# lab.try_out("notify_fulfillment")

# %% [markdown]
# ## The function
#
# Compare yours with ours, [`lambdas/notify_fulfillment.py`](../lambdas/notify_fulfillment.py). Ours
# also minds the size: `publish_batch` takes no more than 256 KiB in all, though SQS takes four
# times as much in a single message. And it logs what became of each order.
#
# The function gets the topic's ARN in an environment variable.
#
# Article: its function looks the topic up with `list_topics` for each order. That costs one call
# each time, and AWS allows the whole account 30 a second.
#
# Console: Lambda, *Create function*, as in chapter 01: name, runtime, architecture, role; then
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
# Now create the function, or update it if you ran this before.
#
# Console: *Create function*, then *Code*, *Upload from*, *.zip file*, *Save*; and *Runtime
# settings*, *Edit*, handler `notify_fulfillment.lambda_handler`.

# %% tags=["function"]
try:
    lab.once_function_is_ready(
        lambda: lambda_.create_function(
            **configuration, Code={"ZipFile": package}, Architectures=["arm64"], Tags=tags
        )
    )
    print(f"Created the function {names.notify_fulfillment}.")
except lambda_.exceptions.ResourceConflictException:
    code = {"FunctionName": names.notify_fulfillment, "ZipFile": package}
    lab.once_function_is_ready(lambda: lambda_.update_function_code(**code))
    lab.once_function_is_ready(lambda: lambda_.update_function_configuration(**configuration))
    print(f"Updated the function {names.notify_fulfillment}.")

# %% [markdown]
# Wait until the function is ready. Before that, nobody may call it.
#
# Console: a bar at the top, until it says that it is done.

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.notify_fulfillment)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.notify_fulfillment)
print(f"Waited until {names.notify_fulfillment} was ready.")

# %% [markdown]
# ## The test event
#
# The event, [`events/notify_fulfillment.json`](../events/notify_fulfillment.json), is what Lambda
# passes on from SQS: a list of records, each with the body of a message.
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
# The answer has the status code 200 and says that one order was sent to fulfillment, as in the
# article. Lambda itself reads only one key, `batchItemFailures`. An empty list means that all
# went well.
#
# The mail is the other half of the test.
#
# Console: nothing to click; look into the inbox of the address that you subscribed.

# %%
order = json.loads(json.loads(event)["Records"][0]["body"])
print(lab.show_mail(aws, topic_arn, email, order["order_id"]))

# %% [markdown]
# The mail has a sentence, not JSON. With `MessageStructure="json"` the function writes one text
# for people and another for programs.
#
# This is the whole mailbox. It began with the mails that asked for a confirmation.

# %%
lab.look("mailbox")

# %% [markdown]
# ## You now have…
#
# a function that tells fulfillment about every order that it gets. So far it got only your test.
# Chapter 05 adds the trigger.

# %%
lab.check("03")

# %% [markdown]
# ## Three questions
#
# **1. The role may read the queue, but the function's code never does. Who does, then?**
# <details><summary>Answer</summary>
#
# Lambda's poller. It reads the queue with the function's role, calls the function with what it
# got, and deletes the messages when the function has succeeded.
# </details>
#
# **2. SNS answers 200. Are all ten messages published?**
# <details><summary>Answer</summary>
#
# Not necessarily. `publish_batch` lists the messages that it took and those that it did not. The
# function reports the second list to Lambda in `batchItemFailures`, and those messages come back
# later.
# </details>
#
# **3. The topic exists, the function succeeds, and no mail comes. What is missing, most likely?**
# <details><summary>Answer</summary>
#
# The confirmation. Until somebody opens the link in the first mail, the subscription is pending,
# and SNS mails nothing. (`lab check 03` says so.)
# </details>
#
# ## Exercise
#
# Twice a year the shop has a drill. Its messages carry a message attribute `kind` with the value
# `drill`, and the fulfillment team wants no mail about those. Give the team's subscription a
# **filter policy**. SNS compares it with the attributes of each message, and passes on only what
# fits. Mind the orders: they have no attribute `kind` at all, and must come as before.
# `lab hint 03` helps.
#
# On AWS: it takes up to 15 minutes until a filter policy holds everywhere.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
# (mails,) = [each for each in subscriptions if each["Protocol"] == "email"]
# no_drill = {"kind": [{"anything-but": "drill"}, {"exists": False}]}
# sns.set_subscription_attributes(
#     SubscriptionArn=mails["SubscriptionArn"],
#     AttributeName="FilterPolicy",
#     AttributeValue=json.dumps(no_drill),
# )
# print(f"Let no drill of {names.topic} come by mail.")

# %% tags=["active-ipynb"]
# lab.check_exercise("03")

# %% [markdown]
# Next: [04 Record orders](04_record_orders.ipynb), where orders find their place for good.
