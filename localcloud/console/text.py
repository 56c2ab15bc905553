"""Text of others, for a page: the template escapes it, and this makes the rest visible."""

from __future__ import annotations

import json
import re
import time

from localcloud.console import rights
from localcloud.iam.policies import Decision

_LONGEST = 2000
_JSON_MESSAGE = re.compile(r'"[Mm]essage"\s*:\s*"((?:[^"\\]|\\.)*)')
_ORDER = re.compile(r'"order_id\\*"\s*:\s*\\*"([\w-]{1,64})\\*"')
_XML_MESSAGE = re.compile("<Message>([^<]*)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: object, longest: int = _LONGEST) -> str:
    """The beginning of a text, with control characters as visible signs."""
    whole = str(text)
    seen = _CONTROL.sub(_sign, whole[:longest])
    return seen if len(whole) <= longest else f"{seen} … {len(whole) - longest:,} more characters"


def order_id(text: object) -> str:
    """The id of the order that a message is about, in JSON or in JSON within JSON; "" if none."""
    found = _ORDER.search(str(text))
    return found[1] if found else ""


def of_function(events: dict[str, str], name: str) -> dict[str, str]:
    """The test events of a function, by the names of their files: "take_order.emoji". All of them
    where none has its name."""
    own = {e: text for e, text in events.items() if name.endswith(e.partition(".")[0])}
    return own or events


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def statement(decision: Decision) -> str:
    """Which statement decided: "May sqs:SendMessage on CustomerOrders (policy send)"."""
    found = decision.statement
    if found is not None:
        return f"{rights.in_words(json.loads(found.text))} ({_policy(found.policy)})"
    return f"No statement allows {decision.access.action} on {decision.access.resource or '*'}"


def error(answer: bytes) -> str:
    """The message of an error, in JSON or XML, or else its beginning."""
    text = answer.decode("utf-8", "replace")
    found = _JSON_MESSAGE.search(text) or _XML_MESSAGE.search(text)
    return found[1] if found else text


def _policy(name: str) -> str:
    return name if name.startswith("the ") else f"policy {name}"


def _sign(found: re.Match[str]) -> str:
    code = ord(found[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def moment(epoch_ms: float) -> str:
    """A time of day, in UTC: "14:03:07.125"."""
    seconds, ms = divmod(int(epoch_ms), 1000)
    return f"{time.strftime('%H:%M:%S', time.gmtime(seconds))}.{ms:03d}"
