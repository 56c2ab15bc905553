# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # 00 Take orders
#
# The shop posts an order to an API. API Gateway checks it and hands it to the function
# `take_order`, which puts it on the queue `CustomerOrders` and answers at once. The article
# takes this part for granted, as the result of an earlier one; here it is built.
#
#     shop ──POST /orders──▶ API Gateway ──▶ take_order ──▶ SQS CustomerOrders
#
# Every cell can be run again: it finds what is there and makes only what is missing.

# %%
import json

import lab

aws = lab.session()  # a boto3 session for the cloud that you chose
names, tags = lab.names(), lab.tags()
lab.check_ground(aws)  # stop here if one of our names is taken by somebody else
account, region = lab.account_id(aws), aws.region_name
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# ## The queue
#
# Console: SQS, *Create queue*. A second queue takes the dead letters: orders that failed
# five times. The visibility timeout is six times the timeout of the function that will read
# from the queue, as AWS asks for. `CreateQueue` returns a queue that is there already if its
# attributes are the same, and fails if they are others. (SQS keeps a name for a minute after its
# queue was deleted; until then the call is repeated.)

# %%
sqs = aws.client("sqs")
keep = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}  # 14 days, the most there is
lab.once_name_is_free(
    lambda: sqs.create_queue(QueueName=names.queue_dead_letters, Attributes=keep, tags=tags)
)
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.queue_dead_letters}"
print(f"Created or found the queue {names.queue_dead_letters}.")

# %%
redrive = {"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": 5}
attributes = {**keep, "VisibilityTimeout": "90", "RedrivePolicy": json.dumps(redrive)}
queue_arn = f"arn:aws:sqs:{region}:{account}:{names.queue}"
try:
    lab.once_name_is_free(
        lambda: sqs.create_queue(QueueName=names.queue, Attributes=attributes, tags=tags)
    )
    print(f"Created or found the queue {names.queue}, {names.queue_dead_letters} behind it.")
except sqs.exceptions.QueueNameExists:  # with other attributes
    queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=attributes)
    print(f"Found the queue {names.queue}, and set its attributes.")

# %% [markdown]
# ## The log group
#
# Lambda would make this group itself and keep its lines for ever. Making it first lets us
# set 14 days, and the function needs no permission to create groups.

# %%
logs = aws.client("logs")
log_group = names.log_group(names.take_order)
try:
    logs.create_log_group(logGroupName=log_group, tags=tags)
    print(f"Created the log group {log_group}.")
except logs.exceptions.ResourceAlreadyExistsException:
    print(f"Found the log group {log_group}.")
logs.put_retention_policy(logGroupName=log_group, retentionInDays=14)

# %% [markdown]
# ## The execution role
#
# Console: IAM, *Roles*, *Create role*. Only Lambda may assume it. The article attaches
# `AmazonSQSFullAccess`, which lets this small function delete any queue of the account. Ours
# may send to one queue, find it, and create it with our tags, should it be missing.

# %%
iam = aws.client("iam")
role_name = names.role(names.take_order, region)
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
send = {
    "Effect": "Allow",
    "Action": ["sqs:CreateQueue", "sqs:TagQueue", "sqs:GetQueueUrl", "sqs:SendMessage"],
    "Resource": queue_arn,
}
write_logs = {
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": f"arn:aws:logs:{region}:{account}:log-group:{log_group}:*",
}

# %%
policy = json.dumps({"Version": "2012-10-17", "Statement": [send, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="take-order", PolicyDocument=policy)
print(f"Allowed {role_name} to send to {names.queue} and to write its logs.")

# %% [markdown]
# ## The function
#
# Console: Lambda, *Create function*, then *Deploy* and *Configuration*. The article chose
# Python 3.9, which AWS has deprecated; ours is current. A new role is not known everywhere
# at once, so the first attempts may fail with "cannot be assumed by Lambda": the call is
# repeated until it succeeds.

# %%
lambda_ = aws.client("lambda")
package = lab.package("take_order")
configuration = {
    "FunctionName": names.take_order,
    "Role": role["Arn"],
    "Handler": "take_order.lambda_handler",
    "Runtime": lab.RUNTIME,
    "Timeout": 15,
    "MemorySize": 256,
    "Environment": {"Variables": {"QUEUE_NAME": names.queue, "QUEUE_TAGS": json.dumps(tags)}},
}

# %%
try:
    lab.once_role_is_ready(
        lambda: lambda_.create_function(
            **configuration, Code={"ZipFile": package}, Architectures=["arm64"], Tags=tags
        )
    )
    print(f"Created the function {names.take_order}.")
except lambda_.exceptions.ResourceConflictException:
    lambda_.get_waiter("function_active_v2").wait(FunctionName=names.take_order)
    lambda_.update_function_code(FunctionName=names.take_order, ZipFile=package)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.take_order)
    lab.once_role_is_ready(lambda: lambda_.update_function_configuration(**configuration))
    print(f"Updated the function {names.take_order}.")

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.take_order)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.take_order)
print(f"Waited until {names.take_order} was ready.")

