"""The file with which a learner works: prefix, address, account and an access key.

It is shell and nothing else, so that a learner can read it and load it. Only its owner may read it,
and it is never printed.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path

import boto3

from lab.classroom.roster import Learner
from lab.classroom.user import AccessKey
from lab.errors import ClassroomError
from localcloud.host import private

_USE = """\
# For {name} only. In the tutorial's folder, before anything else: set -a; . {path}; set +a
"""


def path_of(folder: Path, learner: Learner) -> Path:
    return folder / f"{learner.name}.env"


def known_key(path: Path) -> AccessKey | None:
    """The access key in a file; None if there is none with its secret. Raises ClassroomError for a
    file that others may read or that cannot be used."""
    try:
        found = _values(private.read(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from None
    key_id, secret = (found.get(f"AWS_{part}") for part in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    return AccessKey(key_id, secret) if key_id and secret else None


def write(path: Path, learner: Learner, aws: boto3.Session, account: str, key: AccessKey) -> None:
    """Write the file with mode 600. Raises ClassroomError."""
    endpoint_url = getattr(aws, "endpoint_url", None)
    values = {
        "LAB_TARGET": "aws",
        "LAB_PREFIX": learner.name,
        "LAB_EMAIL": learner.email,
        "LAB_ACCOUNT": account,
        "AWS_REGION": aws.region_name,
        "AWS_DEFAULT_REGION": aws.region_name,
        "AWS_ACCESS_KEY_ID": key.id,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {}),
    }
    lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in values.items()]
    head = _USE.format(name=learner.name, path=shlex.quote(f"./{path.name}"))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private.write(path, head + "".join(lines))
    except OSError as error:
        raise _unusable(path, error) from None


def forget(path: Path) -> None:
    """Delete the file, whose key is gone. Raises ClassroomError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(path, error) from None


def _values(text: str) -> dict[str, str]:
    """What a shell would make of the file; nothing of a line that somebody broke."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        with suppress(ValueError):
            found[name] = "".join(shlex.split(value))
    return found


def _unusable(path: Path, error: OSError) -> ClassroomError:
    return ClassroomError(f"{path} cannot be used: {error.strerror}. Correct that, or delete it.")
