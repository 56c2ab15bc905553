# %% [markdown]
# # 04 Record orders
#
# The article's Step 2. A third function, `record_order`, takes an order from SNS and stores it in
# a DynamoDB table. It adds a record id and the time when SNS posted the order, as a number and in
# words.
#
#     SNS Orders ──▶ record_order ──▶ DynamoDB Orders

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("04")

# %% [markdown]
# **You need** none of the chapters before: this end of the chain stands by itself until chapter
# 05 connects it to the topic.
#
# One thing makes this chapter harder than it looks: **AWS may deliver an order twice.** SQS and
# SNS promise "at least once", and Lambda calls a function again if it was too slow. So storing an
# order twice must do no more than storing it once. Watch how the key of the table and one
# condition take care of that.

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "04")
account, region = lab.account_id(aws), aws.region_name
table_arn = f"arn:aws:dynamodb:{region}:{account}:table/{names.table}"
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# Show the calls again, as in the chapters before.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## The table
#
# DynamoDB finds an item by its key. Ours is the order's id, so one order is one item, however
# often it comes. To find the orders of a day, newest first, the table has an **index** with
# another key: the date, and within it the time of posting.
#
# Console: DynamoDB, *Create table*, partition key `order_id`; then *Indexes*, *Create index*.

# %%
by_date = {
    "IndexName": "by-date",
    "KeySchema": [
        {"AttributeName": "order_date", "KeyType": "HASH"},
        {"AttributeName": "posted_epoch", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "ALL"},
}
types = {"order_id": "S", "order_date": "S", "posted_epoch": "N"}
print(f"Wrote down the index {by_date['IndexName']}.")

# %% [markdown]
# `types` declares only what is part of a key. An item can hold whatever else it likes.
#
# This chapter makes the table, and the function may not. Code that serves orders should not be
# able to change the place where they are kept. (`take_order` may create its queue. That is the one
# exception.)
#
# Article: there, the function itself creates the table, and so it may create any.
#
# Console: *Table settings*, *Customize settings*, capacity mode *On-demand* (the default),
# *Create table*.

# %% tags=["table"]
dynamodb = aws.client("dynamodb")
try:
    dynamodb.create_table(
        TableName=names.table,
        KeySchema=[{"AttributeName": "order_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in types.items()],
        GlobalSecondaryIndexes=[by_date],
        BillingMode="PAY_PER_REQUEST",
        Tags=lab.tag_list(),
    )
    print(f"Created the table {names.table}.")
except dynamodb.exceptions.ResourceInUseException:
    print(f"Found the table {names.table}.")
dynamodb.get_waiter("table_exists").wait(TableName=names.table)

# %% [markdown]
# With `PAY_PER_REQUEST` you pay for each request. An idle table costs only the little that it
# stores. The other mode has a price by the hour.
#
# ## The dead-letter queue of the function
#
# SNS calls a function **asynchronously**: Lambda takes the event, tries three times in all, and
# then drops it, unless you tell it where to put it. A dropped order is a lost order.
#
# Console: SQS, *Create queue*; later the function, *Configuration*, *Asynchronous invocation*.

# %% tags=["function-dead-letters"]
sqs = aws.client("sqs")
keep = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}
lab.once_queue_is_ready(
    lambda: sqs.create_queue(QueueName=names.function_dead_letters, Attributes=keep, tags=tags)
)
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.function_dead_letters}"
print(f"Created or found the queue {names.function_dead_letters}.")

# %% [markdown]
# This is the third of four queues, and the second net. Each place where an order could fall out of
# the chain gets one. `lab dead-letters` looks into the nets and says why an order is there.
# `lab redrive` sends it back, once you have fixed the cause.
#
# ## The log group
#
# Each of the three functions prints one line of JSON for an order, with its id and the outcome.
# When something goes wrong, `lab logs record_order` prints what is in this group, and
# `lab logs --order chapter-01` follows that order through all three.
#
# Console: CloudWatch, *Log groups*, *Create log group*, retention 2 weeks.

# %% tags=["log-group"]
logs = aws.client("logs")
log_group = names.log_group(names.record_order)
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
# Taking on a role is itself an action, `sts:AssumeRole`, and something has to allow it. That is
# what the trust policy does.
#
# Console: IAM, *Roles*, *Create role*, *AWS service*, Lambda.

# %%
role_name = names.role(names.record_order, region)
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
# The function puts items into one table, and Lambda puts the function's dead letters into one
# queue. It needs no permission for SNS: it takes nothing from the topic. SNS calls it, and SNS
# needs a permission for that. Chapter 05 gives it.
#
# Article: it speaks of a permission of the function for SNS.
#
# Console: the role, *Add permissions*, *Create inline policy*, JSON.

# %%
put = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": table_arn}
send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": dead_letters_arn}
write_logs = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"arn:aws:logs:{region}:{account}:log-group:{log_group}:*",
}
print("Wrote three statements: put items, send dead letters, write one log.")

# %% [markdown]
# The role may put items and may not even read them: the function never needs to.

