"""A package is a zip file, in the request or in S3."""

from __future__ import annotations

from typing import Any

import pytest
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend
from moto.s3.models import s3_backends

from localcloud.lambda_ import validation

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ({"ZipFile": bytes(52_428_801)}, "Zipped size must be smaller than 52428800 bytes"),
        ({"S3Bucket": "packages", "S3Key": "no.zip"}, "S3 Error Code: NoSuchKey"),
        ({"S3Bucket": "packages", "S3Key": "tea.zip"}, "Could not unzip uploaded file"),
    ],
    ids=["too large", "no object", "no zip file"],
)
def test_what_is_no_package_is_refused(code: dict[str, Any], said: str) -> None:
    s3 = s3_backends[ACCOUNT]["aws"]
    s3.create_bucket("packages", "us-east-1")
    s3.put_object("packages", "tea.zip", b"tea")
    with pytest.raises(LambdaClientError, match=said):
        validation.refuse_what_is_no_package(LambdaBackend("us-east-1", ACCOUNT), code)
    s3.delete_object("packages", "tea.zip")
    s3.delete_bucket("packages")
