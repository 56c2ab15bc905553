"""The IAM user of a learner: what it is called, what it may do, and its one access key.

A learner on a laptop needs keys, so it is a user and no role. Its policy is the smallest one for
the chapters, on what has the learner's names. That policy is too long for a user's own policies
(2,048 characters in all), so it is a managed one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

import datetime
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3

from lab.aws import deletion
from lab.aws.inventory import Found, none_but_ours
from lab.aws.kinds import Kinds
from lab.aws.waiting import once_user_is_known
from lab.course import learner_policy
from lab.course.names import TUTORIAL, Names

PATH = f"/{TUTORIAL}/"
_MOST_VERSIONS = 5  # of a policy; AWS allows no more


@dataclass(frozen=True)
class AccessKey:
    """An access key, whose secret AWS tells only once. It is never printed."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"AccessKey({self.id[:4]}...)"


class User:
    """The user of the learner with these names, whether it is there or not."""

    def __init__(self, aws: boto3.Session, names: Names, account: str) -> None:
        self._region = str(aws.region_name)
        self._iam: Any = aws.client("iam")
        self._names = names
        self._account = account
        self._user = {"UserName": names.user}
        self._policy = {"PolicyArn": f"arn:aws:iam::{account}:policy{PATH}{names.user}"}
        kinds = Kinds(aws, names.tags)
        policy = kinds.policy("", "", names.user, PATH, account)
        self.resources = (policy, kinds.user("", "", names.user))  # in the order of making

    def make(self, known: AccessKey | None) -> AccessKey:
        """Make the user with its policy, or bring them up to date. Returns its only key: the one
        that is known, or a new one where that is none of its active keys. Raises NotOursError for a
        name of somebody else's."""
        none_but_ours(self.resources)
        self._make_policy()
        with suppress(self._iam.exceptions.EntityAlreadyExistsException):  # ours, as was seen above
            self._iam.create_user(**self._user, Path=PATH, Tags=self._tags())
        once_user_is_known(lambda: self._iam.attach_user_policy(**self._user, **self._policy))
        return once_user_is_known(lambda: self._only_key(known))

    def made_at(self) -> datetime.datetime | None:
        """When the user was made; None if there is none."""
        try:
            found: datetime.datetime = self._iam.get_user(**self._user)["User"]["CreateDate"]
        except self._iam.exceptions.NoSuchEntityException:
            return None
        return found

    def lock_out(self) -> None:
        """Delete the user's keys, so that nobody makes anything while all is deleted; not those of
        a user that is not ours."""
        _, user = self.resources
        if deletion.list_ours([user]):
            self._drop_keys_but("")

    def delete(self) -> list[Found]:
        """Delete the user and then the policy, if they are ours; returns what is left."""
        for found in deletion.list_ours(self.resources):
            found.resource.delete(found.id)
        return deletion.list_ours(self.resources)

    def _tags(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._names.tags.items()]

    def _make_policy(self) -> None:
        actions = learner_policy.recorded_actions()
        wanted = learner_policy.policy(self._names, self._account, self._region, actions)
        text = json.dumps(wanted, separators=(",", ":"))
        try:
            self._iam.create_policy(
                PolicyName=self._names.user, Path=PATH, PolicyDocument=text, Tags=self._tags()
            )
        except self._iam.exceptions.EntityAlreadyExistsException:
            self._update_policy(wanted, text)

    def _update_policy(self, wanted: dict[str, Any], text: str) -> None:
        """A newer edition of the tutorial, or another region, wants another policy."""
        versions = self._iam.list_policy_versions(**self._policy)["Versions"]
        default = next(each["VersionId"] for each in versions if each["IsDefaultVersion"])
        found = self._iam.get_policy_version(**self._policy, VersionId=default)
        if found["PolicyVersion"]["Document"] == wanted:
            return
        older = [each["VersionId"] for each in versions if not each["IsDefaultVersion"]]
        if len(versions) >= _MOST_VERSIONS:
            oldest = min(older, key=lambda version: int(version[1:]))  # "v12"
            self._iam.delete_policy_version(**self._policy, VersionId=oldest)
        self._iam.create_policy_version(**self._policy, PolicyDocument=text, SetAsDefault=True)

    def _only_key(self, known: AccessKey | None) -> AccessKey:
        if known and known.id in self._drop_keys_but(known.id):
            return known
        self._drop_keys_but("")
        made = self._iam.create_access_key(**self._user)["AccessKey"]
        return AccessKey(made["AccessKeyId"], made["SecretAccessKey"])

    def _drop_keys_but(self, kept: str) -> list[str]:
        """Delete the user's other keys; returns the ids of the active ones that stay."""
        keys = self._iam.list_access_keys(**self._user)["AccessKeyMetadata"]
        for key in keys:
            if key["AccessKeyId"] != kept:
                self._iam.delete_access_key(**self._user, AccessKeyId=key["AccessKeyId"])
        stay = (key for key in keys if key["AccessKeyId"] == kept)
        return [key["AccessKeyId"] for key in stay if key["Status"] == "Active"]
