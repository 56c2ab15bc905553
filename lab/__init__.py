"""The plumbing of the tutorial: what would be the same in any other one.

A script needs one import, `import lab`, and talks to AWS through boto3 itself.
"""

from lab.calls import show_calls
from lab.chain import draw_chain
from lab.chapters import run_again
from lab.checks import check, insist
from lab.dead_letters import dead_letters, redrive
from lab.display import progress, show
from lab.errors import LabError, RefusedError
from lab.exercises import ORDERS_FILE, check_exercise
from lab.inbox import confirm_subscription, show_mail
from lab.inventory import check_ground, is_ours
from lab.local import hurry, settle
from lab.names import names, tag_list, tags
from lab.packaging import RUNTIME, event, package, schema
from lab.session import account_id, invoke_url, session
from lab.settings import email
from lab.shell import put_commands_on_path, show_what_the_encoding_lacks
from lab.waiting import NotYetError, once_name_is_free, once_role_is_ready, wait_until

__all__ = [
    "ORDERS_FILE",
    "RUNTIME",
    "LabError",
    "NotYetError",
    "RefusedError",
    "account_id",
    "check",
    "check_exercise",
    "check_ground",
    "confirm_subscription",
    "dead_letters",
    "draw_chain",
    "email",
    "event",
    "hurry",
    "insist",
    "invoke_url",
    "is_ours",
    "names",
    "once_name_is_free",
    "once_role_is_ready",
    "package",
    "progress",
    "redrive",
    "run_again",
    "schema",
    "session",
    "settle",
    "show",
    "show_calls",
    "show_mail",
    "tag_list",
    "tags",
    "wait_until",
]

put_commands_on_path()
show_what_the_encoding_lacks()
