# %% [markdown]
# # 01 Take orders
#
# A shop needs somewhere to send its orders, and it must not wait while they are processed. In this
# chapter you build the place where orders wait: the function `take_order` checks an order and puts
# it on a queue. The next chapter puts an API in front of it.
#
#     API Gateway ──▶ take_order ──▶ SQS CustomerOrders
#
# In the picture, this chapter builds the thick parts in color. Other chapters add the dashed ones.
#
# Article: it takes this part for granted, since it builds on an earlier article.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("01")

# %% [markdown]
# **You need** Python and this project. It is enough if you know some Python, and roughly what a
# queue is; you do not need to know AWS. On your own machine the tutorial talks to a *local cloud*,
# which it starts itself. With the setting `LAB_TARGET=aws` the very same cells talk to AWS.
#
# **Lambda** runs code without a server of yours, **SQS** keeps queues, and **IAM** decides who may
# do what. A **function** is your code, which Lambda runs when something calls it. Its **execution
# role** is its identity when it calls AWS: what the role may not do, the function cannot do. A
# **queue** keeps messages until somebody has dealt with them. A **region** is one of the places
# where AWS runs. What you make in one region does not show up in another. **Tags** are labels on a
# thing. Ours say which tutorial and which learner made it.
#
# [From the console to code](console-to-code.md) shows at a glance what you would click in AWS's
# console. The commands in the text are for a terminal. In a cell, put an exclamation mark in front:
# `!lab check`.

# %%
import json

import lab

aws = lab.session()  # a boto3 session for the cloud that you chose
names, tags = lab.names(), lab.tags()
lab.check_ground(aws, "01")  # stops here if somebody else uses one of our names
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
lab.once_queue_is_ready(
    lambda: sqs.create_queue(QueueName=names.queue_dead_letters, Attributes=keep, tags=tags)
)
dead_letters_arn = f"arn:aws:sqs:{region}:{account}:{names.queue_dead_letters}"
print(f"Created or found the queue {names.queue_dead_letters}.")

# %% [markdown]
# `create_queue` is **idempotent**: run it twice, and there is still one queue. The **ARN** is the
# name by which AWS's services know the queue, all over the world.
#
# (SQS keeps a name for a minute after its queue was deleted, and a new queue can be used after a
# second. Until then, `once_queue_is_ready` repeats the call for you. That is all it does. The
# `lambda:` before the call is Python's short function and has nothing to do with Lambda.)
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
    lab.once_queue_is_ready(
        lambda: sqs.create_queue(QueueName=names.queue, Attributes=attributes, tags=tags)
    )
    print(f"Created or found the queue {names.queue}, {names.queue_dead_letters} behind it.")
except sqs.exceptions.QueueNameExists:  # with other attributes
    queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=attributes)
    print(f"Found the queue {names.queue}, and set its attributes.")

# %% [markdown]
# With the same attributes, the call finds the queue. With others, it fails, and the `except` sets
# them. You will meet three shapes like this. The first was the bare call. This is the second: catch
# the one error that says "exists already", and let all others through.
#
# ## A topic for bad news
#
# If somebody deletes the queue, orders must still find a place, and somebody has to learn that it
# was gone. So our function can create the queue, and tell the **stakeholders**: anyone who wants to
# know. SNS carries the news. When you publish to a **topic**, SNS passes the message on to everyone
# who has subscribed. Chapter 03 has more on that, and subscribes you.
#
# Article: there, the function creates the queue each time, whether it is there or not.
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
# The other side is what the role may do. Ours may do four things with one queue: send to it, find
# it, and, if it is missing, create it and tag it. It may also publish to one topic and write its
# own log.
#
# Article: it gives its functions full access. With `AmazonSQSFullAccess`, this small function could
# read and delete every queue of the account. So could anyone who finds a hole in it.
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
print(f"Allowed {role_name} to send to {names.queue}, to publish, and to write its log.")

# %% [markdown]
# ## Write it yourself
#
# A function's **handler** gets an event and returns an answer. Write this one before you read ours:
# ten lines that read the order, put it on the queue and answer. The next cell makes a file for you,
# `work/take_order.py`, with everything but those lines. Its comments say what they must do.

# %% tags=["active-ipynb"]
# lab.write("take_order")

# %% [markdown]
# Open the file, write, and save it. Then run the next cell. Your function runs in a small cloud of
# its own, with the test events of the folder `events/`, so nothing can break. Read what is WRONG,
# change the file, and run the cell again until all is right. (In a terminal: `lab try take_order`.)
# Nothing below depends on it, so you can also come back later.

# %% tags=["active-ipynb"]
# lab.try_out("take_order")

