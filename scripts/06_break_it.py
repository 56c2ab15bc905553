# %% [markdown]
# # 06 Break it
#
# So far everything went well, and that teaches little. Now you break the chain, one thing at a
# time, and watch what happens to the orders. Each time you predict, break, look, fix, and count.
# In the end, every order that was answered 202 must be in the table, once.
#
#     orders ──▶ the chain, with a hole in it ──▶ dead letters ──fixed, redriven──▶ items

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("06")

# %% [markdown]
# **You need** chapters 00 to 03, and an account in which you may break things: nobody else's
# orders may run through this chain. On AWS the chapter takes about half an hour, nearly all of it
# waiting.
#
# **Were you interrupted?** What you broke stays broken, and the local cloud stays in a hurry. Run
# chapters 00 to 03 again, in this order: they fix what they find. Then start here, with the first
# cell. `lab dead-letters` shows what is left of the first run. The cells below that delete dead
# letters will delete those, too. (Was it the table? Then run chapters 04 and 05 again if you want
# their orders back.)

# %%
import json
import time
import uuid

import urllib3
from matplotlib.figure import Figure

import lab

aws = lab.session()
names = lab.names()
lab.check_ground(aws, "06")
account, region = lab.account_id(aws), aws.region_name
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# Check the account once more before you break anything in it. The next cell checks that
# everything is right so far. If something is broken already, the chapter stops here.
#
# Console: no page says so.

# %%
lab.insist("00", "01", "02", "03")

# %% [markdown]
# AWS does not give up quickly. SQS shows a message again after 90 seconds, up to five times in
# all. Lambda tries again after one minute, and once more after two. On your machine you can
# shorten these waits, and only these: at a speed of 30, a minute takes two seconds. On AWS the
# next line changes nothing, and says so.
#
# Console: AWS's waits are what they are.

# %%
lab.hurry(aws, 30)

# %% [markdown]
# Now prepare the shop, as in chapter 05.
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
# Each order has an id that says which trial it belongs to, so that you can find it again.
# `accepted` lists all orders that were answered 202, and the trial of each. In the end, this list
# has to match the table.
#
# `post` stops at any other answer. In that case nobody promised anything to the shop. The order
# may be on the queue all the same, if only the answer got lost. That is why a shop sends it
# again, under the same id.
#
# Console: the method, *Test*, a few times.

# %%
run = f"chapter-06-{uuid.uuid4().hex[:8]}"
began = int(time.time() * 1000)  # older log lines are not about our orders
accepted = {}


def post(count: int, what: str) -> None:
    for number in range(count):
        order_id = f"{run}-{what}-{number}"
        order = {"product": "Assam tea", "quantity": 1 + number, "order_id": order_id}
        answer = urllib3.request("POST", url, json=order, headers={"x-api-key": api_key})
        if answer.status != 202:
            raise lab.RefusedError(f"{answer.status} {answer.data.decode()}")
        accepted[order_id] = what


# %% [markdown]
# We will ask two questions again and again. Which orders are in the table, and which are stuck in
# a dead-letter queue? In a terminal, `lab dead-letters` prints the second list.
#
# Console: DynamoDB, *Explore items*; SQS, each dead-letter queue, *Send and receive messages*,
# *Poll for messages*.

# %%
table = aws.resource("dynamodb").Table(names.table)


def recorded(what: str) -> list[str]:
    """The accepted orders of a trial that are in the table."""
    ids = [order_id for order_id, trial in accepted.items() if trial == what]
    return [i for i in ids if "Item" in table.get_item(Key={"order_id": i}, ConsistentRead=True)]


def stuck(what: str, wanted: int = 1) -> list:
    """The dead letters of a trial; [] until there are as many as wanted."""
    found = [x for x in lab.dead_letters(aws) if f"{run}-{what}" in (x.order_id or "")]
    return found if len(found) >= wanted else []


# %% [markdown]
# ## Somebody takes a permission away
#
# Somebody tidies up the roles, and now `record_order` may no longer write to the table.
#
# **Predict**: what will the shop be told? Will the fulfillment team get its mail? Where will the
# order be after five minutes?

