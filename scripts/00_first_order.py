# %% [markdown]
# # 00 First order
#
# In five minutes you will see the whole thing work: a shop's order comes in at one end, and at the
# other end somebody gets a mail, and a table has the order in it. In between, three functions hand
# the order on. After that you build all of it yourself.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("00")

# %% [markdown]
# This course follows an article: "How to Chain Lambda Functions in AWS for High-Performance
# Applications", in the repository
# [Mamiololo01/Mastering_Serverless_architecture](https://github.com/Mamiololo01/Mastering_Serverless_architecture).
# The article clicks through AWS's console. Here you write each step in plain Python instead, with
# `boto3`, AWS's own library. The course adds what the article leaves out: a front door, permissions
# that are no wider than they must be, a place for what fails, and a proof that nothing gets lost.
#
# **You will learn** to chain functions by queues and topics, to give each one just the permissions
# that it needs, to find out where an order is, and to bring it back when something broke.
#
# **You need** Python and this project, no AWS account. You should have written a little Python; you
# do not need to know AWS. The chapters take about two hours in all, and the exercises as long
# again.
#
# You can run every cell again, in every chapter. When something goes wrong, fix it and run the cell
# once more. If the numbers beside the cells stay empty, an earlier cell failed: scroll up to find
# it. [Troubleshooting](troubleshooting.md) explains errors, and so does `lab explain` in a
# terminal.
#
# ## Put it up
#
# The next cell starts a *local cloud* on this machine, which answers as AWS does, and sets up the
# whole chain in it. This cloud is for this chapter alone, whatever your settings say. It costs
# nothing, and it ends with this notebook.

# %%
import uuid

import urllib3

import lab

aws = lab.finished_chain()
names = lab.names()
print(f"Set up the chain, from the API {names.api} to the table {names.table}.")

# %% [markdown]
# Each line is a chapter, and what it builds. Now open the page of this cloud, and put its window
# beside this one. It shows the chain as a picture. (Without a browser at hand, go on: the cells
# below show the same.)

# %% tags=["remove-output", "active-ipynb"]
# lab.open_page()

# %% [markdown]
# ## Order something
#
# Write your name into the next cell, then run it, and watch the page. The cell does what a shop
# does: it posts an order over HTTP, with its key in a header. A shop may choose the order's id. It
# waits up to 30 s, as API Gateway answers after 29 s at the latest.

# %% tags=["order"]
customer = "Ana"
url, key = lab.way_in(aws)
order_id = f"chapter-00-{uuid.uuid4().hex[:8]}"
order = {"product": f"Darjeeling tea for {customer}", "quantity": 2, "order_id": order_id}
answer = urllib3.request("POST", url, json=order, headers=key, timeout=30)
print(f"Posted an order: {answer.status} {answer.data.decode()}")

# %% [markdown]
# 202 means "accepted". The shop has its answer, and goes on. The order is on its way: from function
# to function, to the table at the end of the chain. Wait until it is there.

# %%
table = aws.resource("dynamodb").Table(names.table)
item = lab.wait_until(
    lambda: table.get_item(Key={"order_id": order_id}).get("Item"), "the order is in the table"
)
took = item["recorded_epoch_ms"] - item["received_epoch_ms"]
print(f"Recorded {item['quantity']} x {item['product']}, {took} ms after it came in.")

# %% [markdown]
# How did it get there? This is the story of your order, from what the functions logged.

# %%
lab.look("order", order_id)

# %% [markdown]
# `take_order` checked it and put it on a queue. `notify_fulfillment` read it from the queue and
# published it to a topic. The topic did two things at once: it sent a mail, and it called
# `record_order`, which wrote the order into the table.
#
# The mail went to the fulfillment team, which packs the tea. Here is its inbox. The newest mail is
# yours. The others are about the orders that the chapters sent to try what they built.

# %%
lab.look("mailbox")

# %% [markdown]
# And here is the table, with your order and theirs. (The one that looks years old comes from a test
# event, which has a date of its own.)

# %%
lab.look("table")

# %% [markdown]
# ## You now have…
#
# seen an order go through a chain of functions that never call each other. Each hands on what it
# has done, and does not wait. So a slow one keeps nobody waiting, and a broken one loses nothing,
# as chapters 08 and 09 will show.

# %%
lab.check("00")

# %% [markdown]
# ## Three questions
#
# You can answer these at the end of the course. Guess now.
#
# **1. The table is gone for an hour. What happens to the orders of that hour?**
# <details><summary>Answer</summary>
#
# They are accepted, and mailed. Then they wait in a dead-letter queue. Chapter 09 brings them back.
# </details>
#
# **2. Twice as many orders come as the functions can handle. What does the shop notice?**
# <details><summary>Answer</summary>
#
# Nothing. The orders wait on the queue for longer, and the shop still gets its 202 at once.
# Chapter 07 measures that.
# </details>
#
# **3. The shop sends the same order twice, by mistake. How often is it recorded?**
# <details><summary>Answer</summary>
#
# Once, if both have the same id. Chapters 04 and 06 say how.
# </details>
#
# ## Exercise
#
# Now without a cell that does it for you: order three of a tea of your choice, under the id
# `exercise-00`. You have all that you need: `url`, `key`, and the order above as an example.
# `lab hint 00` gives a hint, `lab hint 00 2` the next.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# order = {"product": "Sencha", "quantity": 3, "order_id": "exercise-00"}
# answer = urllib3.request("POST", url, json=order, headers=key, timeout=30)
# print(f"Posted an order: {answer.status} {answer.data.decode()}")
# lab.wait_until(
#     lambda: table.get_item(Key={"order_id": "exercise-00"}).get("Item"), "it is in the table"
# )
# print("Found exercise-00 in the table.")

# %% tags=["active-ipynb"]
# lab.check_exercise("00")

# %% [markdown]
# Now build it yourself. Next: [01 Take orders](01_take_orders.ipynb), where orders get a place to
# wait.
