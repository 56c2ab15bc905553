"""What a signed request says of itself: who sends it, to which service, in which region.

Signatures are not checked. They stand in a header, or in the query of a presigned address.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from localcloud.state import Request


def access_key_of(request: Request) -> str | None:
    """The access key id that the request is signed with."""
    found = re.search(r"Credential=([^/]+)/", _signature(request))
    return found[1] if found else None


def service_of(request: Request) -> str | None:
    """The service that a signed request is for, from its credential scope."""
    found = re.search(r"Credential=[^,]*?/\d{8}/[^/]+/([^/]+)/aws4_request", _signature(request))
    return found[1].lower() if found else None


def region_of(request: Request) -> str:
    found = re.search(r"Credential=[^,]*?/\d{8}/([^/]+)/", _signature(request))
    return found[1] if found else "us-east-1"


def _signature(request: Request) -> str:
    return request.headers.get("authorization") or unquote(request.query).replace("X-Amz-", "")
