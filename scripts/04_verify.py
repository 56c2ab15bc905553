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
lab.check_ground(aws, builds_on=("00", "01", "02", "03"))
apigateway = aws.client("apigateway")

# %%
apis = apigateway.get_paginator("get_rest_apis").paginate().search("items[]")
api_id = next(api["id"] for api in apis if lab.is_ours(api, names.api))
keys = apigateway.get_paginator("get_api_keys").paginate(includeValues=True).search("items[]")
api_key = next(key["value"] for key in keys if lab.is_ours(key, names.api_key))

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
if answer.status != 202:
    raise lab.RefusedError("The order was not accepted. Look at the answer above, and `lab logs`.")

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
topic_arn = f"arn:aws:sns:{aws.region_name}:{lab.account_id(aws)}:{names.topic}"
print(lab.show_mail(aws, topic_arn, lab.email(), order["order_id"]))

# %% [markdown]
# ## What is left behind
#
# Nothing may be left in the queue, and nothing may lie among the dead letters.

# %%
sqs = aws.client("sqs")
counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
for name in (
    names.queue,
    names.queue_dead_letters,
    names.topic_dead_letters,
    names.function_dead_letters,
):
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
    waiting, in_flight = (found[count] for count in counts)
    print(f"  {name}: {waiting} waiting, {in_flight} in flight")
