"""Resources that are found by name: whose they are, and whether each is there once.

A name is not always unique: API Gateway lets many things share one, and a set-up that ran
twice at once, or whose reply was lost and whose call was repeated, made two. So everything
here finds all that have a name. What makes a resource ours are its tags.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from lab.aws import reads
from lab.errors import DuplicateError, NotOursError
from lab.here.shell import command

Tags = dict[str, str]


@dataclass(frozen=True)
class Resource:
    """A resource that a course makes, whether it exists now or not.

    `find_all` returns the ids (ARNs, URLs, ...) of all that have its name; `tags_of` and
    `delete` take one of them. Deleting what is gone already is no error. One that carries
    `our_tags` is ours. `chapter` is the number of the script that makes it, `cell` the tag of
    the cell. `needed` says whether the chapters that build on that one can do nothing without
    it, `shares_name` whether those of others may stand beside ours, `why` why it matters.
    """

    kind: str
    name: str
    chapter: str
    cell: str
    find_all: Callable[[], list[str]]
    tags_of: Callable[[str], Tags]
    delete: Callable[[str], object]
    our_tags: Tags = field(compare=False)
    needed: bool = True
    shares_name: bool = False
    why: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Found:
    """A resource that exists. `ours` says whether it carries our tags."""

    resource: Resource
    id: str
    ours: bool


def survey(resources: Iterable[Resource]) -> list[Found]:
    """All that exist, with whether they carry our tags; of one resource there may be several."""
    with reads.once_each():
        return [found for resource in resources for found in _found(resource)]


def _found(resource: Resource) -> Iterator[Found]:
    try:
        for resource_id in resource.find_all():
            theirs = resource.tags_of(resource_id)
            yield Found(resource, resource_id, resource.our_tags.items() <= theirs.items())
    except ClientError as error:
        if not is_missing(error):  # deleted between the two calls
            raise


def none_but_ours(resources: Iterable[Resource]) -> list[Found]:
    """Those of ours that exist. Raises NotOursError if one of our names belongs to somebody else,
    DuplicateError if something of ours is there more than once."""
    found = survey(resources)
    ours = [each for each in found if each.ours]
    if strangers := _strangers(found):
        raise NotOursError(
            f"Not made by this tutorial, as the tags say: {', '.join(strangers)}. Nothing was "
            "changed. Set LAB_PREFIX to get other names, or rename or delete it yourself."
        )
    for resource, count in Counter(each.resource for each in ours).items():
        if count > 1:
            raise DuplicateError(
                f"Expected 1 {resource}, found {count}, all of them ours. Nothing was changed. "
                f"`{command(f'reset {resource.chapter}')}` deletes them all, with what builds on "
                f"chapter {resource.chapter}; then run that chapter again."
            )
    return ours


def _strangers(found: list[Found]) -> list[str]:
    """What has one of our names without our tags, except what may stand beside ours."""
    ours = {str(each.resource) for each in found if each.ours and each.resource.shares_name}
    return list(
        dict.fromkeys(str(f.resource) for f in found if not f.ours and str(f.resource) not in ours)
    )


def is_one_of_ours(item: dict[str, Any], name: str, our_tags: Tags) -> bool:
    """Whether an entry of one of API Gateway's listings has this name and our tags."""
    return item.get("name") == name and our_tags.items() <= item.get("tags", {}).items()


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that what was asked for does not exist; each service has its own code."""
    code = error.response["Error"]["Code"]
    return any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist", "NoSuch"))


def is_not_served(error: ClientError) -> bool:
    """Whether a cloud that is not AWS says that it does not have this operation."""
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    said = code in ("InternalFailure", "NotImplemented", "UnknownOperationException", "501")
    return said or status in (405, 501) or (status == 404 and not is_missing(error))


def delete_step(step: Callable[[], object], there: Callable[[], bool] = lambda: True) -> None:
    """Do a step of a deletion. Where its reply was lost, boto3 has repeated it and met nothing
    to delete: what is gone is done, by the error's code or because it is not `there` any more."""
    try:
        step()
    except ClientError as error:
        if not is_missing(error) and there():
            raise
