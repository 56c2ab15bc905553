"""The REST API that the tests of API Gateway share."""

from __future__ import annotations

import pytest

from lab.aws.session import Session
from tests.support.rest_api import Api, make_api


@pytest.fixture
def api(aws: Session) -> Api:
    return make_api(aws)
