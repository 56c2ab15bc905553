"""The option that names the account in which a command may make and delete things."""

from __future__ import annotations

import click

from lab.aws import guard
from lab.here import settings


def _named(_: click.Context, __: click.Parameter, value: str | None) -> None:
    guard.name_account(settings.account_id(value or "", "--account"))


account_option = click.option(
    "--account",
    callback=_named,
    expose_value=False,
    help="The id of the account that you mean, on AWS; else LAB_ACCOUNT, or you are asked.",
)
