# %% [markdown]
# # 07 Measure
#
# The article promises that the table will show how well the chain processes orders and what could
# be better, and stops there. Here you do it. You send 200 orders, read them back by id and by
# day, and draw where their time went.
#
#     200 orders ──▶ the chain ──▶ 200 items, each with the time of every hop ──▶ two pictures

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("07")

# %% [markdown]
# **You need** chapters 01 to 05.
#
# On AWS: expect 200 mails at the address in `LAB_EMAIL`.

# %%
import statistics
import time
import uuid

import urllib3
from boto3.dynamodb.conditions import Key
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

import lab

aws = lab.session()
names = lab.names()
lab.check_ground(aws, "07")
print(f"Working in account {lab.account_id(aws)}, region {aws.region_name}.")

# %% [markdown]
# `statistics` comes with Python, and Matplotlib draws the pictures. Show the calls again.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## Send 200 orders
#
# As in chapter 06, the shop needs the address of the stage and the key.
#
# Console: API Gateway, *Stages*, `prod`, *Invoke URL*; and *API keys*, *Show*.

# %%
apigateway = aws.client("apigateway")
apis = apigateway.get_paginator("get_rest_apis").paginate().search("items[]")
api_id = next(api["id"] for api in apis if lab.is_ours(api, names.api))
keys = apigateway.get_paginator("get_api_keys").paginate(includeValues=True).search("items[]")
api_key = next(key["value"] for key in keys if lab.is_ours(key, names.api_key))
url = lab.invoke_url(aws, api_id, "prod", "/orders")
print(f"Found the REST API {names.api} and its key.")

# %% [markdown]
# A client that sends many requests keeps its connections open. It tries again after 429 (too
# many), and after 502 to 504 (something behind the API failed). It can do so without fear,
# because the chain records an order with the same id once. That is what the idempotency key is
# for.

# %%
again = urllib3.Retry(
    total=8,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,  # any, POST included
    backoff_factor=0.2,  # seconds, doubled each time
)
shop = urllib3.PoolManager(headers={"x-api-key": api_key}, retries=again)


def post(order: dict[str, object]) -> None:
    answer = shop.request("POST", url, json=order)
    if answer.status != 202:
        raise lab.RefusedError(f"{answer.status} {answer.data.decode()}; `lab explain` says more.")


# %% [markdown]
# First post one order and wait for it. It wakes the functions. A **cold start** takes AWS a
# second or two, and all orders that come in meanwhile would be published at once. Every id begins
# with the chapter and this run, so that we can find our orders again.
#
# Console: the method, *Test*; then DynamoDB, *Explore items*.

# %%
ORDERS = 200
run = f"chapter-07-{uuid.uuid4().hex[:8]}"
ids = [f"{run}-{number:03}" for number in range(ORDERS)]
table = aws.resource("dynamodb").Table(names.table)
post({"product": "Assam tea", "quantity": 1, "order_id": ids[0]})
first = lab.wait_until(
    lambda: table.get_item(Key={"order_id": ids[0]}, ConsistentRead=True).get("Item"),
    f"order {ids[0]} is in the table",
    order=ids[0],
)
print("Sent the first order, and found it in the table.")

# %% [markdown]
# Now the others, five a second. We could go faster, but it would do harm: SNS ends the
# subscription of an address that would get more than ten mails a second. So this takes 40
# seconds. (Does the mail stop all the same? Run the subscription cell of chapter 03 again, and
# open the new link.)
#
# Console: it cannot send a load of orders.

# %% tags=["post"]
PACE = 5  # orders a second
start = time.monotonic()
for number, order_id in enumerate(lab.progress(ids[1:], "Sent orders")):
    time.sleep(max(0.0, start + number / PACE - time.monotonic()))
    post({"product": "Assam tea", "quantity": 1 + number % 5, "order_id": order_id})
print(f"Sent {ORDERS} orders, each answered 202.")

# %% [markdown]
# The cell would have stopped at the first order that got another answer.
#
# ## Read them back
#
# First **by id**: the key of the table finds one item, however many there are. Numbers come back
# as `Decimal`, because DynamoDB keeps them exactly.
#
# Console: DynamoDB, *Explore items*, *Query*, partition key `order_id`.

