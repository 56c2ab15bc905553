"""Anyone who makes something with tags must be allowed to tag it, too.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html
"""

from __future__ import annotations

from urllib.parse import quote

from localcloud.call import Call
from localcloud.service import Needed


def needed(call: Call, made: str) -> Needed:
    """What a call with tags needs besides; `made` is the ARN of what it makes."""
    if not call.operation.startswith("Create") or not _has_tags(call):
        return
    if call.service == "apigateway":  # whose actions are the HTTP methods
        kind = quote(f"arn:aws:apigateway:{call.region}::{call.request.path}/*", safe="*")
        yield "apigateway:PUT", f"arn:aws:apigateway:{call.region}::/tags/{kind}"
    else:
        yield f"{call.service}:{_action(call)}", made


def _has_tags(call: Call) -> bool:
    return any(
        (name.lower() == "tags" and value) or name.startswith("Tags.member.")
        for name, value in call.members.items()
    )


def _action(call: Call) -> str:
    kind = call.operation.removeprefix("Create")
    return {"iam": f"Tag{kind}", "sqs": "TagQueue"}.get(call.service, "TagResource")
