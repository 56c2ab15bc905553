"""What the screens of the API and of a table tell beyond the picture."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3
import pytest

from lab.aws import client_env
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.names import names
from lab.here import local
from tests.support.chapters import given, post
from tests.support.visitor import Visitor


def test_an_api_tells_what_a_key_has_used_and_how_to_call_it(
    visitor: Visitor, aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("01", "02", "03", "04", "05")
    key = local.key_at(visitor.address)
    assert key is not None
    for name, value in client_env.variables(key, "us-east-1").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # which may have another cloud's keys
    page = f"api/{names().api}"

    def used() -> int:
        found = re.search(r"(\d+) used today", visitor.get(page)[1])
        assert found is not None
        return int(found[1])

    before, day = used(), datetime.now(UTC).day
    assert post(aws, product="tea", quantity=1) == 202
    assert used() == (before if day == datetime.now(UTC).day else 0) + 1
    text = visitor.get(page)[1]
    assert "10000 requests a day" in text
    assert f"{visitor.address}/restapis/" in text and "curl -X POST" in text
    code = re.search(r"<pre[^>]*>(import boto3.*?)</pre>", text, re.DOTALL)
    assert code is not None
    said: list[object] = []
    exec(code[1], {"print": lambda *values: said.append(values)})  # as somebody pastes it
    assert said and said[0][0] == 202  # type: ignore[index]  # what print was given


def has_items(table: Any, wanted: int) -> bool:
    table.reload()
    return bool(table.item_count == wanted)


def test_items_are_found_by_key_and_by_day(visitor: Visitor, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    page = f"table/{names().table}"
    table = aws.resource("dynamodb").Table(names().table)
    stored = table.item_count
    for number in range(3):
        assert post(aws, product=f"tea {number}", quantity=1, order_id=f"found-{number}") == 202
        wait_until(partial(has_items, table, stored + number + 1), "it is recorded")
    assert len(visitor.rows(f"{page}?key=found-1", "found-")) == 1
    assert "No item has that" in visitor.get(f"{page}?key=found-9")[1]
    index = re.search('name="index" value="([^"]+)"', visitor.get(page)[1])
    assert index is not None
    today = time.strftime("%Y-%m-%d", time.gmtime())
    found = visitor.rows(f"{page}?index={index[1]}&value={today}", "found-")
    assert [re.search("found-.", row)[0] for row in found] == ["found-2", "found-1", "found-0"]  # type: ignore[index]  # it is there
    assert "No item has that" in visitor.get(f"{page}?index={index[1]}&value=2001-01-01")[1]
    assert len(visitor.rows(f"{page}?index=nonsense&value={today}", "found-")) == 3
