"""An entry of a batch that cannot be published is named."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from moto.sns.models import SNSBackend, sns_backends

from localcloud.sns import limits as publishing

ACCOUNT = "123456789012"


@pytest.mark.place("batch entry")
def test_an_entry_that_fails_for_whatever_reason_is_named_in_failed() -> None:
    class Full(SNSBackend):
        def publish(self, message: str, *_: Any, **__: Any) -> str:
            if message == "bad":
                raise OSError(errno.ENOSPC, "No space left on device")
            return "id"

    backend = Full("us-east-1", ACCOUNT)
    topic = sns_backends[ACCOUNT]["us-east-1"].create_topic("Full", {}).arn
    entries = [{"Id": each, "Message": each} for each in ("good", "bad")]
    successful, failed = publishing.publish_batch(backend, topic, entries)
    assert [each["Id"] for each in successful] == ["good"]
    assert [(each["Id"], each["SenderFault"]) for each in failed] == [("bad", False)]
