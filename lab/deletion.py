"""Deletes what the chapters made, in the reverse order of making, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Collection

import boto3
from botocore.exceptions import ClientError

from lab.chapters import SET_UP
from lab.errors import WaitTimeoutError
from lab.inventory import Found, inventory, survey
from lab.waiting import wait_until


def list_ours(aws: boto3.Session, made_by: Collection[str] = SET_UP) -> list[Found]:
    """What the chapters of these numbers made and carries our tags, in the order of deleting."""
    wanted = [resource for resource in inventory(aws) if resource.chapter in made_by]
    return [found for found in survey(reversed(wanted)) if found.ours]


def tear_down(aws: boto3.Session, made_by: Collection[str] = SET_UP) -> list[Found]:
    """Delete what these chapters made and wait until it is gone; returns what is left all the same.

    What cannot be deleted does not keep the rest from being deleted; the reason goes to
    standard error.
    """
    for found in list_ours(aws, made_by):
        try:
            _delete(found)
            print(f"Deleted the {found.resource}.")
        except (ClientError, WaitTimeoutError) as error:
            print(f"The {found.resource} could not be deleted: {error}", file=sys.stderr)
    return list_ours(aws, made_by)


def _delete(found: Found) -> None:
    found.resource.delete(found.id)
    # Another resource may bear the same name; ours is gone when its id is.
    wait_until(lambda: found.resource.find() != found.id, f"{found.resource} is gone", timeout=300)