# %% tags=["active-ipynb"]
# guess = ""  # what you expect, in your own words
# lab.guess("permission", guess)

# %% [markdown]
# Console: IAM, the role of `record_order`, its policy, *Edit*, delete the statement with
# `dynamodb:PutItem`.

# %% tags=["permission"]
iam = aws.client("iam")
lambda_ = aws.client("lambda")
role = {"RoleName": names.role(names.record_order, region), "PolicyName": "record-order"}
found = iam.get_role_policy(**role)["PolicyDocument"]
rest = [each for each in found["Statement"] if each["Action"] != "dynamodb:PutItem"]
if len(rest) < len(found["Statement"]):
    whole = found  # not when this cell is run again
iam.put_role_policy(**role, PolicyDocument=json.dumps({**found, "Statement": rest}))
print(f"Took dynamodb:PutItem from {role['RoleName']}.")

# %% [markdown]
# `whole` keeps what we broke, so that we can fix it later.
#
# It takes some seconds until all of AWS knows about a change in IAM. So we test the function
# until it fails, with the event of chapter 02. The table has that order already, so the test adds
# nothing. One failure proves little, because another of AWS's machines may not know yet. So we
# ask for five.
#
# Console: the function, *Test*, until it is red five times in a row.


# %%
def tests_fail(wanted: int) -> bool:
    """Whether so many of five tests of the function fail. Raises NotYetError if not."""
    test = {"FunctionName": names.record_order, "Payload": lab.event("record_order")}
    replies = [lambda_.invoke(**test) for _ in range(5)]
    errors = [r["Payload"].read().decode() for r in replies if "FunctionError" in r]
    if len(errors) != wanted:
        why = errors[0] if errors else "This cloud does not enforce roles, or does not yet."
        raise lab.NotYetError(f"{len(errors)} of 5 tests failed, expected {wanted}. {why}")
    return True


lab.wait_until(lambda: tests_fail(5), f"{names.record_order} is denied", timeout=180)
post(3, "permission")
print("Sent three orders, each answered 202.")

# %% [markdown]
# Look: three times 202. The shop notices nothing, and that is what the queue is for. Now find the
# orders.
#
# Console: SQS, `record_order-dead-letters`, *Poll for messages*; the message, *Attributes*.

# %%
letters = lab.wait_until(
    lambda: stuck("permission", 3),
    "the three orders are dead letters",
    timeout=900,
    order=f"{run}-permission",
)
print(f"Found {len(letters)} dead letters in {letters[0].queue}. Why?")
print(f"  {letters[0].why}")
lab.compare("permission", f"three times 202, three mails, {len(letters)} dead letters")

# %% [markdown]
# Look at the error. It names who (the role), what (the action) and on which resource, and it says
# that no policy allows it. That is all you need to fix it. By the way, the mail went out
# (`lab mail`): the two subscribers of the topic do not know about each other.
#
# **Fix** it: put the policy back, and wait until AWS knows. Then **redrive**: send the dead
# letters back to where they failed. AWS has no button for those of Lambda. `lab.redrive` calls
# the function with each one again, asynchronously. It deletes a message only after Lambda has
# taken it.
#
# Console: the policy, *Edit*. For the dead letters: copy each message's body into *Test*.


# %%
iam.put_role_policy(**role, PolicyDocument=json.dumps(whole))
lab.wait_until(lambda: tests_fail(0), f"{names.record_order} may write again", timeout=180)
(moved,) = lab.redrive(aws, names.function_dead_letters)
print(f"Sent {moved.sent} orders of {moved.queue} back to {moved.to}.")
lab.wait_until(
    lambda: len(recorded("permission")) == 3,
    "three are in the table",
    timeout=300,
    order=f"{run}-permission",
)
print(f"Counted: 3 accepted, {len(recorded('permission'))} recorded.")

