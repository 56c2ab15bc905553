# %% [markdown]
# # 08 Break it
#
# So far everything went well, and that teaches little. Now you break the chain, one thing at a
# time, and watch what happens to the orders. Each time you predict, break, look, fix, and count. In
# the end, every order that was answered 202 must be in the table, once. This chapter breaks three
# things, the next one three more, and worse ones.
#
#     orders ──▶ the chain, with a hole in it ──▶ dead letters ──fixed, redriven──▶ items

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("08")

# %% [markdown]
# **You need** chapters 01 to 05, and an account in which you may break things: nobody else's orders
# may run through this chain.
#
# On AWS: the chapter takes a quarter of an hour, nearly all of it waiting.
#
# **Were you interrupted?** What you broke stays broken, and the local cloud stays in a hurry. Run
# chapters 01 to 05 again, in this order: they fix what they find. Then start here, with the first
# cell. `lab dead-letters` shows what is left of the first run. The cells below that delete dead
# letters will delete those, too.

# %%
import json

import lab

aws = lab.session()
names = lab.names()
lab.check_ground(aws, "08")
account, region = lab.account_id(aws), aws.region_name
print(f"Working in account {account}, region {region}.")

# %% [markdown]
# Check the account once more before you break anything in it. The next cell checks that
# everything is right so far. If something is broken already, the chapter stops here.

# %%
lab.insist("01", "02", "03", "04", "05")

# %% [markdown]
# AWS does not give up quickly. SQS shows a message again after 90 seconds, up to five times in all.
# Lambda tries again after one minute, and once more after two. On your machine you can shorten
# these waits, and only these: at a speed of 30, a minute takes two seconds.
#
# On AWS: the next line changes nothing, and says so.

# %%
lab.hurry(aws, 30)

# %% [markdown]
# `lab.trials` finds the API and its key, as chapter 07 does, and will help with three things. It
# posts orders whose ids say which trial they belong to. It finds out which of them are in the
# table, and which are stuck in a dead-letter queue. (In a terminal, `lab dead-letters` prints
# those.) And it keeps a list of all orders that were answered 202. In the end, this list has to
# match the table.
#
# `post` stops at any other answer. In that case nobody promised anything to the shop. The order may
# be on the queue all the same, if only the answer got lost. That is why a shop sends it again,
# under the same id.

# %%
trials = lab.trials(aws, "08")
print(f"Prepared the shop: the ids of its orders will begin with {trials.run}.")

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
# until it fails, with the event of chapter 04. The table has that order already, so the test adds
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
trials.post(3, "permission")
print("Sent three orders, each answered 202.")

# %% [markdown]
# Look: three times 202. The shop notices nothing, and that is what the queue is for. Now find the
# orders.
#
# Console: SQS, `record_order-dead-letters`, *Poll for messages*; the message, *Attributes*.

# %%
letters = lab.wait_until(
    lambda: trials.stuck("permission", 3),
    "the three orders are dead letters",
    timeout=900,
    order=f"{trials.run}-permission",
)
print(f"Found {len(letters)} dead letters in {letters[0].queue}. Why?")
print(f"  {letters[0].why}")
lines = lab.wait_until(lambda: trials.story("permission", "PUBLISHED", 3), "the logs are there")
mails = sum(line["status"] == "PUBLISHED" for line in lines)
lab.compare("permission", f"three times 202, {mails} mails, {len(letters)} dead letters")

# %% [markdown]
# Look at the error. It names who (the role), what (the action) and on which resource, and it says
# that no policy allows it. That is all you need to fix it. By the way, the mail went out
# (`lab mail`): the two subscribers of the topic do not know about each other. The chain, drawn as
# it stands now, has a cross where nothing passes.

# %% tags=["active-ipynb"]
# lab.draw_chain("08", aws)

# %% [markdown]
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
    lambda: len(trials.recorded("permission")) == 3,
    "three are in the table",
    timeout=300,
    order=f"{trials.run}-permission",
)
print(f"Counted: 3 accepted, {len(trials.recorded('permission'))} recorded.")

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
times = dict.fromkeys(("received_epoch_ms", "queued_epoch_ms"), trials.began)
ids = [f"{trials.run}-poison-{number}" for number in range(9)]
bodies = [json.dumps({"order_id": i, "product": "tea", "quantity": 1, **times}) for i in ids]
bodies.insert(4, f"{trials.run}: this is no order")
entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
reply = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
poison_id = next(each["MessageId"] for each in reply["Successful"] if each["Id"] == "4")
trials.accepted |= dict.fromkeys(ids, "poison")
print(f"Sent {len(reply['Successful'])} messages, one of them poison.")

