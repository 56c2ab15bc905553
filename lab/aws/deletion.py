"""Deletes resources of ours, in the reverse order of making, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lab.aws.inventory import Found, Resource, delete_step, survey
from lab.aws.waiting import NotYetError, wait_until
from lab.engine.display import counter, printable
from lab.errors import FIXABLE, WaitTimeoutError
from lab.here.lock import set_up_lock

_GONE_SECONDS = 300.0  # until what was deleted is listed no more
_Key = tuple[str, str]


def list_ours(resources: Sequence[Resource]) -> list[Found]:
    """Those that exist and carry our tags, in the order of deleting: the last one made first."""
    return [found for found in survey(reversed(resources)) if found.ours]


def tear_down(resources: Sequence[Resource], found: Sequence[Found] | None = None) -> list[Found]:
    """Delete what is ours of these and wait until it is gone; returns what is left all the same.

    `found` is what was listed just before, if anything was. Lists and deletes while there is
    something that was not tried yet. What cannot be deleted does not keep the rest from being
    deleted; the reason goes to standard error. LockedError is raised while another set-up or
    teardown is at work.
    """
    with set_up_lock():
        return _Teardown(resources).run(found)


class _Teardown:
    """One teardown: what it tried to delete, and what it deleted."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = resources
        self._tried: set[_Key] = set()
        self._deleted: set[_Key] = set()

    def run(self, found: Sequence[Found] | None) -> list[Found]:
        left = list_ours(self._resources) if found is None else list(found)
        while untried := [each for each in left if _key(each) not in self._tried]:
            with counter("Deleting", len(untried)) as advance:
                for each in untried:
                    self._try_to_delete(each)
                    advance(1)
            left = self._list_what_is_left()
        return left

    def _list_what_is_left(self) -> list[Found]:
        """What is listed once nothing is that was deleted. AWS may list that for a minute, even
        after a look that did not show it."""
        seen: list[Found] = []

        def look() -> bool:
            seen[:] = list_ours(self._resources)
            if gone := [each for each in seen if _key(each) in self._deleted]:
                raise NotYetError(f"{gone[0].id} is still listed.")
            return True

        try:
            wait_until(look, "what was deleted is gone", timeout=_GONE_SECONDS)
        except WaitTimeoutError as error:
            print(printable(str(error)), file=sys.stderr)
        return seen

    def _try_to_delete(self, found: Found) -> None:
        self._tried.add(_key(found))
        try:
            _delete(found)
        except FIXABLE as error:
            reason = printable(str(error))
            print(f"The {found.resource} could not be deleted: {reason}", file=sys.stderr)
        else:
            self._deleted.add(_key(found))
            print(f"Deleted the {found.resource}.")


def _key(found: Found) -> _Key:
    return str(found.resource), found.id


def _delete(found: Found) -> None:
    def there() -> bool:  # another one may have the same name; ours is gone when its id is
        return found.id in found.resource.find_all()

    delete_step(lambda: found.resource.delete(found.id), there)
