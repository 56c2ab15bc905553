# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # 02 Record orders
#
# The article's Step 2. A third function takes an order from SNS, adds a record id and the
# time when SNS posted it, as a number and readable, and stores it in a DynamoDB table.
#
#     SNS Orders ──▶ record_order ──▶ DynamoDB Orders

# %%
import json

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws)
account, region = lab.account_id(aws), aws.region_name
table_arn = f"arn:aws:dynamodb:{region}:{account}:table/{names.table}"

# %% [markdown]
# ## The table
#
# Console: DynamoDB, *Create table*. The order's id is the key, so an order that is delivered
# twice is still one item. The index lists the orders of a day by time. The function in the
# article may create tables; here set-up makes the table, and the function may not.

# %%
dynamodb = aws.client("dynamodb")
by_date = {
    "IndexName": "by-date",
    "KeySchema": [
        {"AttributeName": "order_date", "KeyType": "HASH"},
        {"AttributeName": "posted_epoch", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "ALL"},
}
types = {"order_id": "S", "order_date": "S", "posted_epoch": "N"}

# %%
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
# ## The dead-letter queue of the function
#
# SNS calls a function asynchronously: Lambda tries three times and then drops the event,
# unless it is told where to put it.

# %%
sqs = aws.client("sqs")
keep = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}
lab.once_name_is_free(
    lambda: sqs.create_queue(QueueName=names.function_dead_letters, Attributes=keep, tags=tags)
)
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.function_dead_letters}"
print(f"Created or found the queue {names.function_dead_letters}.")

# %% [markdown]
# ## The log group and the execution role
#
# The function puts items into one table, and its dead letters into one queue. It needs no
# permission for SNS: it is SNS that calls it.

# %%
logs = aws.client("logs")
log_group = names.log_group(names.record_order)
try:
    logs.create_log_group(logGroupName=log_group, tags=tags)
    print(f"Created the log group {log_group}.")
except logs.exceptions.ResourceAlreadyExistsException:
    print(f"Found the log group {log_group}.")
logs.put_retention_policy(logGroupName=log_group, retentionInDays=14)

# %%
iam = aws.client("iam")
role_name = names.role(names.record_order, region)
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
put = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": table_arn}
send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": dead_letters_arn}
write_logs = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"arn:aws:logs:{region}:{account}:log-group:{log_group}:*",
}

# %%
policy = json.dumps({"Version": "2012-10-17", "Statement": [put, send, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="record-order", PolicyDocument=policy)
print(f"Allowed {role_name} to put items into {names.table}.")

# %% [markdown]
# ## The function

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

# %%
try:
    lab.once_role_is_ready(
        lambda: lambda_.create_function(
            **configuration, Code={"ZipFile": package}, Architectures=["arm64"], Tags=tags
        )
    )
    print(f"Created the function {names.record_order}.")
except lambda_.exceptions.ResourceConflictException:
    lambda_.get_waiter("function_active_v2").wait(FunctionName=names.record_order)
    lambda_.update_function_code(FunctionName=names.record_order, ZipFile=package)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.record_order)
    lab.once_role_is_ready(lambda: lambda_.update_function_configuration(**configuration))
    print(f"Updated the function {names.record_order}.")

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.record_order)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.record_order)
print(f"Waited until {names.record_order} was ready.")

# %% [markdown]
# ## The test event
#
# Console: *Test*, then DynamoDB, *Explore items*. The event is what SNS passes to a function.
# Run the cell twice: the table still holds one item for this order.

# %%
event = lab.event("record_order")


def test() -> str | None:
    reply = lambda_.invoke(FunctionName=names.record_order, Payload=event)
    return None if "FunctionError" in reply else reply["Payload"].read().decode()


answer = lab.wait_until(test, f"{names.record_order} passes its test")
print(f"Tested {names.record_order}: {answer}")

# %%
order_id = json.loads(json.loads(event)["Records"][0]["Sns"]["Message"])["order_id"]
table = aws.resource("dynamodb").Table(names.table)
item = table.get_item(Key={"order_id": order_id}, ConsistentRead=True)["Item"]
print(f"Stored order {order_id}, posted {item['posted_at']}, record {item['record_id']}.")