# %% [markdown]
# All three are recorded. We named the queue, so what is in the other queues stays there.
#
# ## A poison message among nine good ones
#
# A **poison message** fails whatever you do. The API would refuse ours, so we put it on the queue
# ourselves, together with nine orders. `notify_fulfillment` gets them as one batch, or on AWS
# perhaps as a few.
#
# **Predict**: how many of the ten will be mailed, and how often each? And where does the tenth
# end?

# %% tags=["active-ipynb"]
# guess = ""  # what you expect, in your own words
# lab.guess("poison", guess)

# %% [markdown]
# Console: SQS, `CustomerOrders`, *Send and receive messages*, ten times.

# %% tags=["poison"]
sqs = aws.client("sqs")
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
times = {"received_epoch_ms": began, "queued_epoch_ms": began}
ids = [f"{run}-poison-{number}" for number in range(9)]
bodies = [json.dumps({"order_id": i, "product": "tea", "quantity": 1, **times}) for i in ids]
bodies.insert(4, f"{run}: this is no order")
entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
reply = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
poison_id = next(each["MessageId"] for each in reply["Successful"] if each["Id"] == "4")
accepted |= dict.fromkeys(ids, "poison")
print(f"Sent {len(reply['Successful'])} messages, one of them poison.")

# %% [markdown]
# A batch may succeed in part, with the rest in `Failed`. That is why the cell counts what the
# reply lists as `Successful`. Now find the ten.
#
# Console: *Poll for messages* in `CustomerOrders-dead-letters`, after some minutes.

# %%
lab.wait_until(
    lambda: len(recorded("poison")) == 9,
    "the nine good orders are in the table",
    order=f"{run}-poison",
)
print("Counted: 9 recorded.")
poison = lab.wait_until(
    lambda: next((x for x in lab.dead_letters(aws) if x.message_id == poison_id), None),
    "the tenth is a dead letter",
    timeout=900,
)
print(f"Found it in {poison.queue} after {poison.tried} attempts: {poison.why}")
lab.compare("poison", f"nine mailed once each; the tenth ends in {poison.queue}")

# %% [markdown]
# Look at the number of attempts. The function named only this message in `batchItemFailures`. So
# the nine others were done at once, and each was mailed once. If the function had raised an error
# instead, the whole batch would have come back four times. That makes up to forty-five mails for
# nine orders, and in the end all ten would be dead letters.
#
# **Fix**: there is nothing to fix, and redriving would only bring it back. A person reads it, and
# deletes it.
#
# Console: the message, *Delete*.

# %%
dead_url = sqs.get_queue_url(QueueName=names.queue_dead_letters)["QueueUrl"]
look = {"QueueUrl": dead_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
while messages := sqs.receive_message(**look).get("Messages"):
    for message in messages:
        if message["Body"].startswith("chapter-06-"):  # of an interrupted run, too
            sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=message["ReceiptHandle"])
            print(f"Read and deleted: {message['Body'].partition(': ')[2]!r}")

# %% [markdown]
# ## The visibility timeout is too short
#
# Now `notify_fulfillment` becomes slow: it takes six seconds for each message that it sees for
# the first time. And somebody sets the visibility timeout to three. (Lambda refuses that when you
# make or update a trigger; the queue does not ask.) The slow function is a second file in the
# package, which calls the first.
#
# **Predict**: how many mails will there be for one order? How many items?

# %% tags=["active-ipynb"]
# guess = ""  # what you expect, in your own words
# lab.guess("slow", guess)

# %% [markdown]
# Console: the function's code, *Deploy*; the queue, *Edit*, visibility timeout 3 seconds.

# %% tags=["slow"]
SLOW = """
import time
import notify_fulfillment

def lambda_handler(event, context):
    if event["Records"][0]["attributes"]["ApproximateReceiveCount"] == "1":
        time.sleep(6)
    return notify_fulfillment.lambda_handler(event, context)
"""
function = {"FunctionName": names.notify_fulfillment}
lambda_.update_function_code(**function, ZipFile=lab.package("notify_fulfillment", slow=SLOW))
lambda_.get_waiter("function_updated_v2").wait(**function)
lambda_.update_function_configuration(**function, Handler="slow.lambda_handler")
lambda_.get_waiter("function_updated_v2").wait(**function)
print(f"Made {names.notify_fulfillment} slow.")

