"""Checkpoints: the whole state of the cloud, taken and restored in memory.

A checkpoint is one pickle of moto's backends and of our own state beside them. As it is one, what
two services share stays shared; as it is bytes, it does not change when the cloud does, and can be
restored as often as anyone likes. What cannot be pickled (locks, weak references) is made again.
All of it happens between two requests, so nothing in it is half done.

The state is what the cloud remembers, not what it is doing: on a restore, whatever is under way is
given up as on a reset. Times stay as they were, so a message that was hidden for a minute may be
visible by then. Warm workers stay with the functions that are as they were, which is what makes a
restore so much faster than setting everything up again.
"""

from __future__ import annotations

import io
import json
import pickle
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from types import FunctionType
from typing import Any
from weakref import WeakValueDictionary

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.sts.models import sts_backends

from localcloud import clock, losses, upstream
from localcloud.cloud import LocalCloud
from localcloud.http import Request, Response, json_response
from localcloud.upstream import ACCOUNT_ID

_ACTIONS = ("take", "restore", "drop")
_MOST = 20  # that a cloud holds: each is a copy of all that it remembers
_NAME = re.compile(r"[\w.-]{1,80}", re.ASCII)
_LOCKS: dict[type, Any] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
}
_UNPICKLABLE = (pickle.PickleError, AttributeError, TypeError, ValueError, RecursionError)

# What a checkpoint refers to and does not copy: moto's services, and what never changes and cannot
# be pickled, which are functions without a name and cryptographic keys.
_Outside = list[Any]
# Where a thing outside is: its number there, and for a backend its account and region.
_Place = tuple[Any, ...]


class RefusedError(Exception):
    """A request that cannot be granted, with the status of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Checkpoints:
    """The checkpoints of a cloud, by name. They outlive a reset."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._taken: dict[str, Checkpoint] = {}

    async def handle(self, request: Request) -> Response:
        """Answer `{"action": "take", "name": "chain"}`; the other actions are restore and drop."""
        try:
            action, name = _asked(request.body)
            if action == "take":
                await self._cloud.mailbox.written()
            getattr(self, action)(name)
        except RefusedError as refused:
            return json_response(refused.status, {"message": str(refused)})
        return json_response(200, {"checkpoints": self.names()})

    def names(self) -> list[str]:
        return sorted(self._taken)

    def take(self, name: str) -> None:
        """Take a checkpoint, in place of the one of that name if there is one."""
        if name not in self._taken and len(self._taken) >= _MOST:
            raise RefusedError(409, f"There are {_MOST} checkpoints; drop one. {self._known()}")
        self._taken[name] = Checkpoint(_saved(self._cloud))

    def restore(self, name: str) -> None:
        """Bring the cloud back to what it was."""
        _restore(self._cloud, self._find(name))

    def drop(self, name: str) -> None:
        """Forget a checkpoint."""
        self._find(name)
        del self._taken[name]

    def _find(self, name: str) -> Checkpoint:
        if name not in self._taken:
            raise RefusedError(404, f"There is no checkpoint {name!r}. {self._known()}")
        return self._taken[name]

    def _known(self) -> str:
        known = ", ".join(self.names())
        return f"There are: {known}." if known else "None was taken; take one first."