# %% [markdown]
# A batch may succeed in part, with the rest in `Failed`. That is why the cell counts what the
# reply lists as `Successful`. Now find the ten.
#
# Console: *Poll for messages* in `CustomerOrders-dead-letters`, after some minutes.

# %%
lab.wait_until(
    lambda: len(trials.recorded("poison")) == 9,
    "the nine good orders are in the table",
    order=f"{trials.run}-poison",
)
print("Counted: 9 recorded.")
poison = lab.wait_until(
    lambda: next((x for x in lab.dead_letters(aws) if x.message_id == poison_id), None),
    "the tenth is a dead letter",
    timeout=900,
)
print(f"Found it in {poison.queue} after {poison.tried} attempts: {poison.why}")
lines = lab.wait_until(lambda: trials.story("poison", "PUBLISHED", 9), "the logs are there")
mails = sum(line["status"] == "PUBLISHED" for line in lines)
lab.compare("poison", f"{mails} mails for nine orders; the tenth ends in {poison.queue}")

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
        if message["Body"].startswith("chapter-08-"):  # of an interrupted run, too
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
# For this trial we do not shorten the waits: three seconds is what we want to see.
#
# On AWS: a queue needs up to a minute until it uses its new settings everywhere. `lab.settle`
# waits for that.
#
# Console: *Edit*, *Visibility timeout*.

# %%
lab.hurry(aws, 1)
sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "3"})
lab.settle(aws, 60)
trials.post(1, "visibility")
lab.wait_until(
    lambda: trials.recorded("visibility"),
    "the order is in the table",
    timeout=300,
    order=f"{trials.run}-visibility",
)
print("Sent an order, and found it in the table.")

# %% [markdown]
# The order is in the table, and all seems well. The logs say what happened on the way. Each hop
# writes one line of JSON for each order, so a search for an id finds its whole story. `lab logs
# --order` does the same in a terminal.
#
# Console: CloudWatch, *Logs Insights*, the three log groups, `filter @message like "chapter-08"`.

# %%
lines = lab.wait_until(
    lambda: trials.story("visibility", "PUBLISHED", 2),
    "it was published again",
    timeout=300,
    order=f"{trials.run}-visibility",
)
for line in lines:
    print(f"  {line['at'] - lines[0]['at']:6} ms  {line['hop']:20} {line['status']}")
mails = sum(line["status"] == "PUBLISHED" for line in lines)
lab.compare("slow", f"{mails} mails, {len(trials.recorded('visibility'))} item")

# %% [markdown]
# Look at the statuses. While the first call was still at work, SQS took it for dead and showed
# the message to another. Two mails, and somebody ships twice. But `record_order` found the order
# in the table, so there is one item. What a computer does twice can be made harmless. What people
# do twice cannot.
#
# **Fix** it: chapter 03, run again, puts the code and the handler back. We put the timeout back.
# Running a chapter again helps most when something is broken.
#
# Console: *Upload from*, *.zip file*; *Runtime settings*; *Edit*, 90 seconds.

# %%
sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "90"})
lab.run_again("03")
print("Counted: 1 accepted,", len(trials.recorded("visibility")), "recorded.")

# %% [markdown]
# ## You now have…
#
# seen three faults and what saves the order from each: the queue that waits, the dead-letter queue
# that keeps what failed, the redrive that brings it back, and the condition that writes an order
# once.
#
# Console: DynamoDB, *Tables*, `Orders`, *Get live item count*.

# %% tags=["count"]
print(f"Counted: {len(trials.accepted)} orders accepted, {len(trials.recorded())} recorded.")

# %% [markdown]
# These two numbers are what this chapter is about. The check looks for these orders, and for dead
# letters that somebody forgot.

# %%
lab.check("08")

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
# Stop the chain on purpose, as if the table needed maintenance. Switch the trigger off (`Enabled`),
# and wait until its `State` is `Disabled` (on AWS up to a minute or two). Send two orders:
# `trials.send("exercise-08-0")`, and the same with `exercise-08-1`. See how many messages the queue
# holds (`ApproximateNumberOfMessages`), and switch the trigger on again. `lab hint 08` helps.

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
#     trials.send(f"exercise-08-{number}")
# held = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
# print(f"Saw {held['ApproximateNumberOfMessages']} messages wait.")
# lambda_.update_event_source_mapping(**trigger, Enabled=True)
# print("Switched the trigger on again.")

# %% tags=["active-ipynb"]
# lab.check_exercise("08")

# %% [markdown]
# Next: [09 Lose it](09_lose_it.ipynb), where things are lost for good, and come back all the same.
