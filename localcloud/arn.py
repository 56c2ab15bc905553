"""An ARN, taken apart.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_FORM = re.compile(r"arn:([^:]*):([^:]+):([^:]*):([^:]*):(.+)", re.DOTALL)


class Arn(NamedTuple):
    """`arn:partition:service:region:account:resource`. The resource may contain more colons."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @property
    def name(self) -> str:
        """The last part of the resource: a function's name in `function:take_order`."""
        return re.split("[:/]", self.resource)[-1]

    def __str__(self) -> str:
        return f"arn:{':'.join(self)}"


NOWHERE = Arn("", "", "", "", "")


@lru_cache(maxsize=1024)
def parse(text: str) -> Arn:
    """The parts of an ARN. For any other text: NOWHERE, whose parts are all empty."""
    found = _FORM.fullmatch(text)
    return Arn(*found.groups()) if found else NOWHERE