def _asked(body: bytes) -> tuple[str, str]:
    """The action and the name that a request asks for."""
    example = '{"action": "take", "name": "chain"}'
    try:
        found = json.loads(body)
        action, name = found["action"], found["name"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RefusedError(400, f"Expected a JSON object such as {example}.") from None
    if action not in _ACTIONS:
        text = f"action: expected one of {', '.join(_ACTIONS)}, found {action!r}."
        raise RefusedError(400, text)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = f"name: expected up to 80 letters, digits and ._- , found {name!r}."
        raise RefusedError(400, text)
    return action, name


def _saved(cloud: LocalCloud) -> dict[str, Any]:
    """What our own parts remember."""
    services = {name: service.saved() for name, service in cloud.services.items()}
    return {"services": services, "losses": losses.saved(), "speed": clock.speed}


def _restore(cloud: LocalCloud, checkpoint: Checkpoint) -> None:
    """Give up what is under way, put the checkpoint in the place of all that there is, and go on
    with what it has to do."""
    for service in cloud.services.values():
        service.pause()
    sessions = list(sts_backends[ACCOUNT_ID]["aws"].assumed_roles)
    cloud.sqs.reset()  # lets those go who wait for a message
    upstream.reset()
    ours = checkpoint.load()
    clock.speed = ours["speed"]
    losses.restore(ours["losses"])
    for name, saved in ours["services"].items():
        cloud.services[name].restore(saved)
    _keep_sessions(sessions, cloud.runtime.access_key_ids())


def _keep_sessions(before: list[Any], of_live_workers: set[str]) -> None:
    """The keys of live workers go on being valid, whenever they were made, and those of workers
    that are gone do not: what such a one has sent at last must not change the restored state."""
    backend = sts_backends[ACCOUNT_ID]["aws"]
    others = [each for each in backend.assumed_roles if not hasattr(each, "is_of_a_worker")]
    kept = [each for each in before if each.access_key_id in of_live_workers]
    backend.assumed_roles = others + kept


class Checkpoint:
    """What moto remembers, and beside it `ours`, which shares objects with it."""

    def __init__(self, ours: Any) -> None:
        # At a reset moto forgets which services are in use. These are the services themselves.
        self._outside: _Outside = list(BackendDict._instances)
        states = dict(_states(self._outside))
        self._places = list(states)
        self._pickled = self._dump(states, ours)

    def load(self) -> Any:
        """Give an empty moto the state of the checkpoint; returns `ours`."""
        for place in self._places:  # first, as moto lists some things in the order of services
            _at(place, self._outside)
        states, ours = _Reader(self._pickled, self._outside).load()
        for place, state in states.items():
            backend = _at(place, self._outside)
            vars(backend).clear()
            vars(backend).update(state)
        return ours

    def _dump(self, states: dict[_Place, Any], ours: Any) -> bytes:
        """Both as bytes. Raises RefusedError, which names the service, if that cannot be done."""
        try:
            return _copied((states, ours), self._outside)
        except _UNPICKLABLE as error:
            where = next(self._unpicklable(states), "the local cloud's own state")
            text = f"{where} holds something that cannot be copied: {error}. Delete it first."
            raise RefusedError(409, text) from None

    def _unpicklable(self, states: dict[_Place, Any]) -> Iterator[str]:
        for (number, _, region), state in states.items():
            try:
                _copied(state, list(self._outside))
            except _UNPICKLABLE:
                yield f"{self._outside[number].service_name} in {region}"


class _Writer(pickle.Pickler):
    """Writes backends by their place, so that each stays the one that moto finds there."""

    def __init__(self, file: io.BytesIO, outside: _Outside) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._outside = outside
        self._places = dict(_places(outside))

    def persistent_id(self, thing: Any) -> _Place | None:
        if isinstance(thing, BaseBackend | AccountSpecificBackend | BackendDict):
            return self._places.get(id(thing))
        return self._outside_place(thing) if _never_changes(thing) else None

    def reducer_override(self, thing: Any) -> Any:
        """How to make what has no state of its own that could be copied."""
        if type(thing) in _LOCKS:
            return _LOCKS[type(thing)], ()
        if isinstance(thing, WeakValueDictionary):
            return WeakValueDictionary, (), None, None, iter(thing.items())
        if isinstance(thing, defaultdict) and type(thing) is not defaultdict:
            state = vars(thing), {"default_factory": thing.default_factory}
            return _bare, (type(thing),), state, None, iter(thing.items())
        return NotImplemented

    def _outside_place(self, thing: Any) -> _Place:
        if id(thing) not in self._places:
            self._places[id(thing)] = (len(self._outside),)
            self._outside.append(thing)
        return self._places[id(thing)]


class _Reader(pickle.Unpickler):
    """Reads them as what is at that place at the moment."""

    def __init__(self, pickled: bytes, outside: _Outside) -> None:
        super().__init__(io.BytesIO(pickled))
        self._outside = outside

    def persistent_load(self, place: _Place) -> Any:
        return _at(place, self._outside)


def _bare(kind: Any) -> Any:
    """One without its `__init__`, which may want anything."""
    return kind.__new__(kind)


def _never_changes(thing: Any) -> bool:
    """Whether it is a key, or a function that cannot be found by its name. One with variables of
    another function is left out: those may be state."""
    if isinstance(thing, FunctionType):
        return "<" in thing.__qualname__ and thing.__closure__ is None
    return type(thing).__module__.startswith("cryptography.")


def _services(outside: _Outside) -> Iterator[tuple[int, Any]]:
    for number, thing in enumerate(outside):
        if isinstance(thing, BackendDict):
            yield number, thing


def _states(outside: _Outside) -> Iterator[tuple[_Place, dict[str, Any]]]:
    """What each backend remembers, with its place."""
    for number, service in _services(outside):
        for account, region, backend in service.iter_backends():
            yield (number, account, region), vars(backend)


def _places(outside: _Outside) -> Iterator[tuple[int, _Place]]:
    """The places of all backends and of what holds them, by their ids."""
    for number, service in _services(outside):
        yield id(service), (number,)
        for account, regions in service.items():
            yield id(regions), (number, account)
            for region, backend in regions.items():
                yield id(backend), (number, account, region)


def _copied(thing: Any, outside: _Outside) -> bytes:
    """A copy as bytes, of which it is known that they can be read again."""
    file = io.BytesIO()
    _Writer(file, outside).dump(thing)
    _Reader(file.getvalue(), outside).load()
    return file.getvalue()


def _at(place: _Place, outside: _Outside) -> Any:
    found: Any = outside
    for key in place:
        found = found[key]
    return found
