# %% [markdown]
# # 05 Connect
#
# The article leaves this step out: its numbers go from 2 to 4. So far each function runs only
# when you test it. Three things make the functions a chain. From the topic to `record_order` you
# need a **permission** and a **subscription**. From the queue to `notify_fulfillment` you need a
# **trigger**.
#
#     SQS CustomerOrders ══▶ notify_fulfillment ──▶ SNS Orders ══▶ record_order

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("05")

# %% [markdown]
# **You need** chapters 01, 03 and 04.
#
# We begin at the end of the chain, and for a reason: orders already wait in the queue. A queue
# keeps messages until somebody fetches them. A topic keeps nothing: what you publish while nobody
# listens is gone. So the listener comes first. The trigger sets the orders going, so it comes
# last.

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "05")
account, region = lab.account_id(aws), aws.region_name
queue_arn = f"arn:aws:sqs:{region}:{account}:{names.queue}"
topic_arn = f"arn:aws:sns:{region}:{account}:{names.topic}"
function_arn = f"arn:aws:lambda:{region}:{account}:function:{names.record_order}"
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# All three ARNs in the cell follow from the names, so you do not have to remember anything from
# one chapter to the next.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## From the topic to the function
#
# First the permission: SNS may call `record_order`, on behalf of this topic. Without it SNS
# cannot deliver, and nobody tells you. No error shows up anywhere, only a metric that counts
# failures.
#
# Console: the function, *Add trigger*, SNS, the topic. This makes both the permission and the
# subscription.

# %% tags=["permission"]
lambda_ = aws.client("lambda")
try:
    lambda_.add_permission(
        FunctionName=names.record_order,
        StatementId="orders-topic",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic_arn,
    )
    print(f"Allowed {names.topic} to invoke {names.record_order}.")
except lambda_.exceptions.ResourceConflictException:
    print(f"Found the permission of {names.topic} to invoke {names.record_order}.")

# %% [markdown]
# You have now seen two kinds of policy. The policy of the role says what *the function may do*.
# This one, the **resource policy** of the function, says who may call *the function*.
#
# Sometimes SNS cannot deliver at all, because the function or the permission is gone. It then
# drops the message, unless the subscription has a dead-letter queue. That queue has to let SNS
# in, with a policy of its own. Its `Condition` is important: "SNS" alone would be every topic of
# every customer of AWS.
#
# Console: nothing to click yet; this goes into *Access policy*, in the next step.

