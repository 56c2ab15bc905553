"""Errors that a user can fix, which are shown as one line instead of a traceback.

Every message of ours says where, what, and what to try. `lab/here/failures.py` shows them.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError


class LabError(Exception):
    """Something that the user can fix; the message says how."""


class SettingsError(LabError):
    """A setting has a value that cannot work."""


class TargetError(LabError):
    """The chosen target cannot be reached or used."""


class NoCloudError(TargetError):
    """No local cloud runs."""


class NoAnswerError(TargetError):
    """Something listens and does not answer, so it is not known what is there."""


class AccountError(LabError):
    """Something was about to change in an account that nobody has named."""


class NotOursError(LabError):
    """A resource has one of our names but not our tags."""


class DuplicateError(LabError):
    """Something of ours is there more than once, though its name should be unique."""


class LockedError(LabError):
    """Another process is setting up or tearing down the same cloud."""


class MissingStepError(LabError):
    """Something is missing that an earlier chapter makes."""


class UnknownChapterError(LabError):
    """There is no chapter with that number."""


class CourseError(LabError):
    """A file of the course lacks something; the message is for its author."""


class WaitTimeoutError(LabError):
    """What was waited for did not happen in time."""


class UnsolvedError(LabError):
    """An exercise is not solved, and what follows would make that impossible."""


class RosterError(LabError):
    """The roster of a class cannot be read, or names learners that cannot work."""


class ClassroomError(LabError):
    """What a class has in files cannot be used."""


class RefusedError(LabError):
    """An order was refused that should have been accepted."""


# What a user can fix. Exceptions such as `sqs.exceptions.QueueNameExists` are ClientErrors.
FIXABLE = (LabError, ClientError, BotoCoreError, HTTPError, ResponseParserError)
