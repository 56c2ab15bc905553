# %% [markdown]
# # 09 Lose it
#
# Three more faults, in which something is really gone: the difference between two orders, the
# table with everything in it, and a reply that nobody hears. The orders have to survive all the
# same. In the end you draw where each of them went.
#
#     notify_fulfillment ──▶ SNS Orders ──▶ record_order ──✗── DynamoDB Orders

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("09")

# %% [markdown]
# **You need** chapters 01 to 05, and what chapter 08 says about breaking things and about being
# interrupted. (Were you interrupted without a table? Chapter 04 makes it again, and chapters 06 and
# 07 send new orders.)
#
# On AWS: the chapter takes a quarter of an hour, nearly all of it waiting.

# %%
import json

from matplotlib.figure import Figure

import lab

aws = lab.session()
names = lab.names()
lab.check_ground(aws, "09")
account, region = lab.account_id(aws), aws.region_name
lambda_, sqs = aws.client("lambda"), aws.client("sqs")
table = aws.resource("dynamodb").Table(names.table)
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# Check the account once more. The next cell stops if something is broken already.

# %%
lab.insist("01", "02", "03", "04", "05")

# %% [markdown]
# Shorten AWS's waits, and prepare the shop, both as in chapter 08. Two orders go through the chain
# before you break it, to compare the others with.

# %%
lab.hurry(aws, 30)
trials = lab.trials(aws, "09")
trials.post(2, "calm")
lab.wait_until(lambda: len(trials.recorded("calm")) == 2, "both orders are in the table")
print(f"Counted: 2 accepted, {len(trials.recorded('calm'))} recorded.")

# %% [markdown]
# ## Delivered twice, and another order under the same id
#
# SNS promises "at least once". And when Lambda tries `notify_fulfillment` again, it publishes
# again: the same order under a new message id. We do that by hand and publish one order twice.
# Then we publish it a third time, with another quantity. (The team gets three mails of bare JSON.
# We apologize.)
#
# **Predict**: how many items? And which quantity wins?

# %% tags=["active-ipynb"]
# guess = ""  # what you expect, in your own words
# lab.guess("twice", guess)

# %% [markdown]
# Console: SNS, the topic, *Publish message*, three times.

# %% tags=["twice"]
sns = aws.client("sns")
topic_arn = f"arn:aws:sns:{region}:{account}:{names.topic}"
order = {"order_id": f"{trials.run}-twice-0", "product": "tea"}
order |= {f"{hop}_epoch_ms": trials.began for hop in ("received", "queued", "notified")}
trials.accepted[order["order_id"]] = "twice"
for quantity in (2, 2, 99):
    sns.publish(TopicArn=topic_arn, Message=json.dumps({**order, "quantity": quantity}))
    lab.wait_until(lambda: trials.recorded("twice"), "the first of them is in the table")
(letter,) = lab.wait_until(lambda: trials.stuck("twice"), "the third is a dead letter", timeout=900)
item = table.get_item(Key={"order_id": order["order_id"]}, ConsistentRead=True)["Item"]
print(f"  {letter.why}")
lab.compare("twice", f"one item, {item['quantity']} x; a dead letter, {letter.quantity} x")

# %% [markdown]
# Look at what did not happen: 99 did not overwrite 2. The function cannot know which of the two
# the customer meant. So it keeps the first, and refuses to forget the second.
#
# **Fix**: a person asks the customer. It was 2, so we delete the dead letter. (A redrive would
# only bring the conflict back.)
#
# Console: SQS, `record_order-dead-letters`, *Poll for messages*, *Delete*.

