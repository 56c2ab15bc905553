# %% [markdown]
# # 06 Verify
#
# The article's Step 4: one order, from the API to the table. You post it as the shop would, with
# the key and over HTTP. Then you follow it hop by hop: the answer, the item, the times, the mail.
# In the console this is a walk through five dashboards; here it takes six cells.
#
#     shop ──▶ API ──▶ take_order ──▶ queue ──▶ notify_fulfillment ──▶ topic ──▶ mail
#                                                                       └──▶ record_order ──▶ table

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("06")

# %% [markdown]
# **You need** chapters 01 to 05. (Are you late? `lab goto 06` runs them for you.)

# %%
import uuid

import urllib3

import lab

aws = lab.session()
names = lab.names()
lab.check_ground(aws, "06")
print(f"Working in account {lab.account_id(aws)}, region {aws.region_name}.")

# %% [markdown]
# This chapter has no `create_…`. It makes nothing but an order. Show its calls again.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## Post an order
#
# The shop needs the address of the stage and the key. AWS shows the value of a key only if you
# ask for it with `includeValues`.
#
# Console: API Gateway, *Stages*, `prod`, *Invoke URL*; and *API keys*, *Show*.

# %%
apigateway = aws.client("apigateway")
apis = apigateway.get_paginator("get_rest_apis").paginate().search("items[]")
api_id = next(api["id"] for api in apis if lab.is_ours(api, names.api))
keys = apigateway.get_paginator("get_api_keys").paginate(includeValues=True).search("items[]")
api_key = next(key["value"] for key in keys if lab.is_ours(key, names.api_key))
print(f"Found the REST API {names.api} and its key.")

# %% [markdown]
# We give the order its own id, so that we can find it again.
#
# Article: it tests with the console's *Test* button, which skips the key, the stage and the
# internet. A real request skips nothing.
#
# Console: there is no button for it; any HTTP client will do.

# %% tags=["post"]
order_id = f"chapter-06-{uuid.uuid4()}"
order = {"product": "Darjeeling tea, first flush", "quantity": 3, "order_id": order_id}
url = lab.invoke_url(aws, api_id, "prod", "/orders")
answer = urllib3.request("POST", url, json=order, headers={"x-api-key": api_key}, timeout=30)
print(f"Posted an order: {answer.status} {answer.data.decode()}")
if answer.status != 202:
    raise lab.RefusedError("The order was not accepted. Look at the answer above, and `lab logs`.")

# %% [markdown]
# The answer 202 is a promise. From here on the order ends as one item in the table, or as one
# message in a dead-letter queue, whichever part fails. (Only time works against it: SQS deletes a
# message after 14 days, and the days in the first queue count.)
#
# (403 would point to the key, 429 to the usage plan, 500 to the API's permission, and 502 to the
# function. `lab explain 403` says more, and likewise for the others.)
#
# ## The item in the table
#
# The order is still on its way, so we ask until it is there.
#
# Console: DynamoDB, *Explore items*, the table `Orders`; *Run* again until it shows.

# %%
table = aws.resource("dynamodb").Table(names.table)
item = lab.wait_until(
    lambda: table.get_item(Key={"order_id": order_id}, ConsistentRead=True).get("Item"),
    f"order {order_id} is in the table",
    order=order_id,
)
print("Stored the item:")
for name in sorted(item):
    print(f"  {name:20} {item[name]}")

# %% [markdown]
# Each hop has left its own time, in milliseconds since 1970. With these times you can follow the
# order's journey, and chapter 07 can measure it.
#
# ## How long each hop took
#
# Console: CloudWatch, *Log groups*, one after the other, comparing times by hand.

# %%
hops = ("received", "queued", "notified", "recorded")
times = [int(item[f"{hop}_epoch_ms"]) for hop in hops]
for hop, before, after in zip(hops[1:], times, times[1:], strict=False):
    print(f"  {hop:10} after {after - before:5} ms")
print(f"Took {times[-1] - times[0]} ms from the API to the table.")

# %% [markdown]
# One number may be much larger than the others: after a pause, an order waits for a **cold start**,
# while Lambda starts a process and imports the code. Run the chapter again at once, and compare.
# (Did you set a batching window in the exercise of chapter 05? Then `notified` takes up to a second
# longer, each time.)
#
# ## The mail to the fulfillment team
#
# Console: SNS shows that the message was published; only the inbox shows whether it arrived.

# %%
topic_arn = f"arn:aws:sns:{aws.region_name}:{lab.account_id(aws)}:{names.topic}"
print(lab.show_mail(aws, topic_arn, lab.email(), order_id))

# %% [markdown]
# The order has the same id in the answer, in the table and in the mail.
#
# ## What is left behind
#
# Nothing may be left in the queue or in the dead-letter queues.
#
# Console: SQS, *Queues*, the columns *Messages available* and *Messages in flight*.

# %% tags=["left-behind"]
sqs = aws.client("sqs")
counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
for name in (
    names.queue,
    names.queue_dead_letters,
    names.topic_dead_letters,
    names.function_dead_letters,
):
    queue_url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=counts)["Attributes"]
    waiting, in_flight = (found[count] for count in counts)
    print(f"  {name}: {waiting} waiting, {in_flight} in flight")

# %% [markdown]
# All numbers should be zero. (SQS counts approximately: a number may lag a few seconds behind.)
#
# And this is the whole story of the order.

# %%
lab.look("order", order_id)

# %% [markdown]
# ## You now have…
#
# the proof: one order went in at the front, one item and one mail came out at the end, and
# nothing is left in between.

# %%
lab.check("06")

# %% [markdown]
# ## Three questions
#
# **1. The answer was 202, and no item appears. Name three places to look.**
# <details><summary>Answer</summary>
#
# The queue (is the order still there? then the trigger is off or fails), the three dead-letter
# queues, and the log groups of the two functions behind the queue (`lab logs`).
# </details>
#
# **2. Why `ConsistentRead=True`?**
# <details><summary>Answer</summary>
#
# DynamoDB answers an ordinary read from any of its copies, and one of them may not have the
# newest write yet. A consistent read has every write that succeeded before it.
# </details>
#
# **3. The shop has waited too long for an answer. May it simply send the order again?**
# <details><summary>Answer</summary>
#
# Yes, if it sends the same `order_id` and the same content: the chain records the order once.
# (The mail to fulfillment may come twice, because SNS has no key that would tell it.)
# </details>
#
# ## Exercise
#
# Be the shop. Post an order with the id `exercise-06`, for at least two of something. The shop is
# impatient, so post it a second time. In the end there must be one item. `lab hint 06` helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# order = {"product": "Mint tea", "quantity": 2, "order_id": "exercise-06"}
# key = {"x-api-key": api_key}
# for attempt in range(2):
#     answer = urllib3.request("POST", url, json=order, headers=key, timeout=30)
#     print(answer.status)

# %% tags=["active-ipynb"]
# lab.check_exercise("06")

# %% [markdown]
# Next: [07 Measure](07_measure.ipynb), two hundred orders, and where their time goes.