# %% [markdown]
# `Handler` now names the function in the new file.
#
# For this trial we do not shorten the waits: three seconds is what we want to see. (A queue on
# AWS needs up to a minute until it uses its new settings everywhere. `lab.settle` waits for that,
# on AWS only.)
#
# Console: *Edit*, *Visibility timeout*.

# %%
lab.hurry(aws, 1)
sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "3"})
lab.settle(aws, 60)
post(1, "visibility")
lab.wait_until(
    lambda: recorded("visibility"),
    "the order is in the table",
    timeout=300,
    order=f"{run}-visibility",
)
print("Sent an order, and found it in the table.")

# %% [markdown]
# The order is in the table, and all seems well. The logs say what happened on the way. Each hop
# writes one line of JSON for each order, so a search for an id finds its whole story.
# `lab logs --order` does the same in a terminal.
#
# Console: CloudWatch, *Logs Insights*, the three log groups, `filter @message like "chapter-06"`.


# %%
logs = aws.client("logs")


def story(beginning: str, status: str = "", often: int = 0) -> list[dict]:
    """The log lines of orders whose ids begin so; [] until enough have that status."""
    search = {"filterPattern": f'{{ $.order_id = "{beginning}*" }}', "startTime": began}
    lines = []
    for group in map(names.log_group, names.functions):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **search)
        for event in (event for page in pages for event in page["events"]):
            if event["message"].startswith("{") and beginning in event["message"]:
                lines.append({"at": event["timestamp"], **json.loads(event["message"])})
    enough = sum(line["status"] == status for line in lines) >= often
    return sorted(lines, key=lambda line: line["at"]) if enough else []


# %% [markdown]
# With `filterPattern`, CloudWatch does the searching and sends only the lines that match. (The
# local cloud sends them all, so the function filters again.)
#
# Console: *Run query*.

# %%
lines = lab.wait_until(
    lambda: story(f"{run}-visibility", "PUBLISHED", 2),
    "it was published again",
    timeout=300,
    order=f"{run}-visibility",
)
for line in lines:
    print(f"  {line['at'] - lines[0]['at']:6} ms  {line['hop']:20} {line['status']}")
mails = sum(line["status"] == "PUBLISHED" for line in lines)
lab.compare("slow", f"{mails} mails, {len(recorded('visibility'))} item")

# %% [markdown]
# Look at the statuses. While the first call was still at work, SQS took it for dead and showed
# the message to another. Two mails, and somebody ships twice. But `record_order` found the order
# in the table, so there is one item. What a computer does twice can be made harmless. What people
# do twice cannot.
#
# **Fix** it: chapter 01, run again, puts the code and the handler back. We put the timeout back.
# Running a chapter again helps most when something is broken.
#
# Console: *Upload from*, *.zip file*; *Runtime settings*; *Edit*, 90 seconds.

# %%
sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "90"})
lab.hurry(aws, 30)
lab.run_again("01")
print("Counted: 1 accepted,", len(recorded("visibility")), "recorded.")

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
order = {"order_id": f"{run}-twice-0", "product": "tea"}
order |= {f"{hop}_epoch_ms": began for hop in ("received", "queued", "notified")}
accepted[order["order_id"]] = "twice"
for quantity in (2, 2, 99):
    sns.publish(TopicArn=topic_arn, Message=json.dumps({**order, "quantity": quantity}))
    lab.wait_until(
        lambda: recorded("twice"), "the first of them is in the table", order=f"{run}-twice"
    )
(letter,) = lab.wait_until(lambda: stuck("twice"), "the third is a dead letter", timeout=900)
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
        if "chapter-06-" in message["Body"] and "-twice-" in message["Body"]:
            sqs.delete_message(QueueUrl=conflict_url, ReceiptHandle=message["ReceiptHandle"])
print(f"Counted: {len(recorded('twice'))} recorded, {len(stuck('twice'))} stuck.")

