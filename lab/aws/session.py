"""The boto3 session for the chosen target.

On `local` it carries the local cloud's address and the keys of its start, and none of yours, so
that nothing reaches the real AWS by accident; on `aws` it is your own session, checked once.
"""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab.aws import boto_settings, reads, throttled, turns
from lab.engine.display import printable
from lab.errors import NoCloudError, TargetError
from lab.here import local, settings
from lab.here.last_error import without_secrets
from lab.here.settings import Settings


class Session(boto3.Session):
    """A boto3 session whose clients all talk to one endpoint, or to AWS if that is None.

    It makes a service's client once, as that takes longer than most calls; with options it makes a
    new one each time.
    """

    def __init__(self, endpoint_url: str | None, **options: Any) -> None:
        self._made: dict[str, Any] = {}
        super().__init__(**options)
        self.endpoint_url = endpoint_url
        reads.remember(self)
        turns.keep(self)
        throttled.wait(self)

    @property
    def events(self) -> Any:
        """boto3's event hooks. What is registered here reaches clients that are made later, so each
        service then gets a new one."""
        self._made.clear()
        return super().events

    def client(self, *args: Any, **options: Any) -> Any:
        if options or len(args) != 1:
            return self._make(*args, **options)
        (service,) = args
        if service not in self._made:
            self._made[service] = self._make(service)
        return self._made[service]

    def _make(self, *args: Any, **options: Any) -> Any:
        make = partial(super().client, *args, **{"endpoint_url": self.endpoint_url, **options})
        return boto_settings.make(make, self._session.get_config_variable("config_file"))

    def resource(self, *args: Any, **options: Any) -> Any:
        return super().resource(*args, **{"endpoint_url": self.endpoint_url, **options})


def session(*, start: bool = True) -> Session:
    """A session for LAB_TARGET; on `local` this starts the local cloud, unless told not to.

    Raises SettingsError or TargetError with what to try.
    """
    chosen = settings.load()
    if chosen.target == "aws":
        return _aws_session(chosen)
    if chosen.endpoint_url is not None:
        return _at(chosen.endpoint_url, chosen.region)
    key = local.start(chosen.port) if start else local.find(chosen.port)
    if key is None:
        raise NoCloudError("No local cloud runs for this folder. Start one with `lab start`.")
    return _made_up(key.address, chosen.region, key.access_key_id, key.secret_access_key)


def _at(endpoint_url: str, region: str | None) -> Session:
    """A session for an address that was asked for: with the keys of its start if it is a local
    cloud of this user's, else with made-up ones."""
    key = local.key_at(endpoint_url)
    if key is None:
        local.refuse_another_users(endpoint_url)
        return _made_up(endpoint_url, region, "local", "local")
    return _made_up(endpoint_url, region, key.access_key_id, key.secret_access_key)


def to_name_things_only() -> Session:
    """A session for what is known without a cloud, such as names: where none of `local` runs.
    Nothing listens where its calls go."""
    return _made_up("http://127.0.0.1:9", settings.load().region, "local", "local")


@cache  # a new session reads AWS's service descriptions again: most of a chapter's time
def _made_up(endpoint_url: str, region: str | None, key_id: str, secret: str) -> Session:
    nothing = (None, None, os.devnull, None)  # no option, variable, value or converter
    alone = botocore.session.Session(
        # The learner's own profile and proxy do not matter for what is local.
        session_vars={
            "config_file": nothing,
            "credentials_file": nothing,
            "profile": (None, None, None, None),
        }
    )
    alone.set_default_client_config(Config(proxies={}))
    return Session(
        endpoint_url,
        botocore_session=alone,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        region_name=region,
    )


def _aws_session(chosen: Settings) -> Session:
    try:
        made = Session(chosen.endpoint_url, region_name=chosen.region)
        if made.region_name is None:
            raise TargetError("LAB_TARGET is aws, but there is no region: set AWS_REGION.")
        if made.get_credentials() is None:
            raise TargetError(
                "LAB_TARGET is aws, but there are no AWS credentials: run `aws configure` or "
                "`aws sso login`, or unset LAB_TARGET to work on this machine."
            )
        made.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise TargetError(
            f"LAB_TARGET is aws, but AWS cannot be used: {str(error).rstrip('.')}. Renew your "
            "credentials, or look at AWS_REGION, AWS_PROFILE and the connection, or unset "
            "LAB_TARGET to work on this machine."
        ) from None
    return made


def in_words(aws: boto3.Session) -> str:
    """What a session talks to: "AWS, account 123456789012, region us-east-1"."""
    url = getattr(aws, "endpoint_url", None)
    where = "AWS"
    if url:
        shown = printable(without_secrets(url))
        where = f"the local cloud at {shown}" if local.status(url) else shown
    return f"{where}, account {account_id(aws)}, region {aws.region_name}"


def account_id(aws: boto3.Session) -> str:
    """The id of the account that the session's credentials belong to."""
    return str(aws.client("sts").get_caller_identity()["Account"])


def invoke_url(aws: boto3.Session, api_id: str, stage: str, path: str) -> str:
    """Where a deployed method is reached: AWS gives each API a host, the local cloud a path."""
    endpoint_url = getattr(aws, "endpoint_url", None)
    if endpoint_url:
        return f"{endpoint_url}/restapis/{api_id}/{stage}/_user_request_{path}"
    return f"https://{api_id}.execute-api.{aws.region_name}.amazonaws.com/{stage}{path}"