# %% [markdown]
# Console: *Test*. The event has the form in which API Gateway calls a function; it is the
# file `events/take_order.json`. Look for the status code 202. What a new role may do takes some
# seconds to be known everywhere, so a first failure is no reason to worry: we ask again.

# %%
event = lab.event("take_order")


def test() -> str | None:
    reply = lambda_.invoke(FunctionName=names.take_order, Payload=event)
    return None if "FunctionError" in reply else reply["Payload"].read().decode()


answer = lab.wait_until(test, f"{names.take_order} passes its test")
print(f"Tested {names.take_order}: {answer}")

# %% [markdown]
# ## The API
#
# Console: API Gateway, *Create API*, *REST API*. API Gateway lets any number of APIs bear
# one name, so we look before we make.

# %%
apigateway = aws.client("apigateway")
apis = apigateway.get_paginator("get_rest_apis").paginate().search("items[]")
api_id = next((api["id"] for api in apis if lab.is_ours(api, names.api)), None)
if api_id is None:
    api_id = apigateway.create_rest_api(
        name=names.api, endpointConfiguration={"types": ["REGIONAL"]}, tags=tags
    )["id"]
    print(f"Created the REST API {names.api}.")
else:
    print(f"Found the REST API {names.api}.")

# %%
resources = apigateway.get_resources(restApiId=api_id, limit=500)["items"]
paths = {resource["path"]: resource["id"] for resource in resources}
if "/orders" not in paths:
    paths["/orders"] = apigateway.create_resource(
        restApiId=api_id, parentId=paths["/"], pathPart="orders"
    )["id"]
    print("Created the resource /orders.")
else:
    print("Found the resource /orders.")
orders_id = paths["/orders"]

# %% [markdown]
# ### What an order must look like
#
# A model is a JSON schema. With it, API Gateway refuses a malformed order itself: no
# function runs, and nobody pays for one. The function checks again, because a request that
# claims not to be JSON passes API Gateway unchecked.

# %%
schema = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["product", "quantity"],
    "additionalProperties": False,
    "properties": {
        "product": {"type": "string", "minLength": 1, "maxLength": 200},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "order_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        "customer_email": {"type": "string", "maxLength": 254},
    },
}

# %%
models = apigateway.get_models(restApiId=api_id, limit=500)["items"]
if not any(model["name"] == "Order" for model in models):
    apigateway.create_model(
        restApiId=api_id,
        name="Order",
        contentType="application/json",
        schema=json.dumps(schema),
    )
    print("Created the model Order.")
else:
    print("Found the model Order.")

# %%
validators = apigateway.get_request_validators(restApiId=api_id, limit=500)["items"]
validator_id = next((v["id"] for v in validators if v["name"] == "body"), None)
if validator_id is None:
    validator_id = apigateway.create_request_validator(
        restApiId=api_id, name="body", validateRequestBody=True
    )["id"]
    print("Created the request validator.")
else:
    print("Found the request validator.")

# %% [markdown]
# A refused order gets "Invalid request body" and no more, unless we say otherwise. This
# gateway response adds what the validator found.

# %%
template = json.dumps(
    {
        "message": "$context.error.validationErrorString",
        "expected": "product: 1 to 200 characters; quantity: whole number, 1 to 10000; "
        "optional: order_id, customer_email",
    }
)
apigateway.put_gateway_response(
    restApiId=api_id,
    responseType="BAD_REQUEST_BODY",
    responseTemplates={"application/json": template},
)
print("Set the answer to a malformed order.")

