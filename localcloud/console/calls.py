"""AWS calls of the page's own: reading in this process, changing over HTTP like anyone else.

What is read for a page does not go into the trail, which would be full of it. What a button changes
is signed with the user's key, and does.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from botocore.config import Config
from botocore.session import get_session

from localcloud import call, upstream
from localcloud.cloud import LocalCloud
from localcloud.http import Request

_JSON = {"dynamodb": "DynamoDB_20120810"}


async def read(cloud: LocalCloud, service: str, region: str, operation: str, **asked: Any) -> Any:
    """The answer of a service with a JSON protocol. Raises LookupError with its message if it
    refuses."""
    key = cloud.key.access_key_id
    headers = {
        "x-amz-target": f"{_JSON[service]}.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": f"AWS4-HMAC-SHA256 Credential={key}/20200101/{region}/{service}/"
        "aws4_request, SignedHeaders=host, Signature=0",
    }
    request = Request("POST", "/", "", headers, json.dumps(asked).encode())
    made = call.read(request, service, region, key)
    answer = await cloud.services[service].handle(made) or upstream.ask(request)
    found = json.loads(answer.body)
    if answer.status != 200:
        raise LookupError(found.get("message") or found.get("Message") or "It cannot be read.")
    return found


async def change(cloud: LocalCloud, service: str, region: str, operation: str, **asked: Any) -> Any:
    """Make a call that changes something. Raises ClientError."""
    return await asyncio.to_thread(_change, cloud, service, region, operation, asked)


def _change(
    cloud: LocalCloud, service: str, region: str, operation: str, asked: dict[str, Any]
) -> Any:
    client = get_session().create_client(
        service,
        region_name=region,
        endpoint_url=f"http://{cloud.address}",
        aws_access_key_id=cloud.key.access_key_id,
        aws_secret_access_key=cloud.key.secret_access_key,
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
    return getattr(client, operation)(**asked)
