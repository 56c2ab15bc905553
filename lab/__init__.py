"""The plumbing of the tutorial: what would be the same in any other one.

A script needs one import, `import lab`, and talks to AWS through boto3 itself.
"""

from lab.errors import LabError, MissingStepError
from lab.inbox import confirm_subscription, show_mail
from lab.inventory import refuse_strangers
from lab.names import names, tag_list, tags
from lab.packaging import RUNTIME, event, package
from lab.session import account_id, invoke_url, session
from lab.settings import load as load_settings
from lab.waiting import once_role_is_ready, wait_until

__all__ = [
    "RUNTIME",
    "LabError",
    "MissingStepError",
    "account_id",
    "confirm_subscription",
    "event",
    "invoke_url",
    "load_settings",
    "names",
    "once_role_is_ready",
    "package",
    "refuse_strangers",
    "session",
    "show_mail",
    "tag_list",
    "tags",
    "wait_until",
]
