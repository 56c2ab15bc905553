"""`lab status` says in words what each service of the local cloud tells of itself."""

from __future__ import annotations

from typing import Any

from lab.here.cloud_in_words import lines, printed


def status() -> dict[str, Any]:
    """Of a cloud in which everything is found that there is a line for."""
    function = {"name": "take_order", "reserved_concurrency": None}
    busy = {
        "name": "slow",
        "reserved_concurrency": 1,
        "workers": [{"pid": 1}, {"pid": 2}],
        "under_way": [{"seconds": 3.4}, {"seconds": 12.0}],
        "waiting": 4,
        "longest_wait_seconds": 7.2,
    }
    arn = "arn:aws:lambda:us-east-1:123456789012:function:slow"
    event = {"function_arn": arn, "state": "waiting"}
    queue = {"name": "q", "visible": 2, "in_flight": 1, "delayed": 3, "oldest_seconds": 61.2}
    topic = {"name": "t", "subscriptions": [{"state": "pending"}, {"state": "confirmed"}]}
    stage = {"name": "prod", "routes": ["GET /orders", "POST /orders"]}
    return {
        **{"address": "http://127.0.0.1:1", "user": "u\x1b[2J", "folder": "f", "pid": 7},
        "speed": 60.0,
        "services": {
            "lambda": {"functions": [function, busy], "events": [event, event]},
            "sqs": {"queues": [queue]},
            "sns": {
                "topics": [topic],
                "mailbox": {"directory": "mail", "mails": 1, "on_their_way": 2},
            },
            "apigateway": {
                "apis": [{"name": "Orders", "stages": [stage]}],
                "meters": [{"api_key_id": "k", "used": 1}],
            },
        },
        "lost": {"total": 3, "last": [{"what": "f", "why": "no disk"}, {"what": "g", "why": ""}]},
        "restarts": 2,
    }


def test_every_service_has_its_lines() -> None:
    assert list(lines(status()))[4:] == [
        ("speed", "60 times as fast as on AWS (the waits)"),
        ("function", "take_order: 0 workers"),
        (
            "function",
            "slow: 2 workers, 2 under way, the longest for 12 s, 4 waiting for 7 s, at most 1 at a "
            "time",
        ),
        ("events", "slow: 2 asynchronous events waiting"),
        ("queue", "q: 2 waiting, 1 in flight, 3 delayed, the oldest for 61 s"),
        ("topic", "t: 2 subscriptions, 1 of them not confirmed yet"),
        ("stage", "Orders/prod: GET /orders, POST /orders"),
        ("API key", "k: 1 request today"),
        ("mailbox", "mail: 1 mail, 2 on their way"),
        ("lost", "3; the newest: f: no disk"),
        ("restarts", "2; `lab logs --cloud` says of what, and why"),
    ]


def test_an_empty_cloud_is_a_few_lines_and_nothing_moves_the_cursor() -> None:
    found = status()
    found["services"] = {
        "lambda": {"functions": [], "events": []},
        "sqs": {"queues": []},
        "sns": {"topics": [], "mailbox": {"directory": None, "mails": 0, "on_their_way": 0}},
        "apigateway": {"apis": [], "meters": []},
    }
    found |= {"speed": 1.0, "lost": {"total": 0, "last": []}, "restarts": 0}
    text = printed(found)
    assert text.splitlines()[4:] == [
        "functions  none",
        "mailbox    none: mail leaves through an SMTP server",
    ]
    assert "\x1b" not in text
