"""What the tests of several services need."""

from __future__ import annotations

import pytest

from lab.aws.session import Session


@pytest.fixture
def topic(aws: Session) -> str:
    """The ARN of a topic."""
    return str(aws.client("sns").create_topic(Name="Orders")["TopicArn"])