# %%
last = lab.wait_until(
    lambda: table.get_item(Key={"order_id": ids[-1]}, ConsistentRead=True).get("Item"),
    f"order {ids[-1]} is in the table",
    order=ids[-1],
)
print(f"Read one order by its id: {last['quantity']} x {last['product']}.")

# %% [markdown]
# Then **by day, newest first**: the index `by-date` has the day as its key and sorts by time. A
# query reads only what matches. A `scan` with a filter would read the whole table, and you would
# pay for all of it. An order may show up in the index a moment late, so we ask until all are
# there. And if you measure past midnight, there are two days to read.
#
# Console: *Explore items*, *Query*, *Index*: `by-date`, the date, *Sort descending*.


# %%
def newest_first() -> list[dict]:
    days = {f"{item['order_date']}" for item in (first, last)}
    found = []
    for day in sorted(days, reverse=True):
        pages = table.meta.client.get_paginator("query").paginate(
            TableName=names.table,
            IndexName="by-date",
            KeyConditionExpression=Key("order_date").eq(day),
            ScanIndexForward=False,  # newest first
        )
        found += [item for page in pages for item in page["Items"]]
    return [item for item in found if item["order_id"].startswith(run)]


# %% [markdown]
# (`ScanIndexForward=False` is how DynamoDB spells "descending".) Now ask until all orders are
# there.
#
# Console: *Run*, and *Run* again, until 200 are returned.

# %%
lab.wait_until(
    lambda: len(newest_first()) == ORDERS, f"all {ORDERS} orders are in the index", order=run
)
items = newest_first()
print(f"Read {len(items)} orders of this run, newest first. The first three of them:")
for item in items[:3]:
    print(f"  {item['posted_at']}  {item['quantity']} x {item['product']}")

# %% [markdown]
# The chain accepted 200 orders and recorded 200. None is missing, and none is there twice.
#
# ## Where the time goes
#
# Each item has the time at which the API received the order, and the times just before it was
# queued, published and recorded. The differences are the hops.
#
# Console: no dashboard shows this; CloudWatch has averages for each part, but not for the way
# between them.

# %%
HOPS = {
    "API to queue": ("received", "queued"),
    "queue to notify_fulfillment": ("queued", "notified"),
    "topic to record_order": ("notified", "recorded"),
    "all the way": ("received", "recorded"),
}
latencies = {
    hop: sorted(int(item[f"{b}_epoch_ms"]) - int(item[f"{a}_epoch_ms"]) for item in items)
    for hop, (a, b) in HOPS.items()
}
for hop, values in latencies.items():
    p95 = statistics.quantiles(values, n=20)[-1]
    print(f"  {hop:28} half within {statistics.median(values):4.0f} ms, 95 % within {p95:4.0f} ms")
halves = ", ".join(f"{hop} {statistics.median(ms):.0f} ms" for hop, ms in latencies.items())

# %% [markdown]
# Each hop has two numbers. The **median** is what an order usually takes. The **95th percentile**
# is what one in twenty exceeds. An average would hide both: one slow order in a hundred moves it,
# and nobody ever waited that long. Now draw all of them.

# %%
figure = Figure(figsize=(8, 3.4), layout="constrained")
axes = figure.add_subplot(xlabel="latency (ms; what took less than 1 ms is drawn at 1)")
drawn = [[max(value, 1) for value in values] for values in latencies.values()]
median = {"color": "#b8500f", "linewidth": 3}
axes.boxplot(
    drawn, tick_labels=list(latencies), orientation="horizontal", whis=(5, 95), medianprops=median
)
axes.set_xscale("log")  # each step to the right multiplies the time
axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
axes.xaxis.set_major_formatter("{x:g}")
axes.xaxis.set_minor_locator(NullLocator())
axes.invert_yaxis()
axes.set_title(f"Where the time goes: {len(items)} orders")
lab.show(figure, "latency-of-each-hop", f"A box plot for each hop. Half took up to: {halves}.")

