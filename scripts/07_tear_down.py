# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
# ---

# %% [markdown]
# # 07 Tear down
#
# What is left standing can cost, and a stranger can use it. `teardown.py` lists what the
# tutorial has made, deletes it in the reverse order of making, waits until each thing is
# gone, and lists again. It touches what carries our tags and nothing else.
#
# On the command line: `python teardown.py`, which asks before it deletes. The local cloud
# itself goes on running, empty; `lab stop` ends it.

# %%
import lab
import teardown

aws = lab.session()
for found in teardown.list_ours(aws):
    print(f"  {found.resource}")

# %%
left = teardown.tear_down(aws)
print(f"{len(left)} left")
