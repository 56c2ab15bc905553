"""A class on one server: how far each of its users is, and what their local clouds take."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import psutil

from lab.classroom import standing
from lab.classroom.process import Processes, side_by_side
from lab.classroom.standing import Memory, Standing
from lab.here import clouds
from lab.here.clouds import RunningCloud


@dataclass(frozen=True)
class Place:
    """A user's local cloud: how far they are there, where it is, and what it takes. Without an
    address they have none."""

    standing: Standing
    address: str = ""
    folder: str = ""
    megabytes: float = 0.0
    processes: int = 0

    def as_dict(self) -> dict[str, Any]:
        of_cloud = ("address", "folder", "megabytes", "processes")
        return {**self.standing.as_dict(), **{name: getattr(self, name) for name in of_cloud}}


def look(users: Collection[str], running: Processes, count: int) -> list[Place]:
    """The clouds of these users, or of all that one may look at. Raises TargetError for a user
    whom one may not look at."""
    found = clouds.running(users)
    several = Counter(cloud.user for cloud in found)

    def place(cloud: RunningCloud) -> Place:
        name = cloud.user if several[cloud.user] == 1 else f"{cloud.user} {cloud.folder}"
        return _place(name, cloud, running)

    places = [done for _, done in side_by_side(count, found, place)]
    places += [
        Place(Standing(user, problem="no local cloud runs")) for user in users if not several[user]
    ]
    places.sort(key=lambda each: each.standing.learner)
    dated = Memory(platform.node(), "local").since([each.standing for each in places])
    return [replace(each, standing=known) for each, known in zip(places, dated, strict=True)]


def _place(name: str, cloud: RunningCloud, running: Processes) -> Place:
    known = standing.of(name, running.run_on(cloud, "check"))
    try:
        size, processes = clouds.takes(cloud.process)
    except psutil.Error:
        return Place(Standing(name, problem="it has just ended"))
    return Place(known, cloud.address, cloud.folder, round(size / 1e6, 1), processes)