# %% tags=["role-policy"]
policy = json.dumps({"Version": "2012-10-17", "Statement": [put, send, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="record-order", PolicyDocument=policy)
print(f"Allowed {role_name} to put items into {names.table}.")

# %% [markdown]
# Chapter 08 will take this permission away and see what happens.
#
# ## Write it yourself
#
# The heart of this function is one condition, `attribute_not_exists(order_id)`: put the item *only
# if it is not there*. If it is there with the same content, the order came twice, and all is well.
# If it is there with other content, that is a conflict. The function raises an error and overwrites
# nothing, and the order ends among the dead letters, where somebody sees it. Write the handler.

# %% tags=["active-ipynb"]
# lab.write("record_order")

# %% [markdown]
# Write it, save it, and try it until all is right. The second and third line of what comes out are
# the ones to think about.

# %% tags=["active-ipynb"]
# lab.try_out("record_order")

# %% [markdown]
# ## The function
#
# Compare yours with ours, [`lambdas/record_order.py`](../lambdas/record_order.py). Ours is in four
# parts: make the item, put it once, notice a conflict, and log what became of the order.
#
# Console: Lambda, *Create function*, as before; *Configuration*, with the dead-letter queue this
# time: *Asynchronous invocation*.

# %%
lambda_ = aws.client("lambda")
package = lab.package("record_order")
configuration = {
    "FunctionName": names.record_order,
    "Role": role["Arn"],
    "Handler": "record_order.lambda_handler",
    "Runtime": lab.RUNTIME,
    "Timeout": 15,
    "MemorySize": 256,
    "Environment": {"Variables": {"TABLE_NAME": names.table}},
    "DeadLetterConfig": {"TargetArn": dead_letters_arn},
}
print(f"Packed lambdas/record_order.py into {len(package)} bytes, for {lab.RUNTIME}.")

# %% [markdown]
# `DeadLetterConfig` is for asynchronous calls only. A queue that triggers a function has a
# dead-letter queue of its own.
#
# Console: *Create function*, then *Code*, *Upload from*, *.zip file*, *Save*; and *Runtime
# settings*, *Edit*, handler `record_order.lambda_handler`.

# %% tags=["function"]
try:
    lab.once_function_is_ready(
        lambda: lambda_.create_function(
            **configuration, Code={"ZipFile": package}, Architectures=["arm64"], Tags=tags
        )
    )
    print(f"Created the function {names.record_order}.")
except lambda_.exceptions.ResourceConflictException:
    code = {"FunctionName": names.record_order, "ZipFile": package}
    lab.once_function_is_ready(lambda: lambda_.update_function_code(**code))
    lab.once_function_is_ready(lambda: lambda_.update_function_configuration(**configuration))
    print(f"Updated the function {names.record_order}.")

# %% [markdown]
# Wait until the function is ready.
#
# Console: a bar at the top, until it says that it is done.

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.record_order)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.record_order)
print(f"Waited until {names.record_order} was ready.")

# %% [markdown]
# ## The test event
#
# The event, [`events/record_order.json`](../events/record_order.json), is what SNS passes to a
# function. The order is JSON within JSON: SNS knows nothing about orders. To SNS, a message is a
# text.
#
# Console: the function, *Test*, *Create new event*, *Private*, paste the JSON, *Save*, *Test*.

# %%
event = lab.event("record_order")


def test() -> str:
    reply = lambda_.invoke(FunctionName=names.record_order, Payload=event)
    said = reply["Payload"].read().decode()
    if "FunctionError" in reply:
        raise lab.NotYetError(said)
    return said


answer = lab.wait_until(test, f"{names.record_order} passes its test")
print(f"Tested {names.record_order}: {answer}")

# %% [markdown]
# Look at the record id, and run the cell again: it is the same one. The function computes it from
# the order's id, so an order that comes twice does not get a second one.
#
# Console: DynamoDB, *Explore items*, the table `Orders`.

# %%
order_id = json.loads(json.loads(event)["Records"][0]["Sns"]["Message"])["order_id"]
table = aws.resource("dynamodb").Table(names.table)
item = table.get_item(Key={"order_id": order_id}, ConsistentRead=True)["Item"]
print(f"Stored order {order_id}, posted {item['posted_at']}, record {item['record_id']}.")

# %% [markdown]
# `posted_at` is the time when SNS posted the message, in UTC. `posted_epoch` in the same item is
# that time as a number, and the index sorts by it.
#
# The table has its first item.

# %%
lab.look("table")

# %% [markdown]
# ## You now have…
#
# a table that holds each order once, and a function that writes into it. Both ends of the chain
# are there. Only the middle is missing.

# %%
lab.check("04")

# %% [markdown]
# ## Three questions
#
# **1. Why is the order's id the key, and not the record id?**
# <details><summary>Answer</summary>
#
# The key decides what counts as the same item. The order's id stays the same however often the
# order comes, so there is one item. With a fresh record id as the key, each delivery would be a
# new item.
# </details>
#
# **2. The write succeeds, but DynamoDB's answer is lost on the way. What happens?**
# <details><summary>Answer</summary>
#
# The function believes that it failed, and it or Lambda tries again. The condition then finds the
# item of the first attempt, with the same content: success, and still one item.
# </details>
#
# **3. Why does the function raise an error when the same id comes with another quantity?**
# <details><summary>Answer</summary>
#
# It cannot know which of the two is right, and it must lose neither. The error sends the second
# one to the dead-letter queue, where a person can decide.
# </details>
#
# ## Exercise
#
# Orders say what customers bought, so you should not keep them forever. DynamoDB can delete an
# item by itself when the time in one of its attributes has passed: **time to live**. Turn it on
# for the attribute `expires_epoch`. (No item has that attribute yet, so nothing vanishes.)
# `lab hint 04` helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# dynamodb.update_time_to_live(
#     TableName=names.table,
#     TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_epoch"},
# )
# print(f"Turned on time to live for {names.table}.")

# %% tags=["active-ipynb"]
# lab.check_exercise("04")

# %% [markdown]
# Next: [05 Connect](05_connect.ipynb), where three parts become a chain.
