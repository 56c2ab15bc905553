# %% [markdown]
# # 00 Take orders
#
# A shop needs somewhere to send its orders, and it must not wait while they are processed. In
# this chapter you build the front of the chain. An API takes an order, the function `take_order`
# checks it and puts it on a queue, and the shop gets its answer a moment later. The article does
# not cover this part: it builds on an earlier one.
#
#     shop ──POST /orders──▶ API Gateway ──▶ take_order ──▶ SQS CustomerOrders
#
# In the picture, this chapter builds the parts in color. Later chapters add the pale ones.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("00")

# %% [markdown]
# **You need** Python and this project. Some Python and a rough idea of what a queue is will do;
# you do not need to know AWS. On your own machine the tutorial talks to a *local cloud*, which it
# starts itself. With the setting `LAB_TARGET=aws` the very same cells talk to AWS.
#
# You will see some words all the time. **API Gateway** is AWS's front door for requests over
# HTTP, **Lambda** runs code without a server of yours, **SQS** keeps queues, and **IAM** decides
# who may do what. A **function** is your code, which Lambda runs when something calls it. Its
# **execution role** is its identity when it calls AWS: what the role may not do, the function
# cannot do. A **queue** keeps messages until somebody has dealt with them. A **region** is one of
# the places where AWS runs. What you make in one region does not show up in another. **Tags** are
# labels on a thing. Ours say which tutorial and which learner made it.
#
# You can run every cell again: it finds what is there and makes only what is missing. So when
# something goes wrong, fix it and run the cell once more. If the numbers beside the cells stay
# empty, an earlier cell failed: scroll up to find it.
#
# [From the console to code](console-to-code.md) shows at a glance what you would click in AWS's
# console. [Troubleshooting](troubleshooting.md) explains errors. The commands in the text are for
# a terminal. In a cell, put an exclamation mark in front: `!lab check`.

# %%
import json

import lab

aws = lab.session()  # a boto3 session for the cloud that you chose
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "00")  # stops here if somebody else uses one of our names
account, region = lab.account_id(aws), aws.region_name
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# The account `123456789012` is the local cloud's. Any other number is a real account.
#
# Each boto3 method makes one call to AWS. The next line shows these calls below every cell, in
# order, with the time that each took. Leave it out if you would rather not see them.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## The queue
#
# We need two queues. The second one takes the **dead letters**: orders that failed five times, so
# that a person has to look at them. We make it first, because the other queue points to it.
#
# Console: SQS, *Create queue*, Standard, with a message retention period of 14 days.

# %% tags=["queue-dead-letters"]
sqs = aws.client("sqs")
keep = {"MessageRetentionPeriod": str(14 * 24 * 60 * 60)}  # 14 days, the most there is
lab.once_name_is_free(
    lambda: sqs.create_queue(QueueName=names.queue_dead_letters, Attributes=keep, tags=tags)
)
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.queue_dead_letters}"
print(f"Created or found the queue {names.queue_dead_letters}.")

# %% [markdown]
# `create_queue` is **idempotent**: run it twice, and there is still one queue. The **ARN** is the
# name by which AWS's services know the queue, all over the world.
#
# (SQS keeps a name for a minute after its queue was deleted. Until then, `once_name_is_free`
# repeats the call for you. That is all it does. The `lambda:` before the call is Python's short
# function and has nothing to do with Lambda.)
#
# Now the queue for the orders. While somebody works on a message, SQS hides it from others for
# the **visibility timeout**. If that is too short, the same order comes up twice. AWS asks for
# six times the timeout of the function that reads from the queue: 6 times 15 s.
#
# Console: SQS, *Create queue*, visibility timeout 90 seconds, retention 14 days; *Dead-letter
# queue*, *Enabled*, maximum receives 5. (In code this is the **redrive policy**.)

# %% tags=["queue"]
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
# With the same attributes, the call finds the queue. With others, it fails, and the `except` sets
# them. You will meet three shapes like this. The first was the bare call. This is the second:
# catch the one error that says "exists already", and let all others through.
#
# ## A topic for bad news
#
# In the article, the function that takes orders also creates the queue, and tells the
# **stakeholders** about it: anyone who wants to know. Ours can do both, but it should never have
# to. If somebody deletes the queue, orders still find a place, and somebody learns that it was
# gone. SNS carries the news. When you publish to a **topic**, SNS passes the message on to
# everyone who has subscribed. Chapter 01 has more on that, and subscribes you.
#
# Console: SNS, *Topics*, *Create topic*, Standard.

