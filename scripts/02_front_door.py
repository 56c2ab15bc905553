# %% [markdown]
# # 02 Front door
#
# A function has no address that a shop could post to. **API Gateway** gives it one. It is AWS's
# front door for requests over HTTP: it knows each shop by its key, refuses what is not an order,
# slows down anyone who is in too much of a hurry, and hands the rest to `take_order`.
#
#     shop ──POST /orders──▶ API Gateway ──▶ take_order
#
# Article: it takes this part for granted, too.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("02")

# %% [markdown]
# **You need** chapter 01. An **API** consists of *resources*, which are paths, and of *methods*,
# which say what one can do there, such as POST. An **integration** connects a method with what
# answers it. A **stage** serves all of it at an address.

# %%
import json

import urllib3

import lab

aws = lab.session()
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "02")
account, region = lab.account_id(aws), aws.region_name
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# The next line shows the calls of each cell again.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
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
# ## What an order must look like
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
# order: by it chapter 04 recognizes an order that it has stored already.
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
    operation = {"op": "replace", "path": "/schema", "value": json.dumps(schema)}
    apigateway.update_model(restApiId=api_id, modelName="Order", patchOperations=[operation])
    print("Found the model Order, and set its schema.")

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
# ## The method and its integration
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
lambda_ = aws.client("lambda")
try:
    lambda_.add_permission(
        FunctionName=names.take_order,
        StatementId=f"orders-api-{api_id}",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{region}:{account}:{api_id}/*/POST/orders",
    )
    print(f"Allowed the API to invoke {names.take_order}.")
except lambda_.exceptions.ResourceConflictException:
    print(f"Found the permission of the API to invoke {names.take_order}.")

# %% [markdown]
# `SourceArn` names your account, this API, this method and this path. Without it, any API of any
# AWS customer could call the function.
#
# ## The stage
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
# ## The usage plan and its key
#
# The API of an AWS account is on the internet from now on. A key is no authentication, as AWS says
# itself. But together with a **usage plan** it slows a stranger down: 20 orders a second, in bursts
# of up to 40, and 10,000 a day.
#
# On AWS: these limits are applied on a best-effort basis. So set a budget with an alarm, too. It
# tells you when a bill grows, though it does not stop it.
#
# The plan gets the stage when it is made. If you made the API again since, a second call adds the
# stage of the new one.
#
# Console: *Usage plans*, *Create usage plan*, then *Add stage*.

# %% tags=["usage-plan"]
plans = apigateway.get_paginator("get_usage_plans").paginate().search("items[]")
plan = next((plan for plan in plans if lab.is_ours(plan, names.usage_plan)), None)
if plan is None:
    plan = apigateway.create_usage_plan(
        name=names.usage_plan,
        apiStages=[{"apiId": api_id, "stage": "prod"}],
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
# What is *not* printed: the value of the key. It is a secret, if a weak one.
#
# ## Try it
#
# `test_invoke_method` calls the method as it is now, without the key and the stage.
#
# Console: nothing to click yet.

# %%
order = {"product": "Assam tea", "quantity": 2, "order_id": "chapter-02"}
method = {"restApiId": api_id, "resourceId": orders_id, "httpMethod": "POST"}


def test() -> str:
    answer = apigateway.test_invoke_method(**method, body=json.dumps(order))
    if answer["status"] == 500:
        raise lab.NotYetError("Lambda does not know the permission of the API yet.")
    return f"{answer['status']} {answer['body']}"


print("Wrote a test of POST /orders.")

# %% [markdown]
# On AWS: it takes a moment until a new permission counts, and a new key. Until then the answer is
# 500, or 403 at the stage. So the cells ask again.
#
# Console: the method, *Test*, paste the order as *Request body*, *Test*.

# %%
try:
    print(f"Tested POST /orders: {lab.wait_until(test, 'the API may call the function')}")
except apigateway.exceptions.ClientError as error:
    if not lab.is_not_served(error):
        raise
    print("Went on without the test, as this cloud has no TestInvokeMethod.")

# %% [markdown]
# The answer is 202 and the id. Change `quantity` to 0 where the order is, two cells up, and run
# both cells again: you get 400, and the reason. (Then change it back.)
#
# On AWS: the reason may say only that a number is too low, without the field. That is why our
# answer adds what an order looks like.
#
# Now send an order as the shop does: to the stage, over HTTP, with the key. Put your own name into
# it.
#
# Console: *Stages*, `prod`, *Invoke URL*; *API keys*, *Show*. Post with any HTTP client.

# %%
url = lab.invoke_url(aws, api_id, "prod", "/orders")
key = apigateway.get_api_key(apiKey=key_id, includeValue=True)["value"]
order = {"product": "Assam tea, for Ana", "quantity": 1, "order_id": "chapter-02-shop"}


def post() -> str:
    answer = urllib3.request("POST", url, json=order, headers={"x-api-key": key}, timeout=30)
    if answer.status in (403, 500):  # the key, or the permission, is not known yet
        raise lab.NotYetError(f"The stage answers {answer.status}.")
    return f"{answer.status} {answer.data.decode()}"


print(f"Posted an order: {lab.wait_until(post, 'the stage knows the key')}")

# %% [markdown]
# The order waits on the queue, beside those of chapter 01.

# %%
lab.look("queue")

# %% [markdown]
# ## You now have…
#
# an API that takes orders. It refuses what is not an order, and puts each order that it accepts on
# a queue, where it waits for somebody to read it.

# %%
lab.check("02")

# %% [markdown]
# ## Three questions
#
# **1. You change the model, and the API still takes the old orders. Why?**
# <details><summary>Answer</summary>
#
# The stage serves the deployment, which is a copy. *Deploy API* (`create_deployment`) makes a new
# one.
# </details>
#
# **2. Why are orders checked twice, by the model and by the function?**
# <details><summary>Answer</summary>
#
# The model saves money: a malformed order costs no call of a function. The function saves the
# chain: the model is not asked about a request that claims not to be JSON, and somebody may call
# the function without the API.
# </details>
#
# **3. The permission of the API is missing. What does the shop see, and what do you see?**
# <details><summary>Answer</summary>
#
# The shop sees a bare 500. You see nothing: the function was not called, so it logged nothing. The
# method's *Test* tells you the reason.
# </details>
#
# ## Exercise
#
# A shop that forgets its key is told "Forbidden", and nothing else. Tell it what to do: set the
# gateway response for a key that is missing or wrong, `INVALID_API_KEY`, to a message of your own
# that names the header `x-api-key`. Then post without a key, and read it. The first question above
# helps, and so does `lab hint 02`.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# said = {"message": "Send your key in the header x-api-key."}
# apigateway.put_gateway_response(
#     restApiId=api_id,
#     responseType="INVALID_API_KEY",
#     statusCode="403",
#     responseTemplates={"application/json": json.dumps(said)},
# )
# apigateway.create_deployment(restApiId=api_id, stageName="prod")
# answer = urllib3.request("POST", url, json=order, timeout=30)
# print(f"Posted without a key: {answer.status} {answer.data.decode()}")

# %% tags=["active-ipynb"]
# lab.check_exercise("02")

# %% [markdown]
# Next: [03 Notify fulfillment](03_notify_fulfillment.ipynb), where somebody reads the queue.
