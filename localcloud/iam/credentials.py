"""Whose access key it is: the key of the start, an IAM user's key, or one from STS.

The start's key is the user's own and may do everything. STS makes keys for roles (functions get
them, too) and for federated users. Those come with a token, and expire.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from moto.iam.models import AccessKey, User, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from localcloud import clock
from localcloud.host.start_key import StartKey
from localcloud.upstream import ACCOUNT_ID


@dataclass(frozen=True)
class Credentials:
    """A secret, the token that must come with it, and when it expires."""

    secret: str
    token: str | None = None
    expires: datetime | None = None

    @property
    def have_expired(self) -> bool:
        return self.expires is not None and self.expires < clock.now()


class KnownCredentials:
    """Finds credentials and their owners by access key id."""

    def __init__(self, start_key: StartKey) -> None:
        self._start = start_key
        # moto has them in a list; here they are by access key id.
        self._listed: list[AssumedRole] = []
        self._sessions: dict[str, AssumedRole] = {}

    def find(self, access_key_id: str) -> Credentials | None:
        """The credentials with this access key id, or None if there are none."""
        if access_key_id == self._start.access_key_id:
            return Credentials(self._start.secret_access_key)
        if session := self.session(access_key_id):
            return Credentials(session.secret_access_key, session.session_token, session.expiration)
        key = self._key_of_a_user(access_key_id)
        return None if key is None else Credentials(key.secret_access_key)

    def session(self, access_key_id: str) -> AssumedRole | None:
        """The session of a role or federated user that STS gave this access key id to."""
        listed = sts_backends[ACCOUNT_ID]["aws"].assumed_roles
        if listed is not self._listed:  # the cloud was reset
            self._listed, self._sessions = listed, {}
        for session in listed[len(self._sessions) :]:
            self._sessions[session.access_key_id] = session
        return self._sessions.get(access_key_id)

    def user(self, access_key_id: str) -> User | None:
        """The IAM user that has this access key."""
        key = self._key_of_a_user(access_key_id)
        return None if key is None else iam_backends[ACCOUNT_ID]["aws"].users.get(key.user_name)

    def _key_of_a_user(self, access_key_id: str) -> AccessKey | None:
        key = iam_backends[ACCOUNT_ID]["aws"].access_keys.get(access_key_id)
        return key if key is not None and key.user_name and key.status == "Active" else None
