"""The keys that queues and topics are encrypted with. Nothing is encrypted here, but a key that is
not there stops messages as on AWS, which takes any name for one until then.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html
"""

from __future__ import annotations

from moto.kms.models import kms_backends

from localcloud.upstream import ACCOUNT_ID

_OF_AWS = "alias/aws/"  # these are there once somebody uses them


def problem(key: str, region: str) -> str:
    """What KMS says of a key that is not there, named by its id, its alias or an ARN; "" of one
    that is."""
    name = key.rpartition(":")[2].removeprefix("key/")
    backend = kms_backends[ACCOUNT_ID][region]
    if name.startswith(_OF_AWS) or name in backend.keys or backend.alias_exists(name):
        return ""
    here = f"arn:aws:kms:{region}:{ACCOUNT_ID}"
    if name.startswith("alias/"):
        return f"Alias {here}:{name} is not found."
    return f"Key '{here}:key/{name}' does not exist"
