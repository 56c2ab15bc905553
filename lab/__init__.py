"""The plumbing of the tutorial: what is true of this course, and what any course needs.

A script needs one import, `import lab`, and talks to AWS through boto3 itself.
"""

import lab.here.early  # noqa: F401 - from here on, Ctrl-C is no traceback
from lab.aws.calls import show_calls
from lab.aws.inventory import is_not_served
from lab.aws.packaging import RUNTIME, event, package, schema, source
from lab.aws.session import account_id, invoke_url, session
from lab.aws.waiting import (
    NotYetError,
    once_function_is_ready,
    once_queue_is_ready,
    once_trigger_is_ready,
)
from lab.course import COURSE, facade
from lab.course.dead_letters import dead_letters, redrive
from lab.course.facade import (
    beside_the_article,
    check,
    check_exercise,
    check_ground,
    compare,
    draw_chain,
    finished_chain,
    guess,
    insist,
    is_ours,
    look,
    open_page,
    run_again,
    try_out,
    wait_until,
    write,
)
from lab.course.inbox import confirm_subscription, show_mail
from lab.course.names import names, tag_list, tags
from lab.course.orders import ORDERS_FILE
from lab.course.trials import Trials as trials
from lab.course.trials import way_in
from lab.engine.display import progress, show
from lab.engine.own_functions import package as own_package
from lab.errors import LabError, RefusedError
from lab.here import failures
from lab.here.local import hurry, settle
from lab.here.settings import email
from lab.here.shell import (
    fill_in_closed_streams,
    put_commands_on_path,
    show_what_the_encoding_lacks,
)

__all__ = [
    "ORDERS_FILE",
    "RUNTIME",
    "LabError",
    "NotYetError",
    "RefusedError",
    "account_id",
    "beside_the_article",
    "check",
    "check_exercise",
    "check_ground",
    "compare",
    "confirm_subscription",
    "dead_letters",
    "draw_chain",
    "email",
    "event",
    "finished_chain",
    "guess",
    "hurry",
    "insist",
    "invoke_url",
    "is_not_served",
    "is_ours",
    "look",
    "names",
    "once_function_is_ready",
    "once_queue_is_ready",
    "once_trigger_is_ready",
    "open_page",
    "own_package",
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
    "source",
    "tag_list",
    "tags",
    "trials",
    "try_out",
    "wait_until",
    "way_in",
    "write",
]

fill_in_closed_streams()
failures.install(facade.report)
COURSE.insist_on_being_whole()
put_commands_on_path()
show_what_the_encoding_lacks()