# %% [markdown]
# ## Somebody deletes the table
#
# This is the worst fault so far. No queue can bring back what was in the table, so we save it
# first. (On AWS, *point-in-time recovery* does that for you. It costs a little, and you have to
# switch it on before.)
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
post(3, "table")
print("Sent three orders, each answered 202.")
letters = lab.wait_until(
    lambda: stuck("table", 3),
    "the three orders are dead letters",
    timeout=900,
    order=f"{run}-table",
)
print(f"Found {len(letters)} dead letters in {letters[0].queue}. Why?")
print(f"  {letters[0].why}")
lab.compare("table", f"three times 202, and {len(letters)} dead letters, none lost")

# %% [markdown]
# Look at the error: it does not say that the table is gone. It says only that AWS cannot find
# what the function asked for.
#
# **Fix** it: chapter 02, run again, makes the table. (But you would have to turn on time to live
# again, which was its exercise.) We put back what we saved, and then redrive. The order of the
# two matters: the condition protects only what is already in the table.
#
# Console: all of chapter 02's clicks for the table, and then *Create item*, once for each.

# %%
lab.run_again("02")
with table.batch_writer() as batch:
    for item in saved:
        batch.put_item(Item=item)
(moved,) = lab.redrive(aws, names.function_dead_letters)
print(f"Sent {moved.sent} orders of {moved.queue} back to {moved.to}.")
lab.wait_until(
    lambda: len(recorded("table")) == 3,
    "three are in the table",
    timeout=300,
    order=f"{run}-table",
)
print(f"Counted: 3 accepted, {len(recorded('table'))} recorded.")

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
post(2, "reply")
lab.wait_until(
    lambda: story(f"{run}-reply", "ALREADY_RECORDED", 2),
    "Lambda has tried both orders again",
    timeout=600,
    order=f"{run}-reply",
)
print(f"Counted: 2 accepted, {len(recorded('reply'))} recorded, {len(stuck('reply'))} stuck.")
lab.compare("reply", f"{len(recorded('reply'))} items for two orders, no dead letter")

# %% [markdown]
# We waited for the status ALREADY_RECORDED. Lambda tried again, the condition of chapter 02 found
# the very same order in the table, and that counts as success. Without the condition, the second
# attempt would have overwritten the first. With a fresh key each time, it would have become a
# second order.
#
# **Fix** it, and give AWS its waits back.
#
# Console: *Upload from*, *.zip file*; *Runtime settings*.

# %%
lab.run_again("02")
lab.hurry(aws, 1)

# %% [markdown]
# ## Where each order went
#
# The logs tell the stories of all orders of this chapter. (On AWS, the lines may be a few seconds
# late. So we ask until each order is at its end.)
#
# Console: no dashboard shows this.


# %%
def stories() -> dict[str, list[dict]]:
    """The log lines of each accepted order; {} until all of them are recorded."""
    found = {order_id: [] for order_id in accepted}
    for line in story(run):
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
    "CONFLICT": ("X", "#8e44ad"),
    "ALREADY_RECORDED": ("D", "#a3d4b5"),
    "RECORDED": ("D", "#2e8b57"),
}
points = {status: [] for status in STYLES}
for row, lines in enumerate(told.values()):
    for line in lines:
        points.setdefault(line["status"], []).append(((line["at"] - lines[0]["at"]) / 1000, row))
print(", ".join(f"{len(found)} {status}" for status, found in points.items()))

# %% [markdown]
# Look at NOT_RECORDED: six orders failed at first, three times each (on AWS perhaps once more or
# less), and yet all of them are recorded. Now draw each order's way.

# %%
figure = Figure(figsize=(8, 5.4), layout="constrained")
axes = figure.add_subplot(xlabel="time since the first line about the order (s)")
for status, (marker, color) in STYLES.items():
    x, y = [at for at, _ in points[status]], [row for _, row in points[status]]
    axes.scatter(x, y, marker=marker, color=color, label=status, s=40)