# %% [markdown]
# Each box holds the middle half of the orders. The line in it is the median, the whiskers reach
# from 5 to 95 %, and the circles are the rest. (If a box is just a line, nearly all orders took
# the same time.)
#
# A circle far to the right is an order that met a cold start or a busy neighbor. On AWS the very
# first order is often one of them.
#
# Did you set a batching window in the exercise of chapter 05? It shows up here: up to a second, on
# the second hop.
#
# On AWS: expect the third hop to be the longest, because SNS calls a function by way of Lambda's
# own queue.
#
# ## Orders a second
#
# Console: CloudWatch, *Metrics*, SQS, `NumberOfMessagesSent` beside `NumberOfMessagesDeleted`.

# %%
began = min(int(item["received_epoch_ms"]) for item in items)
seconds = {
    "accepted by the API": [(int(i["received_epoch_ms"]) - began) / 1000 for i in items],
    "recorded in the table": [(int(i["recorded_epoch_ms"]) - began) / 1000 for i in items],
}
bins = range(int(max(map(max, seconds.values()))) + 2)
figure = Figure(figsize=(8, 3.2), layout="constrained")
axes = figure.add_subplot(xlabel="time since the first order (s)", ylabel="orders per second (1/s)")
lines = (5, "-", "#2f6fb0"), (2, "--", "#b8500f")
for (label, values), (width, dashes, color) in zip(seconds.items(), lines, strict=True):
    axes.hist(values, bins, histtype="step", lw=width, ls=dashes, color=color, label=label)
axes.legend(loc="lower center")
axes.set_title("Orders in each second: accepted, and recorded")
alt = f"Two outlines over {bins.stop - 1} seconds: orders {' and orders '.join(seconds)}."
lab.show(figure, "orders-per-second", alt)

# %% [markdown]
# As long as the two outlines lie on top of each other, the chain keeps up. If the lower one lags
# behind, orders wait in the queue. That is what a queue is for, and after the rush the chain
# catches up. (A small corner means orders that came in during one second and were recorded in the
# next.)
#
# ## Beside the article
#
# The article's own two functions look up the queue and the topic for each order, poll the queue
# themselves, and pass on one message a call. Its code stands in pictures, so
# [`lambdas/article`](../lambdas/article) has it written from its description. The next cell runs
# them beside ours, in a small cloud of its own: 20 orders each way, and one that comes twice.

# %%
lab.beside_the_article(20)

# %% [markdown]
# A lookup costs a call each time, and clients that are made in the handler cost even more. A batch
# shares what one call costs among ten orders. And without a condition on the id, an order that
# comes twice is shipped twice.
#
# ## You now have…
#
# numbers instead of a feeling. You know how long each hop takes, for most orders and for the slow
# ones, and that everything that went in came out.

# %%
lab.check("07")

# %% [markdown]
# ## Three questions
#
# **1. The median is 10 ms, the 95th percentile 400 ms. Where would you look?**
# <details><summary>Answer</summary>
#
# Most orders are fast, so nothing is slow in itself. Look for what happens now and then: cold
# starts, retries after an error, waiting for a free slot. `lab logs` shows which calls had an
# *Init Duration*.
# </details>
#
# **2. Why query the index, and not scan the table?**
# <details><summary>Answer</summary>
#
# A query reads what matches, and nothing else. A scan reads the whole table and then throws away
# what does not match the filter. Its price and its time grow with every order that you ever had.
# </details>
#
# **3. The clocks of two machines differ by 5 ms. Which of the numbers above can you trust?**
# <details><summary>Answer</summary>
#
# The times of each hop come from two machines, so each hop may be off by 5 ms, and may even be
# negative. You can trust hops that take longer than that, and the order of magnitude.
# </details>
#
# ## Exercise
#
# A small rush: send five orders at the same moment, with ids from `exercise-07-0` to
# `exercise-07-4`. (Five, not fifty: SNS sends ten mails a second at most.) All of them must
# arrive. `lab hint 07` helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# from concurrent.futures import ThreadPoolExecutor
#
# rush = [
#     {"product": "Green tea", "quantity": 1, "order_id": f"exercise-07-{number}"}
#     for number in range(5)
# ]
# with ThreadPoolExecutor(5) as pool:
#     list(pool.map(post, rush))

# %% tags=["active-ipynb"]
# lab.check_exercise("07")

# %% [markdown]
# Next: [08 Break it](08_break_it.ipynb), on purpose, and see what saves the orders.
