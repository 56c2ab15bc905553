"""The size of an item, which is at most 400 KB.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize

from localcloud.upstream import original, replaces

_SURELY_FITS = 400_000  # bytes; moto refuses a little more


@replaces(LimitedSizeDict)
def __setitem__(attributes: LimitedSizeDict, key: str, value: Any) -> None:
    """moto would add up all attributes again for each one. We add to a sum, which never is too
    small, and let moto count only where that is near the limit."""
    added = bytesize(key) + (
        value.size() if isinstance(value, DynamoType) else bytesize(str(value))
    )
    kept = vars(attributes)
    at_most = kept.get("at_most", 0 if not attributes else _SURELY_FITS) + added
    if at_most < _SURELY_FITS:
        kept["at_most"] = at_most
        dict.__setitem__(attributes, key, value)
    else:
        original(__setitem__)(attributes, key, value)