# %% tags=["stakeholders-topic"]
sns = aws.client("sns")
stakeholders_arn = sns.create_topic(Name=names.stakeholders, Tags=lab.tag_list())["TopicArn"]
print(f"Created or found the topic {names.stakeholders}.")

# %% [markdown]
# Nobody listens to this topic yet.
#
# ## The log group
#
# Whatever a function prints ends up in a log group with this name. AWS fixes the name:
# `/aws/lambda/` and then the name of the function. Lambda would make the group itself and keep
# its lines forever. We make it here, so it keeps them for 14 days, and the function needs no
# permission to create groups.
#
# Console: CloudWatch, *Log groups*, *Create log group*, retention 2 weeks.

# %% tags=["log-group"]
logs = aws.client("logs")
log_group = names.log_group(names.take_order)
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
# A role has two sides. The **trust policy** says who may take on the role: here Lambda, and
# nobody else.
#
# Console: IAM, *Roles*, *Create role*, *AWS service*, Lambda.

# %%
role_name = names.role(names.take_order, region)
trust = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
print(f"Wrote the trust policy of {role_name}.")

# %% [markdown]
# Roles do not belong to a region, so the name of ours contains the region. Now create it.

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
# The other side is what the role may do. **Here the article does harm**: it gives its functions
# full access, as chapter 01 shows. With `AmazonSQSFullAccess`, this small function could read and
# delete every queue of the account. So could anyone who finds a hole in it. Ours may do four
# things with one queue: send to it, find it, and, if it is missing, create it and tag it. It may
# also publish to one topic and write its own log.
#
# Console: the role, *Add permissions*, *Create inline policy*, JSON.

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
tell = {"Effect": "Allow", "Action": "sns:Publish", "Resource": stakeholders_arn}
print("Wrote three statements: send to one queue, publish to one topic, write one log.")

# %% [markdown]
# Each `Resource` is one queue, one topic or one log group. A star there would mean every queue.
#
# `put_role_policy` sets the policy, whatever it was before. So it is idempotent, too.

# %% tags=["role-policy"]
policy = json.dumps({"Version": "2012-10-17", "Statement": [send, tell, write_logs]})
iam.put_role_policy(RoleName=role_name, PolicyName="take-order", PolicyDocument=policy)
print(f"Allowed {role_name} to send to {names.queue} and to write its logs.")

# %% [markdown]
# ## The function
#
# Its code is one file, [`lambdas/take_order.py`](../lambdas/take_order.py). Read it now: it
# checks the order, puts it on the queue and answers. `lab.package` zips it.
#
# Three of its **environment variables** are for a queue that the function has to create. With the
# same attributes and tags as above it is the same queue, and this chapter finds it when you run
# it again. The function sends the news about it last. By then the order is safe. If sending the
# news fails, the function writes that into its log, and the shop gets its 202 all the same.
#
# **The article is out of date** in one thing: its functions run on Python 3.9, which AWS
# deprecated on December 15, 2025. From February 1, 2027 nobody can create a function with it. AWS
# supports ours until June 2029.
#
# Console: Lambda, *Create function*, *Author from scratch*: name, runtime, architecture arm64,
# *Use an existing role*; then *Configuration*: timeout 15 s, memory 256 MB, and the environment
# variables.

# %%
lambda_ = aws.client("lambda")
package = lab.package("take_order")
variables = {"QUEUE_NAME": names.queue, "QUEUE_ATTRIBUTES": json.dumps(attributes)}
variables |= {"QUEUE_TAGS": json.dumps(tags), "STAKEHOLDERS_TOPIC_ARN": stakeholders_arn}
configuration = {
    "FunctionName": names.take_order,
    "Role": role["Arn"],
    "Handler": "take_order.lambda_handler",
    "Runtime": lab.RUNTIME,
    "Timeout": 15,
    "MemorySize": 256,
    "Environment": {"Variables": variables},
}
print(f"Packed lambdas/take_order.py into {len(package)} bytes, for {lab.RUNTIME}.")

# %% [markdown]
# `Handler` is the name of the file, a dot, and the function in it that Lambda calls. The default
# timeout would be 3 s, too short for a slow day.
#
# It takes a while until all of AWS knows a new role. The first attempts may fail with "The role
# defined for the function cannot be assumed by Lambda". That is not your mistake. A fixed pause
# would be a guess, so we repeat the call until it succeeds, for two minutes at most.
#
# Console: *Create function*, then *Code*, *Upload from*, *.zip file*, *Save*; and *Runtime
# settings*, *Edit*, handler `take_order.lambda_handler`.

# %% tags=["function"]
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

