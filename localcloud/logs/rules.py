"""What CloudWatch Logs refuses, and moto says in other words or takes.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from moto.logs.models import logs_backends

from localcloud import upstream
from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import ACCOUNT_ID

_NAMED_TWICE = {"logGroupIdentifier", "logGroupName"}
_BOTH = {"logGroupNamePattern", "logGroupNamePrefix"}


def refusal(call: Call) -> Response | None:
    """The answer to a call that is refused here; None for any other."""
    given, backend = call.parameters, upstream.backend(logs_backends, ACCOUNT_ID, call.region)
    if call.operation == "DescribeLogGroups" and given.keys() >= _BOTH:
        text = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        return call.error(400, "InvalidParameterException", text)
    if call.operation == "DescribeLogStreams" and given.keys() >= _NAMED_TWICE:
        text = "LogGroup name and LogGroup ARN are mutually exclusive parameters."
        return call.error(400, "ValidationException", text)
    if call.operation == "GetLogEvents" and backend is not None:
        group = backend.groups.get(given.get("logGroupName", ""))
        if group is not None and given.get("logStreamName") not in group.streams:
            text = "The specified log stream does not exist."
            return call.error(400, "ResourceNotFoundException", text)
    return None