# %%
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.topic_dead_letters}"
allow_topic = {
    "Effect": "Allow",
    "Principal": {"Service": "sns.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": dead_letters_arn,
    "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allow_topic]})
print(f"Wrote the policy of {names.topic_dead_letters}.")

# %% [markdown]
# Create the queue, and give it that policy.
#
# Console: SQS, *Create queue*, *Access policy*, *Advanced*, with that policy.

# %% tags=["topic-dead-letters"]
sqs = aws.client("sqs")
keep = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}
queue = lab.once_queue_is_ready(
    lambda: sqs.create_queue(QueueName=names.topic_dead_letters, Attributes=keep, tags=tags)
)
lab.once_queue_is_ready(
    lambda: sqs.set_queue_attributes(QueueUrl=queue["QueueUrl"], Attributes={"Policy": policy})
)
print(f"Created or found the queue {names.topic_dead_letters}, open to {names.topic}.")

# %% [markdown]
# This is the third net, and the last: whatever breaks, the order falls into one of them.
#
# Now the subscription itself. Nobody has to confirm it: the permission is the function's consent.
#
# Console: done by *Add trigger* above; the dead-letter queue is in the subscription, *Edit*,
# *Redrive policy*.

# %% tags=["subscription"]
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
# The topic and `notify_fulfillment` did not change: neither knows about the new listener. But the
# topic has two subscriptions now.

# %%
lab.look("topic")

# %% [markdown]
# ## From the queue to the function
#
# The trigger is an **event source mapping**: Lambda polls the queue and calls the function with
# up to ten messages. Three settings matter:
#
# - `ReportBatchItemFailures` lets the function name the messages that failed. Without it, one bad
#   order brings back nine good ones with it, again and again.
# - `MaximumConcurrency` 2 keeps a rush of orders from using up all the calls that the account may
#   run at once. (It does not keep the mail under ten a second: two calls can publish twenty
#   orders in an instant.)
# - `Enabled` turns on a trigger that somebody switched off.
#
# Console: the function, *Add trigger*, SQS: batch size 10, maximum concurrency 2, *Report batch
# item failures*.

# %%
settings = {
    "FunctionName": names.notify_fulfillment,
    "BatchSize": 10,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "ScalingConfig": {"MaximumConcurrency": 2},
    "Enabled": True,
}
mappings = lambda_.list_event_source_mappings(
    EventSourceArn=queue_arn, FunctionName=names.notify_fulfillment
)["EventSourceMappings"]
print(f"Looked for triggers from {names.queue} to {names.notify_fulfillment}: {len(mappings)}.")

# %% [markdown]
# The number is 0 the first time and 1 from then on. Orders start to move as soon as you make the
# trigger.
#
# On AWS: a change of a trigger takes some seconds, and Lambda refuses the next one until then. So
# `once_trigger_is_ready` repeats the call.
#
# Console: *Add*; for one that exists, *Configuration*, *Triggers*, *Edit*.

# %% tags=["trigger"]
if mappings:
    lab.once_trigger_is_ready(
        lambda: lambda_.update_event_source_mapping(UUID=mappings[0]["UUID"], **settings)
    )
    print(f"Set the trigger from {names.queue} to {names.notify_fulfillment}.")
else:
    lab.once_trigger_is_ready(
        lambda: lambda_.create_event_source_mapping(EventSourceArn=queue_arn, **settings, Tags=tags)
    )
    print(f"Connected {names.queue} to {names.notify_fulfillment}.")

# %% [markdown]
# Look into the inbox (`lab mail`): the orders of chapters 01 and 02 have waited in the queue, and
# now they are on their way to fulfillment.
#
# ## You now have…
#
# the whole chain, from the API to the table and to the mail. The next chapter finds out whether
# it works. The check tells you now whether everything is in place.

# %%
lab.check("05")

# %% [markdown]
# ## Three questions
#
# **1. Why do we make the subscription before the trigger?**
# <details><summary>Answer</summary>
#
# The trigger sets the waiting orders going. A topic does not keep what it gets while nobody
# listens. With the trigger first, SNS would mail these orders, and nothing would ever record
# them.
# </details>
#
# **2. Which of the two functions polls, and which is called?**
# <details><summary>Answer</summary>
#
# Neither polls. For `notify_fulfillment`, Lambda polls the queue with the role of the function,
# so the *role* needs the permission. SNS calls `record_order`, so the *function* has to permit
# it.
# </details>
#
# **3. Of ten orders in a batch, one cannot be read. How often do the other nine come back?**
# <details><summary>Answer</summary>
#
# Not at all. The function names the bad one in `batchItemFailures`, and only this one becomes
# visible in the queue again. After five times it goes to the dead-letter queue.
# </details>
#
# ## Exercise
#
# Each call of a function costs money. Let the trigger gather orders for up to one second before
# it calls: `MaximumBatchingWindowInSeconds`. In chapter 07 you will see what that does to the
# time an order takes. (Strictly speaking, the visibility timeout should now be 91 s: six times
# the function's timeout, plus the window.) `lab hint 05` helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# mapping = lambda_.list_event_source_mappings(
#     EventSourceArn=queue_arn, FunctionName=names.notify_fulfillment
# )["EventSourceMappings"][0]
# lambda_.update_event_source_mapping(UUID=mapping["UUID"], MaximumBatchingWindowInSeconds=1)
# print("Set the batching window to 1 s.")

# %% tags=["active-ipynb"]
# lab.check_exercise("05")

# %% [markdown]
# Next: [06 Verify](06_verify.ipynb), one order, all the way.