# %% [markdown]
# The cell has two branches: it creates the function, or brings it up to date. `arm64` is the
# architecture of AWS's own processors. A second on them costs a fifth less.
#
# AWS takes a few seconds more to create or update a function. The **waiters** of boto3 ask until
# it is done, so you never have to guess a number of seconds.
#
# Console: a bar at the top, until it says that it is done.

# %%
lambda_.get_waiter("function_active_v2").wait(FunctionName=names.take_order)
lambda_.get_waiter("function_updated_v2").wait(FunctionName=names.take_order)
print(f"Waited until {names.take_order} was ready.")

# %% [markdown]
# (`lambda_` has its underscore because `lambda` is a Python keyword.)
#
# Now call the function with an event, in the form that API Gateway will use: the file
# [`events/take_order.json`](../events/take_order.json). It takes some seconds until all of AWS
# knows what a new role may do. So do not worry if it fails at first: the cell asks again.
#
# Console: the function, *Test*, *Create new event*, paste the JSON, *Test*.

# %%
event = lab.event("take_order")


def test() -> str:
    reply = lambda_.invoke(FunctionName=names.take_order, Payload=event)
    said = reply["Payload"].read().decode()
    if "FunctionError" in reply:
        raise lab.NotYetError(said)
    return said


answer = lab.wait_until(test, f"{names.take_order} passes its test")
print(f"Tested {names.take_order}: {answer}")

# %% [markdown]
# The status code 202 means "accepted". It is a promise: the order is on the queue. The code is
# not 200, because nobody has processed the order yet.
#
# ## The API
#
# In API Gateway any number of APIs can share one name, so a second `create_rest_api` would make a
# second API. This calls for the third shape: look first, then make.
#
# Console: API Gateway, *Create API*, *REST API*, *Build*, Regional.

# %% tags=["api"]
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

# %% [markdown]
# AWS answers lists in pages, and a **paginator** reads them all. Code that reads only the first
# page finds everything in an empty account and misses things in a full one.
#
# An API's **resource** is a path. Its methods say what you can do with it.
#
# Console: *Create resource*, with the name `orders`.

# %% tags=["api-resource"]
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
# A **model** is a JSON schema. With it, API Gateway itself refuses a malformed order: no function
# runs, and nobody pays for one. The function checks again, because API Gateway does not check a
# request that claims not to be JSON. Two checks that differ would be worse than one. So we write
# the schema down once, in the function's code, and make the model from it.
#
# Console: *Models*, *Create model*, *Model schema*.

# %%
schema = lab.schema("take_order")
for field, rules in schema["properties"].items():
    print(f"  {field}: {json.dumps(rules)}")
print(f"Read a schema of {len(schema['properties'])} fields from lambdas/take_order.py.")

# %% [markdown]
# The `pattern` of `product` allows no control characters, such as line breaks, because SQS would
# not take them. As to `order_id`, a shop may send its own. It is the **idempotency key** of the
# order: by it chapter 02 recognizes an order that it has stored already.
#
# Console: the same page, with the name `Order` and the content type `application/json`.

# %% tags=["model"]
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

# %% [markdown]
# A shop would notice no difference so far: a model alone checks nothing. That takes a **request
# validator**. Ours checks the body. It could check parameters in the address as well, but an
# order has none.
#
# Console: later, in *Create method*, *Method request settings*, *Request validator*: *Validate
# body*. The console then makes it.

# %% tags=["validator"]
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
# Without more, API Gateway answers a bad order with just "Invalid request body". This **gateway
# response** adds what the validator found and what an order looks like. API Gateway fills in
# `$context…` for each request.
#
# Console: *Gateway responses*, *Bad Request Body*, *Edit*.

# %% tags=["gateway-response"]
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
# The method says what a client may do with `/orders`, who may do it, and which model the body
# must fit. Without `apiKeyRequired`, anyone who knows the address could send orders. More on the
# key below.
#
# Console: *Create method*, POST; *Method request*: *API key required*, the validator, the model.

# %% tags=["method"]
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

# %% [markdown]
# The **integration** says who answers. A *proxy* integration passes on the whole request and
# takes the function's reply as the answer. So the function decides on the status and the body.
# Take care with `integrationHttpMethod`: with GET there, every order ends in a 500.
#
# Console: *Integration type*: *Lambda function*, *Lambda proxy integration* on, choose the
# function.

# %% tags=["integration"]
function_arn = f"arn:aws:lambda:{region}:{account}:function:{names.take_order}"
apigateway.put_integration(
    restApiId=api_id,
    resourceId=orders_id,
    httpMethod="POST",
    type="AWS_PROXY",
    integrationHttpMethod="POST",  # API Gateway always calls Lambda by POST
    uri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function_arn}/invocations",
)
print(f"Connected POST /orders to {names.take_order}.")

