"""The plumbing of the tutorial: what would be the same in any other one.

A script needs one import, `import lab`, and talks to AWS through boto3 itself.
"""

from lab.aws.calls import show_calls
from lab.aws.packaging import RUNTIME, event, package, schema
from lab.aws.session import account_id, invoke_url, session
from lab.aws.waiting import NotYetError, once_name_is_free, once_role_is_ready, wait_until
from lab.course.chapters import run_again
from lab.course.dead_letters import dead_letters, redrive
from lab.course.drawing import draw_chain
from lab.course.exercises import ORDERS_FILE, check_exercise
from lab.course.inbox import confirm_subscription, show_mail
from lab.course.names import names, tag_list, tags
from lab.course.resources import check_ground, is_ours
from lab.engine.checks import check, insist
from lab.engine.display import progress, show
from lab.errors import LabError, RefusedError
from lab.here.local import hurry, settle
from lab.here.settings import email
from lab.here.shell import put_commands_on_path, show_what_the_encoding_lacks

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