# %%
conflict_url = sqs.get_queue_url(QueueName=names.function_dead_letters)["QueueUrl"]
look = {"QueueUrl": conflict_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
while messages := sqs.receive_message(**look).get("Messages"):
    for message in messages:
        if "chapter-09-" in message["Body"] and "-twice-" in message["Body"]:
            sqs.delete_message(QueueUrl=conflict_url, ReceiptHandle=message["ReceiptHandle"])
print(f"Counted: {len(trials.recorded('twice'))} recorded, {len(trials.stuck('twice'))} stuck.")

# %% [markdown]
# ## Somebody deletes the table
#
# This is the worst fault so far. No queue can bring back what was in the table, so we save it
# first.
#
# **Predict**: what happens to the orders that come now?

# %% tags=["active-ipynb"]
# guess = ""  # what you expect, in your own words
# lab.guess("table", guess)

# %% [markdown]
# Console: DynamoDB, *Tables*, *Delete*.

# %% tags=["table"]
if not globals().get("saved"):  # not when this cell is run again
    pages = table.meta.client.get_paginator("scan").paginate(TableName=names.table)
    saved = [item for page in pages for item in page["Items"]]
table.delete()
table.wait_until_not_exists()
print(f"Saved {len(saved)} items, and deleted the table {names.table}.")

# %% [markdown]
# These are the orders of all chapters, and now they exist only in this notebook's memory. Do not
# close it before they are back.
#
# Console: the API's method, *Test*; then SQS, `record_order-dead-letters`, *Poll for messages*.

# %%
trials.post(3, "table")
print("Sent three orders, each answered 202.")
letters = lab.wait_until(
    lambda: trials.stuck("table", 3),
    "the three orders are dead letters",
    timeout=900,
    order=f"{trials.run}-table",
)
print(f"Found {len(letters)} dead letters in {letters[0].queue}. Why?")
print(f"  {letters[0].why}")
lab.compare("table", f"three times 202, and {len(letters)} dead letters, none lost")

# %% [markdown]
# Look at the error: it does not say that the table is gone. It says only that AWS cannot find
# what the function asked for. The chain, drawn as it stands now, shows the hole.

# %% tags=["active-ipynb"]
# lab.draw_chain("09", aws)

# %% [markdown]
# **Fix** it: chapter 04, run again, makes the table. (But you would have to turn on time to live
# again, which was its exercise.) We put back what we saved, and then redrive. The order of the
# two matters: the condition protects only what is already in the table.
#
# Console: all of chapter 04's clicks for the table, and then *Create item*, once for each.

# %%
lab.run_again("04")
with table.batch_writer() as batch:
    for item in saved:
        batch.put_item(Item=item)
(moved,) = lab.redrive(aws, names.function_dead_letters)
print(f"Sent {moved.sent} orders of {moved.queue} back to {moved.to}.")
lab.wait_until(
    lambda: len(trials.recorded("table")) == 3,
    "three are in the table",
    timeout=300,
    order=f"{trials.run}-table",
)
print(f"Counted: 3 accepted, {len(trials.recorded('table'))} recorded.")

# %% [markdown]
# Nobody had to ask the shop to send its orders again.
#
# ## DynamoDB's reply is lost
#
# The nastiest fault of all: the write succeeds, and nobody learns about it. We build it into the
# function. The attempt that writes the order fails right after it.
#
# **Predict**: is the order written twice? Does it end as a dead letter?

# %% tags=["active-ipynb"]
# guess = ""  # what you expect, in your own words
# lab.guess("reply", guess)

# %% [markdown]
# Console: the function's code, *Deploy*.

# %% tags=["reply"]
LOSE = """
import record_order
log = record_order.log

def log_and_lose(message, status, **more):
    log(message, status, **more)
    if status == "RECORDED":
        raise TimeoutError("DynamoDB's reply was lost")

record_order.log = log_and_lose
lambda_handler = record_order.lambda_handler
"""
function = {"FunctionName": names.record_order}
lambda_.update_function_code(**function, ZipFile=lab.package("record_order", lose=LOSE))
print(f"Packed {names.record_order} with a file that loses the reply.")

# %% [markdown]
# The status RECORDED means that this very attempt has written. So the fault needs no memory, and
# that is good: the next attempt may run in another process.
#
# Console: *Runtime settings*, handler `lose.lambda_handler`.

# %%
lambda_.get_waiter("function_updated_v2").wait(**function)
lambda_.update_function_configuration(**function, Handler="lose.lambda_handler")
lambda_.get_waiter("function_updated_v2").wait(**function)
trials.post(2, "reply")
lab.wait_until(
    lambda: trials.story("reply", "ALREADY_RECORDED", 2),
    "Lambda has tried both orders again",
    timeout=600,
    order=f"{trials.run}-reply",
)
there, stuck = len(trials.recorded("reply")), len(trials.stuck("reply"))
print(f"Counted: 2 accepted, {there} recorded, {stuck} stuck.")
lab.compare("reply", f"{there} items for two orders, {stuck} dead letters")

# %% [markdown]
# We waited for the status ALREADY_RECORDED. Lambda tried again, the condition of chapter 04 found
# the very same order in the table, and that counts as success. Without the condition, the second
# attempt would have overwritten the first. With a fresh key each time, it would have become a
# second order.
#
# **Fix** it, and give AWS its waits back.
#
# Console: *Upload from*, *.zip file*; *Runtime settings*.

# %%
lab.run_again("04")
lab.hurry(aws, 1)

# %% [markdown]
# ## Where each order went
#
# The logs tell the stories of all orders of this chapter.
#
# On AWS: the lines may be a few seconds late. So we ask until each order is at its end.


# %%
def stories() -> dict[str, list[dict]]:
    """The log lines of each accepted order; {} until all of them are recorded."""
    found = {order_id: [] for order_id in trials.accepted}
    for line in trials.story():
        found.get(line["order_id"], []).append(line)
    ended = [any(line["status"] == "RECORDED" for line in lines) for lines in found.values()]
    return found if all(ended) else {}


told = lab.wait_until(stories, "the logs tell the story of every order", timeout=300)
print(f"Read the stories of {len(told)} orders, {sum(map(len, told.values()))} lines in all.")

# %% [markdown]
# An order for which all goes well has three lines, one at each hop. Many of ours have more. The
# next cell sorts the lines by their status.

# %%
STYLES = {
    "QUEUED": ("o", "#30343b"),
    "PUBLISHED": ("s", "#2f6fb0"),
    "NOT_RECORDED": ("X", "#c0392b"),
    "CONFLICT": ("*", "#8e44ad"),
    "ALREADY_RECORDED": ("d", "#237347"),
    "RECORDED": ("D", "#237347"),
}
points = {status: [] for status in STYLES}
for row, lines in enumerate(told.values()):
    for line in lines:
        points.setdefault(line["status"], []).append(((line["at"] - lines[0]["at"]) / 1000, row))
print(", ".join(f"{len(found)} {status}" for status, found in points.items()))

# %% [markdown]
# Look at NOT_RECORDED: three orders failed at first, three times each (on AWS perhaps once more or
# less), and yet all of them are recorded. Now draw each order's way.

# %%
figure = Figure(figsize=(8, 5.4), layout="constrained")
axes = figure.add_subplot(xlabel="time since the first line about the order (s)")
for status, (marker, color) in STYLES.items():
    x, y = [at for at, _ in points[status]], [row for _, row in points[status]]
    axes.scatter(x, y, marker=marker, color=color, label=status, s=40)
for row, lines in enumerate(told.values()):
    last = (lines[-1]["at"] - lines[0]["at"]) / 1000
    axes.plot([0, last], [row, row], color="#6b7280", lw=0.5, zorder=0)
axes.set_xscale("symlog", linthresh=0.1)  # linear up to 0.1 s, then ten times as long each step
axes.set_yticks(range(len(told)), [order_id.removeprefix(f"{trials.run}-") for order_id in told])
axes.invert_yaxis()
axes.legend(fontsize=8)
axes.set_title("The way of each order")
ends = ", ".join(f"{len(found)} {status}" for status, found in points.items())
lab.show(figure, "where-each-order-went", f"A row for each of {len(told)} orders, with {ends}.")

# %% [markdown]
# Each row is an order. The two short rows are the calm ones: nothing went wrong for them. A cross
# is an attempt that failed. A star is the other order under the same id. A thin diamond is an order
# that came again and was there already. And each row has exactly one wide diamond: that is the
# promise.
#
# ## You now have…
#
# seen three more faults. The condition writes an order once, however often it comes, and never
# gives one order's place to another. What failed waits as a dead letter until somebody has fixed
# the cause and sends it back.
#
# Console: DynamoDB, *Tables*, `Orders`, *Get live item count*.

# %% tags=["count"]
print(f"Counted: {len(trials.accepted)} orders accepted, {len(trials.recorded())} recorded.")

# %% [markdown]
# These two numbers are what this chapter is about. The check looks for these orders, and for dead
# letters that somebody forgot.

# %%
lab.check("09")

# %% [markdown]
# ## Three questions
#
# **1. Why does `record_order` not simply overwrite the item?**
# <details><summary>Answer</summary>
#
# For the same order it would do no harm. But it cannot tell a repetition from another order under
# the same id. Overwriting would forget one of the two without a word. The condition writes the
# first, and makes the second fail where somebody sees it.
# </details>
#
# **2. Would it have been wrong to redrive first, and to put back the saved items after that?**
# <details><summary>Answer</summary>
#
# Yes. Into an empty table, the condition lets in everything: also a dead letter that contradicts an
# item that was saved. Then `put_item` for the saved one overwrites it, and nobody has noticed the
# conflict.
# </details>
#
# **3. Why does `record_order` not ask whether the order is there before it writes?**
# <details><summary>Answer</summary>
#
# Between asking and writing, another attempt may write. The condition asks and writes in one step,
# which is the only way to be sure.
# </details>
#
# ## Exercise
#
# Carry a new field through the whole chain: customers may add a `gift_note` of up to 200
# characters. The API has to let it in (its model, and a new deployment), `take_order` too (its
# `SCHEMA`), the mail has to tell it, and the item has to keep it. Then post two orders,
# `exercise-09` with a note, and `exercise-09-plain` without one: both must arrive.
#
# Change as little as you can. `lab.source("take_order")` is our code as text, and
# `lab.package("take_order", take_order=text)` zips another text in its place. (Chapters 01, 03 and
# 04 put ours back when you run them again.) `lab hint 09` helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# import urllib3
#
# FIELD = {"type": "string", "maxLength": 200}
# EDITS = {
#     "take_order": ('"customer_email": {', f'"gift_note": {FIELD},\n        "customer_email": {{'),
#     "notify_fulfillment": (
#         '    if "customer_email" in order:',
#         '    if "gift_note" in order:\n        text += f"\\nGift note: {order[\'gift_note\']}"\n'
#         '    if "customer_email" in order:',
#     ),
#     "record_order": (
#         "for name in CONTENT + HOPS}",
#         'for name in (*CONTENT, *HOPS, "gift_note") if name in order}',
#     ),
# }
# lambda_ = aws.client("lambda")
# for stem, (old, new) in EDITS.items():
#     package = lab.package(stem, **{stem: lab.source(stem).replace(old, new)})
#     lambda_.update_function_code(FunctionName=getattr(names, stem), ZipFile=package)
#     lambda_.get_waiter("function_updated_v2").wait(FunctionName=getattr(names, stem))
# schema = lab.schema("take_order")
# schema["properties"]["gift_note"] = FIELD
# apigateway = aws.client("apigateway")
# apis = apigateway.get_paginator("get_rest_apis").paginate().search("items[]")
# api_id = next(api["id"] for api in apis if lab.is_ours(api, names.api))
# operation = {"op": "replace", "path": "/schema", "value": json.dumps(schema)}
# apigateway.update_model(restApiId=api_id, modelName="Order", patchOperations=[operation])
# apigateway.create_deployment(restApiId=api_id, stageName="prod")
# url, key = lab.way_in(aws)
# notes = {"exercise-09": {"gift_note": "Enjoy it!"}, "exercise-09-plain": {}}
# for order_id, more in notes.items():
#     order = {"product": "Mint tea", "quantity": 1, "order_id": order_id, **more}
#     print(urllib3.request("POST", url, json=order, headers=key, timeout=30).status)

# %% tags=["active-ipynb"]
# lab.check_exercise("09")

# %% [markdown]
# Next: [10 Tear down](10_tear_down.ipynb), which leaves nothing behind.
