# %% [markdown]
# # 10 Tear down
#
# What you leave standing can cost money, and a stranger can use it. Little of this tutorial costs
# anything while it stands idle. The trigger asks the empty queue day and night, for some cents a
# month, and you pay for what is stored. But an open API is an open door. So the last chapter
# takes everything down again.

# %% tags=["active-ipynb"]
# import lab
#
# lab.draw_chain("10")

# %% [markdown]
# **You need** nothing: what is not there does not have to be deleted.
#
# A cleanup can go wrong in two ways. It leaves things behind, because it stops at the first
# error, or because somebody forgot the log group. Or it deletes too much, because it goes by a
# name that others use, too. So `teardown.py` has a list of everything that the chapters make, and
# it touches only what carries our **tags**: which tutorial, and which learner.

# %%
import lab
import teardown

aws = lab.session()
names = lab.names()
print(f"Working in account {lab.account_id(aws)}, region {aws.region_name}.")

# %% [markdown]
# Check the account for the last time, and closely: what you delete is gone.

# %% tags=["active-ipynb"]
# lab.show_calls(aws)

# %% [markdown]
# ## What there is
#
# Console: *Resource Groups*, *Tag Editor*, find by tag; it leaves out roles, and shows deleted
# things.

# %%
there = teardown.list_ours(aws)
for found in there:
    print(f"  {found.resource}")
print(f"Found {len(there)} things to delete.")

# %% [markdown]
# The list is in reverse: what we made last comes first. The trigger goes before the function that
# it calls, and the subscription before its topic. So nothing is ever left half connected.
#
# ## Exercise
#
# This one comes before the end, because afterwards there is nothing left to save. Write all
# orders of the table into the file `lab.ORDERS_FILE`, one JSON object a line. (Have you torn
# everything down already? `lab goto 10` sets it all up again, with new orders.) `lab hint 10`
# helps.

# %% tags=["exercise", "active-ipynb"]
# # Your code here.

# %% tags=["solution", "active-ipynb"]
# import json
#
# table = aws.resource("dynamodb").Table(names.table)
# pages = table.meta.client.get_paginator("scan").paginate(TableName=names.table)
# lines = [json.dumps(item, default=str) for page in pages for item in page["Items"]]
# lab.ORDERS_FILE.parent.mkdir(exist_ok=True)
# lab.ORDERS_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")

# %% tags=["active-ipynb"]
# lab.check_exercise("10", then="deletes what you would save")

# %% [markdown]
# ## Delete it
#
# The cell deletes one thing after the other, and waits until each is gone. Then it lists
# everything again. If it cannot delete one thing, it still deletes the rest. On the command line,
# use `python teardown.py`, which asks first.
#
# Console: a dashboard for each service, and in it one thing after the other, in the right order;
# then the log groups that everybody forgets.

# %% tags=["tear-down"]
left = teardown.tear_down(aws)
print(f"{len(left)} left")

# %% [markdown]
# If something is left, you see the reason above. Then run the cell again.
#
# ## You now have…
#
# nothing, which was the aim. The local cloud itself is still running, but empty. `lab stop` ends
# it.

# %%
lab.check("10")

# %% [markdown]
# ## Three questions
#
# **1. Why not delete everything whose name begins with our prefix?**
# <details><summary>Answer</summary>
#
# Somebody else may have chosen a name that begins like that. A name says what a thing is called.
# A tag says whose it is.
# </details>
#
# **2. All seems deleted; a month later there is a bill for CloudWatch. What was forgotten?**
# <details><summary>Answer</summary>
#
# The log groups. If Lambda made them, they are on none of your lists, and they keep their lines
# forever. Here the set-up makes them, so teardown knows about them.
# </details>
#
# **3. You run chapter 01 again at once, and SQS says `QueueDeletedRecently`. What now?**
# <details><summary>Answer</summary>
#
# Wait: SQS keeps the name of a deleted queue for 60 seconds. The chapters do the waiting for you.
# </details>
#
# That was everything. From now on, one command sets all of it up, and one takes it down: `lab up`,
# and `python teardown.py`.
