"""The settings, read from the environment and checked in one place.

`SETTINGS` is the list of them: `lab --help` and the table in README.md are made from it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from functools import cache
from urllib.parse import urlsplit

from botocore.loaders import create_loader
from botocore.regions import EndpointResolver
from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url

from lab.errors import SettingsError

TARGETS = ("local", "aws")
_LOCAL_EMAIL = "fulfillment@example.com"
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".aws.dev")


@dataclass(frozen=True)
class Setting:
    """An environment variable that we read: what it means, and what holds unless it is set."""

    name: str
    meaning: str
    unless_set: str


SETTINGS = (
    Setting("LAB_TARGET", "`local`, or `aws` for the real thing", "`local`"),
    Setting(
        "LAB_PREFIX",
        "stands before every name, for an account that several learners share",
        "nothing",
    ),
    Setting(
        "LAB_ACCOUNT",
        "the 12 digits of the account on `aws` in which things may be made and deleted",
        "you are asked for it",
    ),
    Setting(
        "LAB_EMAIL",
        "the fulfillment team's address; has to be set on `aws`",
        f"`{_LOCAL_EMAIL}`",
    ),
    Setting(
        "LAB_PORT",
        "where the local cloud listens",
        "a port that follows from you and this folder, or the next free one",
    ),
    Setting("AWS_REGION", "the region", "AWS_DEFAULT_REGION"),
    Setting(
        "AWS_DEFAULT_REGION",
        "the region, as older AWS tools name it",
        "`us-east-1`; on `aws` your profile's",
    ),
    Setting(
        "AWS_ENDPOINT_URL",
        "the address of another cloud, which answers as AWS does",
        "the local cloud",
    ),
)


def as_table() -> str:
    """The settings as a table in Markdown."""
    rows = [f"| `{s.name}` | {s.meaning} | {_code(s.unless_set)} |" for s in SETTINGS]
    return "\n".join(["| variable | what it is | unless set |", "|---|---|---|", *rows]) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text in {setting.name for setting in SETTINGS} else text


def in_words() -> str:
    """The settings as lines for a terminal: the name, and below it what it means."""
    lines = (f"{s.name}\n  {s.meaning}\n  (unless set: {s.unless_set})" for s in SETTINGS)
    return "\n".join(lines).replace("`", "")


@dataclass(frozen=True)
class Settings:
    """The checked settings; `region` and `endpoint_url` are None where boto3 decides, `port` is
    None where the local cloud does, `email` is None where it has to be given and was not, `account`
    where somebody has to be asked."""

    target: str
    prefix: str
    account: str | None
    email: str | None
    port: int | None
    region: str | None
    endpoint_url: str | None


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings; an empty one counts as not set.

    Raises SettingsError naming the variable at fault.
    """
    env = os.environ if environment is None else environment
    target = env.get("LAB_TARGET") or "local"
    if target not in TARGETS:
        raise SettingsError(f"LAB_TARGET is {target!r}; set it to one of: {', '.join(TARGETS)}.")
    return Settings(
        target=target,
        prefix=_prefix(env.get("LAB_PREFIX") or ""),
        account=account_id(env.get("LAB_ACCOUNT") or "", "LAB_ACCOUNT"),
        email=_email(env.get("LAB_EMAIL") or "", target),
        port=_port(env["LAB_PORT"]) if env.get("LAB_PORT") else None,
        region=_region(env, target),
        endpoint_url=_endpoint(env.get("AWS_ENDPOINT_URL"), target),
    )


def account_id(value: str, where: str) -> str | None:
    """The id of an account, or None for "". Raises SettingsError, which says `where` it stands."""
    if value and not re.fullmatch(r"[0-9]{12}", value):
        raise SettingsError(f"{where} is {value!r}; set it to the 12 digits of the account's id.")
    return value or None


def _prefix(value: str) -> str:
    """The prefix with a hyphen after it. 20 characters leave room in every name of AWS's."""
    if not value:
        return ""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,19}", value):
        raise SettingsError(
            f"LAB_PREFIX is {value!r}; use up to 20 letters from a to z, digits and hyphens, a "
            "letter first."
        )
    return value if value.endswith("-") else value + "-"


def email() -> str:
    """The fulfillment team's address. Raises SettingsError where it has to be given first."""
    found = load().email
    if found is None:
        raise SettingsError("LAB_EMAIL is not set; set it to the fulfillment team's address.")
    return found


def _region(env: Mapping[str, str], target: str) -> str | None:
    """The region. The chapters write ARNs that begin with arn:aws:, so other partitions are out.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    name = "AWS_REGION" if env.get("AWS_REGION") else "AWS_DEFAULT_REGION"
    value = env.get(name)
    if not value:
        return "us-east-1" if target == "local" else None
    check_region(value, name)
    return value


def check_region(value: str, name: str) -> None:
    """Raises SettingsError, which says where it stands, for a region that the tutorial cannot
    use."""
    partition = _partitions().get(value)
    if partition is None:
        raise SettingsError(
            f"{name} is {value!r}, which boto3 does not know; set it to a region like us-east-1."
        )
    if partition != "aws":
        raise SettingsError(
            f"{name} is {value!r}, which is in the partition {partition}, and the tutorial is for "
            "the partition aws; set it to a region like us-east-1."
        )


@cache  # reading the list takes some 30 ms, which only a region that was given costs
def _partitions() -> dict[str, str]:
    """The partition of each region that has SQS, by the region's name."""
    resolver = EndpointResolver(create_loader().load_data("endpoints"))
    return {
        region: partition
        for partition in resolver.get_available_partitions()
        for region in resolver.get_available_endpoints("sqs", partition)
    }


def _email(value: str, target: str) -> str | None:
    if not value:
        return _LOCAL_EMAIL if target == "local" else None
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) or not _can_get_mail(value):
        raise SettingsError(f"LAB_EMAIL is {value!r}; set it to the address that gets the orders.")
    return value


def _can_get_mail(address: str) -> bool:
    """Whether it is a valid e-mail address, which SNS checks, too."""
    try:
        return Address(addr_spec=address).addr_spec == address
    except (HeaderParseError, ValueError):
        return False


def _port(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        raise SettingsError(f"LAB_PORT is {value!r}; set it to a port from 1 to 65535.")
    return int(value)


def _endpoint(value: str | None, target: str) -> str | None:
    """A look-alike's address. Only LAB_TARGET=aws leads to the real AWS."""
    if not value:
        return None
    host = _http_host(value)
    if not host:
        raise SettingsError(
            f"AWS_ENDPOINT_URL is {_harmless(value)!r}; it needs a form like http://host:port."
        )
    if target == "local" and f".{host}".endswith(_AWS_DOMAINS):
        raise SettingsError(
            f"AWS_ENDPOINT_URL is {_harmless(value)!r}, which is the real AWS; "
            "unset it, or set LAB_TARGET=aws if that is what you want."
        )
    return value.rstrip("/")  # paths are put after it


def _harmless(url: str) -> str:
    """An address that may be shown: without user and password."""
    return re.sub(r"^(\w+://)?.*@", r"\1", url, flags=re.DOTALL)


def _http_host(url: str) -> str | None:
    """The host of an address that a client of boto3's can use; None if it is not one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # brackets that are not closed, or a port that is no number
        return None
    usable = usable and (is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url))
    more = parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable()
    return parts.hostname if usable and not more else None