# %% [markdown]
# ### The method and its integration
#
# Console: *Create method*, POST, *Lambda proxy integration*, and in the method request:
# *API key required*.

# %%
existing = apigateway.get_resource(restApiId=api_id, resourceId=orders_id, embed=["methods"])
if "POST" not in existing.get("resourceMethods", {}):
    apigateway.put_method(
        restApiId=api_id,
        resourceId=orders_id,
        httpMethod="POST",
        authorizationType="NONE",
        apiKeyRequired=True,
        requestValidatorId=validator_id,
        requestModels={"application/json": "Order"},
    )
print("Created or found the method POST /orders.")

# %%
function_arn = f"arn:aws:lambda:{region}:{account}:function:{names.take_order}"
apigateway.put_integration(
    restApiId=api_id,
    resourceId=orders_id,
    httpMethod="POST",
    type="AWS_PROXY",
    integrationHttpMethod="POST",  # Lambda is always called by POST, whatever the shop uses
    uri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
)
print(f"Connected POST /orders to {names.take_order}.")

# %% [markdown]
# The console adds this permission silently. Without it the API answers a bare 500.

# %%
try:
    lambda_.add_permission(
        FunctionName=names.take_order,
        StatementId=f"orders-api-{api_id}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{region}:{account}:{api_id}/*/POST/orders",
        SourceAccount=account,
    )
    print(f"Allowed the API to invoke {names.take_order}.")
except lambda_.exceptions.ResourceConflictException:
    print(f"Found the permission of the API to invoke {names.take_order}.")

# %% [markdown]
# ### The stage
#
# Console: *Deploy API*. Until then none of this is served.

# %%
stages = apigateway.get_stages(restApiId=api_id)["item"]
if not any(stage["stageName"] == "prod" for stage in stages):
    apigateway.create_deployment(restApiId=api_id, stageName="prod")
    apigateway.tag_resource(
        resourceArn=f"arn:aws:apigateway:{region}::/restapis/{api_id}/stages/prod", tags=tags
    )
    print("Deployed the API to the stage prod.")
else:
    print("Found the stage prod.")

# %% [markdown]
# ### The usage plan and its key
#
# An API key is no authentication. With a usage plan it slows a stranger down: 20 orders a
# second, in bursts of up to 40, and 10,000 a day. AWS applies these limits on a best-effort basis;
# what keeps a bill from growing is a budget with an alarm.

# %%
plans = apigateway.get_paginator("get_usage_plans").paginate().search("items[]")
plan = next((plan for plan in plans if lab.is_ours(plan, names.usage_plan)), None)
if plan is None:
    plan = apigateway.create_usage_plan(
        name=names.usage_plan,
        throttle={"rateLimit": 20, "burstLimit": 40},
        quota={"limit": 10_000, "period": "DAY"},
        tags=tags,
    )
    print(f"Created the usage plan {names.usage_plan}.")
if not any(stage["apiId"] == api_id for stage in plan.get("apiStages", [])):
    add = {"op": "add", "path": "/apiStages", "value": f"{api_id}:prod"}
    apigateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=[add])
    print(f"Added the stage prod to {names.usage_plan}.")

# %%
keys = apigateway.get_paginator("get_api_keys").paginate().search("items[]")
key_id = next((key["id"] for key in keys if lab.is_ours(key, names.api_key)), None)
if key_id is None:
    key_id = apigateway.create_api_key(name=names.api_key, enabled=True, tags=tags)["id"]
    print(f"Created the API key {names.api_key}.")
plan_keys = apigateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]
if not any(key["id"] == key_id for key in plan_keys):
    apigateway.create_usage_plan_key(usagePlanId=plan["id"], keyId=key_id, keyType="API_KEY")
    print(f"Added the key to {names.usage_plan}.")

# %% [markdown]
# ## Try it
#
# The console's *Test* button calls the method as it stands, without key and stage.

# %%
order = {"product": "Assam tea", "quantity": 2, "order_id": "chapter-00"}
answer = apigateway.test_invoke_method(
    restApiId=api_id, resourceId=orders_id, httpMethod="POST", body=json.dumps(order)
)
print(f"Tested POST /orders: {answer['status']} {answer['body']}")
