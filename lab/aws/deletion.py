"""Deletes resources of ours, in the reverse order of making, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lab.aws.inventory import Found, Resource, delete_step, survey
from lab.aws.waiting import NotYetError, wait_until
from lab.engine.display import counter, printable
from lab.errors import FIXABLE
from lab.here.lock import set_up_lock


def list_ours(resources: Sequence[Resource]) -> list[Found]:
    """Those that exist and carry our tags, in the order of deleting: the last one made first."""
    return [found for found in survey(reversed(resources)) if found.ours]


def tear_down(resources: Sequence[Resource]) -> list[Found]:
    """Delete what is ours of these and wait until it is gone; returns what is left all the same.

    Lists and deletes while there is something that was not tried yet. What cannot be deleted does
    not keep the rest from being deleted; the reason goes to standard error. LockedError is raised
    while another set-up or teardown is at work.
    """
    with set_up_lock():
        return _delete_while_there_is_one(resources)


def _delete_while_there_is_one(resources: Sequence[Resource]) -> list[Found]:
    tried: set[tuple[str, str]] = set()
    while True:
        left = list_ours(resources)
        untried = [found for found in left if _key(found) not in tried]
        if not untried:
            return left
        with counter("Deleting", len(untried)) as advance:
            for found in untried:
                tried.add(_key(found))
                _try_to_delete(found)
                advance(1)


def _key(found: Found) -> tuple[str, str]:
    return str(found.resource), found.id


def _try_to_delete(found: Found) -> None:
    try:
        _delete(found)
        print(f"Deleted the {found.resource}.")
    except FIXABLE as error:
        reason = printable(str(error))
        print(f"The {found.resource} could not be deleted: {reason}", file=sys.stderr)


def _delete(found: Found) -> None:
    def there() -> bool:  # another one may have the same name; ours is gone when its id is
        return found.id in found.resource.find_all()

    delete_step(lambda: found.resource.delete(found.id), there)

    def gone() -> bool:
        if there():
            raise NotYetError(f"{found.id} is still listed.")
        return True

    wait_until(gone, f"{found.resource} is gone", timeout=300)
