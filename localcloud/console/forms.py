"""What the buttons do: one AWS call each, and a sentence about what came of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import urllib3

from localcloud import arn
from localcloud.cloud import LocalCloud
from localcloud.console import calls
from localcloud.console.screens import NotThereError, by_name, token_in
from localcloud.console.text import shown
from localcloud.sns import subscriptions

NAMED = ("api", "function", "order", "queue", "table", "topic")  # the screens that have a name
Form = dict[str, str]


async def send(cloud: LocalCloud, path: str, form: Form) -> str:
    """Do what a form on this page asks for. Raises ClientError or NotThereError."""
    action = _ACTIONS.get(form.get("action", ""))
    if action is None:
        raise NotThereError("there is no such button.")
    return await action(cloud, path.partition("/")[2], form)


async def _redrive(cloud: LocalCloud, name: str, _: Form) -> str:
    """Send all dead letters of a queue back to where they came from."""
    queue = _described(cloud, "sqs", "queues", name)
    region = arn.parse(queue).region
    await calls.change(cloud, "sqs", region, "start_message_move_task", SourceArn=queue)
    return "The dead letters are on their way back."


async def _test(cloud: LocalCloud, name: str, form: Form) -> str:
    """Invoke a function with an event, as the console's Test button does."""
    region = arn.parse(_described(cloud, "lambda", "functions", name)).region
    try:
        event = json.dumps(json.loads(form.get("event", "")))
    except ValueError as error:
        raise NotThereError(f"the event is not JSON: {error}") from None
    answer = await calls.change(
        cloud, "lambda", region, "invoke", FunctionName=name, Payload=event.encode()
    )
    failed = "failed and answered" if "FunctionError" in answer else "answered"
    payload = answer["Payload"]
    return f"{name} {failed}: {shown(payload.read().decode('utf-8', 'replace'))}"


async def _confirm(_: LocalCloud, __: str, form: Form) -> str:
    """Open the link of a confirmation mail."""
    confirmed = subscriptions.confirm(token_in(form.get("link", "")))
    if confirmed is None:
        raise NotThereError("the link is not, or no longer, valid.")
    return f"Subscription confirmed: {confirmed}"


async def _show_key(cloud: LocalCloud, name: str, _: Form) -> str:
    """The keys of the plans that an API's stages are in."""
    keys = await _keys(cloud, name)
    return "x-api-key: " + (", ".join(keys) or "this API has no key")


async def _post(cloud: LocalCloud, name: str, form: Form) -> str:
    """Send a request to the first stage, as the shop does."""
    api = _find(cloud, "apigateway", "apis", name)
    if not api["stages"]:
        raise NotThereError("the API is not deployed yet.")
    stage, path = api["stages"][0]["name"], quote(form.get("path", "/"))
    url = f"http://{cloud.address}/restapis/{api['id']}/{stage}/_user_request_{path}"
    headers = {"Content-Type": "application/json"}
    if keys := await _keys(cloud, name):
        headers["x-api-key"] = keys[0]
    body = form.get("body", "").encode("utf-8", "replace")
    send = partial(urllib3.request, "POST", url, body=body, headers=headers, retries=False)
    answer = await asyncio.to_thread(send)
    return f"{answer.status} {shown(answer.data.decode('utf-8', 'replace'))}"


async def _keys(cloud: LocalCloud, name: str) -> list[str]:
    api = _find(cloud, "apigateway", "apis", name)
    ask = partial(calls.change, cloud, "apigateway", api["region"], "get_api_key")
    ids = dict.fromkeys(key["id"] for plan in api["plans"] for key in plan["keys"])
    return [(await ask(apiKey=key_id, includeValue=True))["value"] for key_id in ids]


def _described(cloud: LocalCloud, service: str, things: str, name: str) -> str:
    """The ARN of what has this name."""
    return str(_find(cloud, service, things, name)["arn"])


def _find(cloud: LocalCloud, service: str, things: str, name: str) -> dict[str, Any]:
    return by_name(cloud.services[service].describe()[things], name, things.removesuffix("s"))


_ACTIONS: dict[str, Callable[[LocalCloud, str, Form], Awaitable[str]]] = {
    "confirm": _confirm,
    "post": _post,
    "redrive": _redrive,
    "show_key": _show_key,
    "test": _test,
}