# %% [markdown]
# ## The function
#
# Ours is one file, [`lambdas/take_order.py`](../lambdas/take_order.py). Compare it with yours: it
# also finds the queue, or creates it, and logs what became of each order. `lab.package` zips it.
#
# Three of its **environment variables** are for a queue that the function has to create. With the
# same attributes and tags as above it is the same queue, and this chapter finds it when you run
# it again. The function sends the news about it last. By then the order is safe. If sending the
# news fails, the function writes that into its log, and the shop gets its 202 all the same.
#
# Article: its functions run on Python 3.9, which AWS deprecated on December 15, 2025. From February
# 1, 2027 nobody can create a function with it. AWS supports ours until June 2029.
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
# On AWS: it takes a while until all of AWS knows a new role. The first attempts may fail with "The
# role defined for the function cannot be assumed by Lambda", or with "the KMS key is invalid for
# CreateGrant", as Lambda encrypts the variables for the role. That is not your mistake. A fixed
# pause would be a guess, so we repeat the call until it succeeds, for two minutes at most.
#
# Console: *Create function*, then *Code*, *Upload from*, *.zip file*, *Save*; and *Runtime
# settings*, *Edit*, handler `take_order.lambda_handler`.

# %% tags=["function"]
try:
    lab.once_function_is_ready(
        lambda: lambda_.create_function(
            **configuration, Code={"ZipFile": package}, Architectures=["arm64"], Tags=tags
        )
    )
    print(f"Created the function {names.take_order}.")
except lambda_.exceptions.ResourceConflictException:
    code = {"FunctionName": names.take_order, "ZipFile": package}
    lab.once_function_is_ready(lambda: lambda_.update_function_code(**code))
    lab.once_function_is_ready(lambda: lambda_.update_function_configuration(**configuration))
    print(f"Updated the function {names.take_order}.")

# %% [markdown]
# The cell has two branches: it creates the function, or brings it up to date. `arm64` is the
# architecture of AWS's own processors. A second on them costs a fifth less.
#
# Would you like yours to run in the chain? Then call `lambda_.update_function_code`, as in the last
# branch, with `ZipFile=lab.own_package("take_order")`. The cell above puts ours back.
#
# It takes a few seconds more until a function is created or updated. The **waiters** of boto3 ask
# until it is done, so you never have to guess a number of seconds.
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
# [`events/take_order.json`](../events/take_order.json).
#
# On AWS: it takes some seconds until all of AWS knows what a new role may do. So do not worry if
# it fails at first: the cell asks again.
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
# The status code 202 means "accepted". It is a promise: the order is on the queue. The code is not
# 200, because nobody has processed the order yet.
#
# ## Two orders wait
#
# Send a second order, one of your own: change the product. It goes into the same event as its
# `body`, which is text, as in a request.
#
# Console: the function, *Test*, edit the event's `body`, *Test*.

# %%
order = {"product": "Assam tea", "quantity": 2, "order_id": "chapter-01"}
own_event = json.dumps({**json.loads(event), "body": json.dumps(order)})
reply = lambda_.invoke(FunctionName=names.take_order, Payload=own_event)
print(f"Sent an order of your own: {reply['Payload'].read().decode()}")

# %% [markdown]
# Nobody reads from the queue yet, so both orders are in it. Count them.
#
# Console: SQS, *Queues*, the column *Messages available*.

# %%
queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
count = "ApproximateNumberOfMessages"
found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[count])["Attributes"]
print(f"Counted {found[count]} messages in {names.queue}.")

# %% [markdown]
# The attribute is called "approximate" because SQS keeps a message on several servers, and does not
# ask all of them. Now look into the queue. Looking receives nothing: the messages stay where they
# are.
#
# Console: the queue, *Send and receive messages*, *Poll for messages*. (This does receive them, and
# counts as an attempt.)

# %%
lab.look("queue")

# %% [markdown]
# Each message has a body, which is our order as JSON. `take_order` added an id where the order had
# none, and two times: when the request came in, and when the order went onto the queue. Each later
# function adds its own. Chapter 07 draws them.
#
# ## You now have…
#
# a function that checks an order and promises to keep it, and a queue that keeps the promise for up
# to 14 days. The check looks at everything that this chapter made, and changes nothing. If
# something is wrong, it tells you which cell fixes it.

# %%
lab.check("01")

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
# No. If the function fails before `send_message` has returned, the shop gets an error instead. So
# it knows that it has to send the order again. If the message is on the queue but the answer was
# lost, the shop sends the order again, too. With the same `order_id`, the chain records it once. (A
# shop that sends no `order_id` gets a new one each time, and then the chain records the order
# twice.)
# </details>
#
# **3. Why may `take_order` create a queue, but not delete one?**
# <details><summary>Answer</summary>
#
# It never has to. A role is a list of what a function must be able to do, and nothing more. What
# is not in the list cannot be done by mistake, or by somebody who breaks in.
# </details>
#
# ## Exercise
#
# If you read an empty queue by hand, you get an empty answer at once, ask again, and pay for each
# call. Let the queue wait up to 20 seconds for a message before it answers: **long polling**, its
# attribute `ReceiveMessageWaitTimeSeconds`. `lab hint 01` gives a hint, `lab hint 01 2` the next.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# queue_url = sqs.get_queue_url(QueueName=names.queue)["QueueUrl"]
# sqs.set_queue_attributes(
#     QueueUrl=queue_url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"}
# )
# print(f"Let {names.queue} wait up to 20 s for a message.")

# %% tags=["active-ipynb"]
# lab.check_exercise("01")

# %% [markdown]
# Next: [02 Front door](02_front_door.ipynb), where the shop comes in.
