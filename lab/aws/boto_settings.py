"""Names the environment variable that keeps boto3 from making a client.

boto3 reads dozens of variables that are not ours. For a bad value it raises all kinds of errors,
mostly without the variable's name. A list of them would soon be out of date, so we try: the
variable at fault is the one without which the client can be made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError

from lab.errors import SettingsError

T = TypeVar("T")
_SECRET = ("KEY", "TOKEN")  # never tried, and never shown
_BAD = (BotoCoreError, ValueError)


def make(client: Callable[[], T], config_file: str | None) -> T:
    """Make a client. Raises SettingsError, which names the variable at fault or the file of AWS's
    configuration, or what boto3 raises for any other reason."""
    try:
        return client()
    except _BAD as error:
        reason = str(error).rstrip(".")
        if name := _at_fault(client):
            raise SettingsError(
                f"{name} is {os.environ[name]!r}, which boto3 cannot use: {reason}. Set it right, "
                "or unset it."
            ) from None
        if isinstance(error, BotoCoreError) or config_file is None:
            raise
        raise SettingsError(
            f"boto3 cannot use a value of its configuration, most likely in {config_file}: "
            f"{reason}. Set it right there."
        ) from None


def _at_fault(client: Callable[[], object]) -> str | None:
    """The variable without which the client can be made, if there is one."""
    ours = [name for name in os.environ if name.startswith("AWS_")]
    for name in (each for each in ours if not any(word in each for word in _SECRET)):
        value = os.environ.pop(name)
        try:
            client()
        except _BAD:
            continue
        else:
            return name
        finally:
            os.environ[name] = value
    return None
