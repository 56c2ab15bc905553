"""Keeps set-up and teardown out of an account that nobody meant.

On the real AWS, what is about to change is said first: who one is, the account, the region and the
endpoint. Then the account must be the one that was named, by `--account`, in LAB_ACCOUNT or at the
prompt. One that looks like production is named by `--account` or at the prompt only: a variable
that was set last week says nothing about today. A cloud on this machine costs nobody anything, so
nobody is asked.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from lab.aws.calls import hidden
from lab.aws.inventory import is_not_served
from lab.engine.display import printable
from lab.errors import AccountError
from lab.here import settings
from lab.here.last_error import without_secrets
from lab.here.shell import shell

# "shop-prod", "ProdAccess", "production" and "LIVE", but neither "product" nor "alive".
_PRODUCTION = re.compile(r"prod(?!uct(?!ion))|(?<![a-z])(prd|live)(?![a-z])", re.IGNORECASE)
_typed_with_the_command: list[str] = []
_passed: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Caller:
    """Who is about to change something, and where. `alias` is "" if the account has none."""

    arn: str
    account: str
    alias: str
    profile: str
    region: str
    endpoint: str

    @property
    def looks_like_production(self) -> bool:
        return any(map(_PRODUCTION.search, (self.profile, self.alias)))

    def __str__(self) -> str:
        alias = f" ({self.alias})" if self.alias else ""
        return (
            f"{self.arn}, account {self.account}{alias}, region {self.region}, "
            f"profile {self.profile}, endpoint {self.endpoint}"
        )


def name_account(account: str | None) -> None:
    """Name the account that is meant, as somebody typed it with the command."""
    _typed_with_the_command[:] = [account] if account else []


def insist(aws: boto3.Session) -> None:
    """Say who is about to change something in which account; once for each in a process.

    Raises AccountError, before anything was changed, unless it is the account that was named.
    Does nothing for a cloud on this machine.
    """
    if not _is_guarded():
        return
    with hidden():
        caller = find_caller(aws)
    if (caller.account, caller.region) in _passed:
        return
    print(f"About to work as {printable(str(caller))}.", file=sys.stderr, flush=True)
    refuse_another(caller, _typed_with_the_command, settings.load().account, _ask)
    _passed.add((caller.account, caller.region))


def refuse_another(
    caller: Caller, typed: list[str], in_settings: str | None, ask: Callable[[str], str]
) -> None:
    """Raise AccountError unless the caller's account is the one that was `typed`, is in the
    settings, or is the answer when one may `ask`. Each that was given has to be right."""
    for where, named in (("--account", next(iter(typed), None)), ("LAB_ACCOUNT", in_settings)):
        if named is not None and named != caller.account:
            raise AccountError(
                f"Expected account {named}, as {where} says; found account {caller.account} "
                f"(profile {caller.profile}). Nothing was changed. Set AWS_PROFILE to a profile of "
                f"that account, or set {where} right."
            )
    if typed or (in_settings and not caller.looks_like_production):
        return
    answer = ask(_question(caller))
    if answer.strip() != caller.account:
        raise AccountError(
            f"Expected {caller.account}, found {printable(answer.strip())!r}. Nothing was changed."
            " Run it again, and type the id of the account if it is the one that you mean."
        )


def _question(caller: Caller) -> str:
    looks = " This looks like production!" if caller.looks_like_production else ""
    return f"{looks} Type the account's full id to go on: ".lstrip()


def _ask(question: str) -> str:
    """What was typed. Raises AccountError if there is nobody to type it."""
    if shell() is None and not sys.stdin.isatty():
        raise AccountError(_NOBODY)
    print(question, end="", file=sys.stderr, flush=True)
    try:
        return input()
    except (EOFError, NotImplementedError):  # a notebook that runs without a browser has no input
        raise AccountError(_NOBODY) from None


_NOBODY = (
    "Expected the account to be named, and nobody is here to ask. Nothing was changed. Set "
    "LAB_ACCOUNT to its 12 digits, or add --account to the command; if its profile or alias looks "
    "like production, only --account will do."
)


def find_caller(aws: boto3.Session) -> Caller:
    identity = aws.client("sts").get_caller_identity()
    url = getattr(aws, "endpoint_url", None)
    return Caller(
        arn=str(identity["Arn"]),
        account=str(identity["Account"]),
        alias=_alias(aws),
        profile=aws.profile_name,
        region=str(aws.region_name),
        endpoint=without_secrets(url) if url else "AWS's own",
    )


def _alias(aws: boto3.Session) -> str:
    """The name of the account, where one may ask for it."""
    try:
        return next(iter(aws.client("iam").list_account_aliases()["AccountAliases"]), "")
    except ClientError as error:  # a learner's policy need not allow it
        if error.response["Error"]["Code"].startswith("AccessDenied") or is_not_served(error):
            return ""
        raise


def _is_guarded() -> bool:
    chosen = settings.load()
    return chosen.target == "aws" and not _is_on_this_machine(chosen.endpoint_url)


def _is_on_this_machine(url: str | None) -> bool:
    host = (urlsplit(url).hostname if url else None) or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
