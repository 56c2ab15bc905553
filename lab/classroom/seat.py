"""A learner's seat in the account: the user, the file with its key, and the chain.

What is done for one learner can fail without the others hearing of it; the result says why.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from lab.aws.inventory import survey
from lab.classroom import credentials
from lab.classroom.process import Ended, Processes
from lab.classroom.roster import Learner
from lab.classroom.user import User
from lab.course import inbox
from lab.course.names import Names
from lab.engine.display import printable
from lab.errors import FIXABLE
from lab.here.last_error import without_secrets


@dataclass(frozen=True)
class Result:
    """What was done for a learner, and what is wrong; `problem` is "" where nothing is."""

    learner: Learner
    done: str
    problem: str
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "learner": self.learner.name,
            "prefix": self.learner.prefix,
            "done": self.done,
            "problem": self.problem,
            "seconds": round(self.seconds, 1),
        }


class ProblemError(Exception):
    """Why a learner's seat is not as it should be, after what was `done`."""

    def __init__(self, problem: str, done: str = "") -> None:
        super().__init__(problem)
        self.done = done


class Seats:
    """Makes and clears seats, whose files are in `folder`."""

    def __init__(
        self, aws: boto3.Session, account: str, folder: Path, processes: Processes
    ) -> None:
        self._aws = aws
        self._account = account
        self._folder = folder
        self._processes = processes
        self._making = threading.Lock()  # boto3's sessions are not for several threads, clients are

    def make(self, learner: Learner) -> Result:
        """A user with its policy, a key and the file."""
        return _result(learner, lambda: self._make_user(learner))

    def make_with_chain(self, learner: Learner) -> Result:
        """The same, and the chapters that set up."""
        return _result(learner, lambda: f"{self._make_user(learner)}, {self._set_up(learner)}")

    def clear(self, learner: Learner) -> Result:
        """Delete the keys, the chain, the user and the file. The keys go first, so that nobody
        makes anything meanwhile; the user goes last, as its age is the seat's."""
        return _result(learner, lambda: self._clear(learner))

    def things(self, learner: Learner) -> list[str]:
        """What there is of the chain, the user, the policy and the file, in words."""
        path = credentials.path_of(self._folder, learner)
        ended = self._run(learner, "down", "--dry-run")
        chain = len(ended.said["to_delete"]) if ended.said else 0
        found = [f"{chain} of the chain"] * bool(chain)
        found += [str(each.resource) for each in survey(self.user(learner).resources) if each.ours]
        return [*found, *([str(path)] if path.exists() else [])]

    def user(self, learner: Learner) -> User:
        """The learner's user, whether it is there or not."""
        with self._making:
            return User(self._aws, Names(learner.prefix), self._account)

    def _make_user(self, learner: Learner) -> str:
        path = credentials.path_of(self._folder, learner)
        known = credentials.known_key(path)
        key = self.user(learner).make(known)
        credentials.write(path, learner, self._aws, self._account, key)
        return f"{'key stays' if key == known else 'new key'} in {path}"

    def _set_up(self, learner: Learner) -> str:
        ended = self._run(learner, "up", "--account", self._account)
        said = ended.said or {}
        wrong = [each["what"] for each in said.get("wrong", [])]
        mails = [what for what in wrong if what in inbox.wait_for_a_mail(Names(learner.prefix))]
        if "made" not in said or len(mails) < len(wrong):
            raise ProblemError(_why(ended), "user and key")
        chain = f"chain of {len(said['stood']) + len(said['made'])}"
        return f"{chain}; {len(mails)} mails to open" if mails else chain

    def _clear(self, learner: Learner) -> str:
        user = self.user(learner)
        user.lock_out()
        ended = self._run(learner, "down", "--yes", "--account", self._account)
        if ended.status or ended.said is None:
            raise ProblemError(_why(ended), "keys deleted")
        if left := user.delete():
            raise ProblemError(f"{left[0].resource} is still there", "chain deleted")
        credentials.forget(credentials.path_of(self._folder, learner))
        return f"{len(ended.said['deleted'])} of the chain deleted"

    def _run(self, learner: Learner, *arguments: str) -> Ended:
        return self._processes.run(learner.prefix, learner.email, *arguments)


def _result(learner: Learner, do: Callable[[], str]) -> Result:
    started = time.monotonic()
    try:
        done, problem = do(), ""
    except ProblemError as error:
        done, problem = error.done, str(error)
    except FIXABLE as error:
        done, problem = "", f"{type(error).__name__}: {error}"
    shown = printable(without_secrets(problem))
    return Result(learner, done, shown, time.monotonic() - started)


def _why(ended: Ended) -> str:
    """What is wrong first, or the last words of a command that could not say so."""
    said = ended.said or {}
    if wrong := said.get("wrong"):
        return f"{wrong[0]['what']}: {wrong[0]['wrong']}"
    if left := said.get("left"):
        return f"{left[0]['kind']} {left[0]['name']} is still there. {ended.words}"
    return ended.words or f"`lab` ended with status {ended.status}."