for row, lines in enumerate(told.values()):
    last = (lines[-1]["at"] - lines[0]["at"]) / 1000
    axes.plot([0, last], [row, row], color="#b9bec7", zorder=0)
axes.set_xscale("symlog", linthresh=0.1)  # linear up to 0.1 s, then ten times as long each step
axes.set_yticks(range(len(told)), [order_id.removeprefix(f"{run}-") for order_id in told])
axes.invert_yaxis()
axes.legend(fontsize=8)
axes.set_title("Every order ends as one item, whatever broke on its way")
lab.show(figure, "where-each-order-went")

# %% [markdown]
# Each row is an order. The short rows with two marks are the nine good orders from the poison
# trial: nothing went wrong for them. A red cross is an attempt that failed. A purple cross is the
# order under a stolen id. A pale diamond is an order that came again and was there already. And
# each row has exactly one dark diamond: that is the promise.
#
# ## You now have…
#
# seen each fault of a chain like this one, and what saves the order: the queue that waits, the
# dead-letter queue that keeps, the condition that writes an order once, and the redrive that
# brings it back.
#
# Console: DynamoDB, *Tables*, `Orders`, *Get live item count*.

# %% tags=["count"]
there = [i for i in accepted if "Item" in table.get_item(Key={"order_id": i}, ConsistentRead=True)]
print(f"Counted: {len(accepted)} orders accepted, {len(there)} recorded.")

# %% [markdown]
# These two numbers are what this chapter is about. The check looks for these orders, and for dead
# letters that somebody forgot.

# %%
lab.check("06")

# %% [markdown]
# ## Three questions
#
# **1. Why does the function raise an error when it may not write, and not just log it?**
# <details><summary>Answer</summary>
#
# With an error, a function says "not done". Lambda then tries again, and in the end keeps the
# event in the dead-letter queue. A function that catches the error and returns says "done", and
# the order is gone.
# </details>
#
# **2. Which fault would have lost an order if the first queue had no dead-letter queue?**
# <details><summary>Answer</summary>
#
# None. Only the poison failed in `CustomerOrders`, and it is no order. But it would have come
# back every 90 seconds for 14 days, and then SQS would have deleted it without a word. If it had
# been an order, it would be lost.
# </details>
#
# **3. May you redrive dead letters before you know why they are there?**
# <details><summary>Answer</summary>
#
# You may: recording an order twice does no harm. But if you fixed nothing, they come back, and
# you have paid for all the attempts once more. Mails are the exception. An order that goes back
# to `CustomerOrders` is mailed. If it was published before (as in the trial with the visibility
# timeout), it is mailed again.
# </details>
#
# ## Exercise
#
# Stop the chain on purpose, as if the table needed maintenance. Switch the trigger off
# (`Enabled`), and wait until its `State` is `Disabled` (on AWS up to a minute or two). Send two
# orders, `exercise-06-0` and `exercise-06-1`. See how many messages the queue holds
# (`ApproximateNumberOfMessages`), and switch the trigger on again. `lab hint 06` helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# found = lambda_.list_event_source_mappings(FunctionName=names.notify_fulfillment)
# trigger = {"UUID": found["EventSourceMappings"][0]["UUID"]}
# lambda_.update_event_source_mapping(**trigger, Enabled=False)
# lab.wait_until(
#     lambda: lambda_.get_event_source_mapping(**trigger)["State"] == "Disabled",
#     "the trigger is off",
#     timeout=300,
# )
# for number in range(2):
#     order = {"product": "Oolong tea", "quantity": 1, "order_id": f"exercise-06-{number}"}
#     urllib3.request("POST", url, json=order, headers={"x-api-key": api_key})
# held = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
# print(f"Saw {held['ApproximateNumberOfMessages']} messages wait.")
# lambda_.update_event_source_mapping(**trigger, Enabled=True)
# print("Switched the trigger on again.")

# %% tags=["active-ipynb"]
# lab.check_exercise("06")

# %% [markdown]
# Next: [07 Tear down](07_tear_down.ipynb), which leaves nothing behind.