# %% [markdown]
# A function has a policy of its own, which says who may call it. Without this permission the API
# answers a bare "500 Internal server error", and nothing tells you why.
#
# Console: nothing to click. Choosing the function in the step before adds the permission, which
# is why so many people miss it when they leave the console.

# %% tags=["permission"]
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
# `SourceArn` names this API, this method and this path. Without it and `SourceAccount`, any API
# of any AWS customer could call the function.
#
# ### The stage
#
# What you have built so far is a draft. A **deployment** is a copy of it, and a **stage** serves
# that copy. If you change the API later, the stage goes on serving the old copy until you deploy
# again.
#
# Console: *Deploy API*, *New stage*, `prod`.

# %% tags=["stage"]
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
# The API is on the internet now. AWS says that a key is no authentication. But together with a
# **usage plan** it slows a stranger down: 20 orders a second, in bursts of up to 40, and 10,000 a
# day. AWS applies these limits on a best-effort basis. So set a budget with an alarm, too. It
# tells you when a bill grows, though it does not stop it.
#
# The cell makes two calls: one makes the plan, the other adds the stage to it.
#
# Console: *Usage plans*, *Create usage plan*, then *Add stage*.

# %% tags=["usage-plan"]
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

# %% [markdown]
# A key opens the stages of the usage plans that it belongs to, and no others.
#
# Console: *API keys*, *Create API key*, then *Add to usage plan*.

# %% tags=["api-key"]
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
# Look at what is *not* printed: the value of the key. It is a secret, if a weak one.
#
# ## Try it
#
# Now try everything at once: send an order through the API. `test_invoke_method` calls the method
# as it is now, without the key and the stage.
#
# Console: the method, *Test*, paste the order as *Request body*, *Test*.

# %%
order = {"product": "Assam tea", "quantity": 2, "order_id": "chapter-00"}
try:
    answer = apigateway.test_invoke_method(
        restApiId=api_id, resourceId=orders_id, httpMethod="POST", body=json.dumps(order)
    )
    print(f"Tested POST /orders: {answer['status']} {answer['body']}")
except apigateway.exceptions.ClientError as error:
    if not lab.is_not_served(error):
        raise
    print("Went on without the test, as this cloud has no TestInvokeMethod.")

# %% [markdown]
# The answer is 202 and the id. Change `quantity` to 0 and run the cell again: you get 400, and
# the reason. (The local cloud names the field. AWS may say only that a number is too low. That is
# why our answer adds what an order looks like.)
#
# The order waits in the queue. Look at it there: looking does not receive it.

# %%
lab.look("queue")

# %% [markdown]
# ## You now have…
#
# an API that takes orders. It refuses what is not an order, and puts each order that it accepts
# on a queue. Nobody reads from the queue yet; orders wait there for up to 14 days. The check
# looks at everything that this chapter made, and changes nothing. If something is wrong, it tells
# you which cell fixes it.

# %%
lab.check("00")

# %% [markdown]
# ## Three questions
#
# **1. Why does the shop get 202 and not 200?**
# <details><summary>Answer</summary>
#
# 202 says "accepted": the order is safe on the queue, and will be processed. With 200, "done",
# the shop would have to wait for the whole chain, and an error at the far end would become the
# shop's problem.
# </details>
#
# **2. `take_order` fails after it has taken the order. Is the order lost?**
# <details><summary>Answer</summary>
#
# No. If the function fails before `send_message` has returned, the shop gets a 502 instead. So it
# knows that it has to send the order again. If the message is on the queue but the answer was
# lost, the shop sends the order again, too. With the same `order_id`, the chain records it once.
# (A shop that sends no `order_id` gets a new one each time, and then the chain records the order
# twice.)
# </details>
#
# **3. You change the model, and the API still takes the old orders. Why?**
# <details><summary>Answer</summary>
#
# The stage serves the deployment, which is a copy. *Deploy API* (`create_deployment`) makes a new
# one.
# </details>
#
# ## Exercise
#
# If you read an empty queue by hand, you get an empty answer at once, ask again, and pay for each
# call. Let the queue wait up to 20 seconds for a message before it answers: **long polling**, its
# attribute `ReceiveMessageWaitTimeSeconds`. `lab hint 00` gives a hint, `lab hint 00 2` the next.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
# sqs.set_queue_attributes(
#     QueueUrl=queue_url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"}
# )
# print(f"Let {names.queue} wait up to 20 s for a message.")

# %% tags=["active-ipynb"]
# lab.check_exercise("00")

# %% [markdown]
# Next: [01 Notify fulfillment](01_notify_fulfillment.ipynb), where somebody reads the queue.
