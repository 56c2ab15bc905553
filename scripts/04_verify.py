# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # 04 Verify
#
# The article's Step 4: one order, from the API to the table. We post it as the shop would
# and follow it hop by hop.

# %%
import uuid

import urllib3

import lab

aws = lab.session()
names = lab.names()
apigateway = aws.client("apigateway")

# %%
apis = apigateway.get_paginator("get_rest_apis").paginate().search("items[]")
api_id = next((api["id"] for api in apis if api["name"] == names.api), None)
if api_id is None:
    raise lab.MissingStepError(f"There is no REST API {names.api}: run chapters 00 to 03 first.")
keys = apigateway.get_paginator("get_api_keys").paginate(includeValues=True).search("items[]")
api_key = next(key["value"] for key in keys if key["name"] == names.api_key)

# %% [markdown]
# ## Post an order
#
# The answer 202 is a promise: the order is on the queue, and from here on it ends as one item
# in the table, or as one message in a dead-letter queue.

# %%
order = {"product": "Darjeeling tea, first flush", "quantity": 3, "order_id": str(uuid.uuid4())}
url = lab.invoke_url(aws, api_id, "prod", "/orders")
answer = urllib3.request("POST", url, json=order, headers={"x-api-key": api_key})
print(f"Posted an order: {answer.status} {answer.data.decode()}")

# %% [markdown]
# ## The item in the table

# %%
table = aws.resource("dynamodb").Table(names.table)
item = lab.wait_until(
    lambda: table.get_item(Key={"order_id": order["order_id"]}, ConsistentRead=True).get("Item"),
    f"order {order['order_id']} is in the table",
)
print("Stored the item:")
for name in sorted(item):
    print(f"  {name:20} {item[name]}")

# %% [markdown]
# ## How long each hop took

# %%
hops = ("received", "queued", "notified", "recorded")
times = [int(item[f"{hop}_epoch_ms"]) for hop in hops]
for hop, before, after in zip(hops[1:], times, times[1:], strict=False):
    print(f"  {hop:10} after {after - before:5} ms")
print(f"Took {times[-1] - times[0]} ms from the API to the table.")

# %% [markdown]
# ## The mail to the fulfillment team

# %%
print(lab.show_mail(aws, lab.load_settings().email, order["order_id"]))

# %% [markdown]
# ## What is left behind
#
# Nothing may wait in a queue, and nothing may lie among the dead letters.

# %%
sqs = aws.client("sqs")
queues = (
    names.queue,
    names.queue_dead_letters,
    names.topic_dead_letters,
    names.function_dead_letters,
)
for name in queues:
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    count = ["ApproximateNumberOfMessages"]
    waiting = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=count)["Attributes"][count[0]]
    print(f"  {name:30} {waiting} messages")
