"""Everything that the tutorial makes: how to find it, whose it is, and how to delete it.

One list serves teardown, checks and tests. Its order is the order of making; teardown goes
through it backwards. What hangs on another resource and goes with it has no entry of its
own: inline policies with their role, methods, models and stages with their API, the
subscription by e-mail with its topic. A permission and a subscription that a later chapter
adds have one, so that this chapter can be undone alone; they cannot carry tags, and are
ours when what they hang on is.

A name is not always unique: API Gateway lets many things share one, and a set-up that ran
twice at once, or whose reply was lost and whose call was repeated, made two. So everything
here finds all that bear a name.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lab.aws.waiting import wait_until
from lab.course.chapters import CHAPTERS
from lab.course.names import Names, names, tags
from lab.errors import DuplicateError, MissingStepError, NotOursError, WaitTimeoutError
from lab.here.folders import ROOT
from lab.here.lock import hold_if_a_script
from lab.here.shell import command

Tags = dict[str, str]
TOPIC_STATEMENT = "orders-topic"  # in the policy of record_order
_LAST_BATCH_SECONDS = 20  # longer than notify_fulfillment may take


@dataclass(frozen=True)
class Resource:
    """A resource that the tutorial makes, whether it exists now or not.

    `find_all` returns the ids (ARNs, URLs, ...) of all that bear its name; `tags_of` and
    `delete` take one of them. Deleting what is gone already is no error. `chapter` is the
    number of the script that makes it, `cell` the tag of the cell. `needed` says whether the
    chapters that build on that one can do nothing without it, `shares_name` whether those of
    others may stand beside ours.
    """

    kind: str
    name: str
    chapter: str
    cell: str
    find_all: Callable[[], list[str]]
    tags_of: Callable[[str], Tags]
    delete: Callable[[str], object]
    needed: bool = True
    shares_name: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Found:
    """A resource that exists. `ours` says whether it carries our tags."""

    resource: Resource
    id: str
    ours: bool


def inventory(aws: boto3.Session) -> tuple[Resource, ...]:
    """Every resource of one learner, in the order of making."""
    return _inventory(aws, names())


@lru_cache(maxsize=4)  # clients take longer to make than all the questions that they ask
def _inventory(aws: boto3.Session, n: Names) -> tuple[Resource, ...]:
    region = aws.region_name
    kinds = _Kinds(aws)
    return (
        kinds.queue("00", "queue-dead-letters", n.queue_dead_letters),
        kinds.queue("00", "queue", n.queue),
        kinds.topic("00", "stakeholders-topic", n.stakeholders),
        kinds.log_group("00", "log-group", n.log_group(n.take_order)),
        kinds.role("00", "role", n.role(n.take_order, region)),
        kinds.function("00", "function", n.take_order),
        kinds.rest_api("00", "api", n.api),
        kinds.usage_plan("00", "usage-plan", n.usage_plan),
        kinds.api_key("00", "api-key", n.api_key),
        kinds.topic("01", "topic", n.topic),
        kinds.subscription_by_email("01", "stakeholders-email", n.stakeholders),
        kinds.log_group("01", "log-group", n.log_group(n.notify_fulfillment)),
        kinds.role("01", "role", n.role(n.notify_fulfillment, region)),
        kinds.function("01", "function", n.notify_fulfillment),
        kinds.table("02", "table", n.table),
        kinds.queue("02", "function-dead-letters", n.function_dead_letters),
        kinds.log_group("02", "log-group", n.log_group(n.record_order)),
        kinds.role("02", "role", n.role(n.record_order, region)),
        kinds.function("02", "function", n.record_order),
        kinds.permission("03", "permission", n.topic, n.record_order),
        kinds.queue("03", "topic-dead-letters", n.topic_dead_letters),
        kinds.subscription("03", "subscription", n.topic, n.record_order),
        kinds.event_source_mapping("03", "trigger", n.queue, n.notify_fulfillment),
    )


def survey(resources: Iterable[Resource]) -> Iterator[Found]:
    """All that exist, with whether they carry our tags; of one resource there may be several."""
    for resource in resources:
        yield from _found(resource)


def _found(resource: Resource) -> Iterator[Found]:
    ours = tags().items()
    try:
        for resource_id in resource.find_all():
            theirs = resource.tags_of(resource_id)
            yield Found(resource, resource_id, ours <= theirs.items())
    except ClientError as error:
        if not is_missing(error):  # deleted between the two calls
            raise


def none_but_ours(resources: Iterable[Resource]) -> list[Found]:
    """Those of ours that exist. Raises NotOursError if one of our names belongs to somebody else,
    DuplicateError if something of ours is there more than once."""
    found = list(survey(resources))
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
    """What bears one of our names and not our tags, but for what may stand beside ours."""
    ours = {str(each.resource) for each in found if each.ours and each.resource.shares_name}
    return list(
        dict.fromkeys(str(f.resource) for f in found if not f.ours and str(f.resource) not in ours)
    )


def function_policy(lambda_: Any, function: str) -> list[dict[str, Any]]:
    """The statements of a function's resource policy; none if it has no policy, or is missing."""
    try:
        policy = json.loads(lambda_.get_policy(FunctionName=function)["Policy"])
    except lambda_.exceptions.ResourceNotFoundException:
        return []
    return list(policy["Statement"])


def is_ours(item: dict[str, Any], name: str) -> bool:
    """Whether an entry of one of API Gateway's listings has this name and our tags."""
    return item.get("name") == name and tags().items() <= item.get("tags", {}).items()


def check_ground(aws: boto3.Session, number: str) -> None:
    """Stop the chapter with this number before it makes anything if it cannot work.

    Raises NotOursError if one of our names belongs to somebody else, DuplicateError if there are
    two where one is wanted, MissingStepError if something is missing that one of the chapters
    makes that it builds on. A script that makes or breaks something holds the lock of set-up from
    here to its end: LockedError.
    """
    if CHAPTERS[number].changes:
        hold_if_a_script(ROOT / "scripts")
    resources = inventory(aws)
    there = {str(found.resource) for found in none_but_ours(resources)}
    for resource in (r for r in resources if r.needed):
        if resource.chapter in CHAPTERS[number].builds_on and str(resource) not in there:
            raise MissingStepError(
                f"Chapter {number} builds on chapter {resource.chapter}, but there is no "
                f"{resource} yet: run {CHAPTERS[resource.chapter].stem} first, or "
                f"`{command(f'goto {number}')}`, which runs all that has to come before."
            )


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that what was asked for does not exist; each service has its own code."""
    code = error.response["Error"]["Code"]
    return any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist", "NoSuch"))


def delete_step(step: Callable[[], object], there: Callable[[], bool] = lambda: True) -> None:
    """Do a step of a deletion. Where its reply was lost, boto3 has repeated it and met nothing
    to delete: what is gone is done, by the error's code or because it is not `there` any more."""
    try:
        step()
    except ClientError as error:
        if not is_missing(error) and there():
            raise


def _all(pages: Iterable[Any], key: str, wanted: Callable[[Any], bool]) -> list[Any]:
    """The entries of a paginated listing that are wanted."""
    return [item for page in pages for item in page[key] if wanted(item)]


def _if_there(look: Callable[[], Any], missing: type[ClientError]) -> list[str]:
    """The id of what bears a name that AWS keeps unique, if there is such a thing."""
    try:
        return [str(look())]
    except missing:
        return []


def _as_dict(pairs: list[dict[str, str]]) -> Tags:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _is_confirmed(subscription: dict[str, Any]) -> bool:
    """Whether a subscription can be deleted: while it is pending it has no ARN."""
    return bool(subscription["SubscriptionArn"].startswith("arn:"))


class _Kinds:
    """Makes the entry for a resource of each kind."""

    def __init__(self, aws: boto3.Session) -> None:
        self._apigateway: Any = aws.client("apigateway")
        self._dynamodb: Any = aws.client("dynamodb")
        self._iam: Any = aws.client("iam")
        self._lambda: Any = aws.client("lambda")
        self._logs: Any = aws.client("logs")
        self._sns: Any = aws.client("sns")
        self._sqs: Any = aws.client("sqs")

    def log_group(self, chapter: str, cell: str, name: str) -> Resource:
        logs = self._logs

        def find_all() -> list[str]:
            pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            groups = _all(pages, "logGroups", lambda g: g["logGroupName"] == name)
            return [group["arn"].removesuffix(":*") for group in groups]

        def tags_of(arn: str) -> Tags:
            return dict(logs.list_tags_for_resource(resourceArn=arn)["tags"])

        def delete(_: str) -> None:
            delete_step(lambda: logs.delete_log_group(logGroupName=name))

        return Resource("log group", name, chapter, cell, find_all, tags_of, delete)

    def role(self, chapter: str, cell: str, name: str) -> Resource:
        iam = self._iam

        def find_all() -> list[str]:
            missing = iam.exceptions.NoSuchEntityException
            return _if_there(lambda: iam.get_role(RoleName=name)["Role"]["Arn"], missing)

        def tags_of(_: str) -> Tags:
            return _as_dict(iam.list_role_tags(RoleName=name)["Tags"])

        def delete(_: str) -> None:
            role = {"RoleName": name}
            for policy in iam.list_role_policies(**role)["PolicyNames"]:
                delete_step(partial(iam.delete_role_policy, **role, PolicyName=policy))
            for policy in iam.list_attached_role_policies(**role)["AttachedPolicies"]:
                arn = policy["PolicyArn"]
                delete_step(partial(iam.detach_role_policy, **role, PolicyArn=arn))
            delete_step(lambda: iam.delete_role(**role))

        return Resource("IAM role", name, chapter, cell, find_all, tags_of, delete)

    def queue(self, chapter: str, cell: str, name: str) -> Resource:
        sqs = self._sqs

        def find_all() -> list[str]:
            missing = sqs.exceptions.QueueDoesNotExist
            return _if_there(lambda: sqs.get_queue_url(QueueName=name)["QueueUrl"], missing)

        def tags_of(url: str) -> Tags:
            return dict(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}))

        def delete(url: str) -> None:
            delete_step(lambda: sqs.delete_queue(QueueUrl=url))

        return Resource("SQS queue", name, chapter, cell, find_all, tags_of, delete)

    def function(self, chapter: str, cell: str, name: str) -> Resource:
        lambda_ = self._lambda

        def find_all() -> list[str]:
            missing = lambda_.exceptions.ResourceNotFoundException
            look = partial(lambda_.get_function_configuration, FunctionName=name)
            return _if_there(lambda: look()["FunctionArn"], missing)

        def tags_of(arn: str) -> Tags:
            return dict(lambda_.list_tags(Resource=arn)["Tags"])

        def delete(_: str) -> None:
            delete_step(lambda: lambda_.delete_function(FunctionName=name))

        return Resource("Lambda function", name, chapter, cell, find_all, tags_of, delete)

    def event_source_mapping(self, chapter: str, cell: str, queue: str, function: str) -> Resource:
        lambda_ = self._lambda

        def find_all() -> list[str]:
            pages = lambda_.get_paginator("list_event_source_mappings").paginate()
            mappings = _all(pages, "EventSourceMappings", wanted)
            return [mapping["UUID"] for mapping in mappings]

        def wanted(mapping: Any) -> bool:
            from_queue = mapping.get("EventSourceArn", "").endswith(f":{queue}")
            return from_queue and bool(mapping["FunctionArn"].endswith(f":{function}"))

        def tags_of(uuid: str) -> Tags:
            arn = lambda_.get_event_source_mapping(UUID=uuid)["EventSourceMappingArn"]
            return dict(lambda_.list_tags(Resource=arn)["Tags"])

        def delete(uuid: str) -> None:
            with suppress(lambda_.exceptions.ResourceInUseException):  # on its way already
                delete_step(lambda: lambda_.delete_event_source_mapping(UUID=uuid))
            what = f"the trigger of {function} is gone"
            wait_until(lambda: uuid not in find_all(), what, timeout=300)
            # A batch that is under way is published to whoever is subscribed at that moment: what
            # stands behind the function must not go before. What has failed is in hand for longer.
            with suppress(WaitTimeoutError):
                what = f"{function} is done with its last batch"
                wait_until(lambda: not in_hand(), what, timeout=_LAST_BATCH_SECONDS)

        def in_hand() -> int:
            try:
                url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            except self._sqs.exceptions.QueueDoesNotExist:
                return 0
            hidden = "ApproximateNumberOfMessagesNotVisible"
            found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[hidden])
            return int(found["Attributes"][hidden])

        name = f"{queue} to {function}"
        return Resource("event source mapping", name, chapter, cell, find_all, tags_of, delete)

    def topic(self, chapter: str, cell: str, name: str) -> Resource:
        sns = self._sns

        def find_all() -> list[str]:
            pages = sns.get_paginator("list_topics").paginate()
            topics = _all(pages, "Topics", lambda t: t["TopicArn"].endswith(f":{name}"))
            return [topic["TopicArn"] for topic in topics]

        def tags_of(arn: str) -> Tags:
            return _as_dict(sns.list_tags_for_resource(ResourceArn=arn)["Tags"])

        def delete(arn: str) -> None:
            pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
            for subscription in _all(pages, "Subscriptions", _is_confirmed):
                subscription_arn = subscription["SubscriptionArn"]
                delete_step(partial(sns.unsubscribe, SubscriptionArn=subscription_arn))
            delete_step(lambda: sns.delete_topic(TopicArn=arn))

        return Resource("SNS topic", name, chapter, cell, find_all, tags_of, delete)

    def subscription(self, chapter: str, cell: str, topic: str, function: str) -> Resource:
        def wanted(subscription: Any) -> bool:
            return bool(subscription["Endpoint"].endswith(f":function:{function}"))

        return self._subscription(chapter, cell, topic, function, wanted)

    def subscription_by_email(self, chapter: str, cell: str, topic: str) -> Resource:
        """One that is confirmed: before that it has no ARN, and cannot be deleted."""

        def wanted(subscription: Any) -> bool:
            return subscription["Protocol"] == "email" and _is_confirmed(subscription)

        found = self._subscription(chapter, cell, topic, "e-mail", wanted)
        return replace(found, needed=False)

    def _subscription(
        self, chapter: str, cell: str, topic: str, listener: str, wanted: Callable[[Any], bool]
    ) -> Resource:
        sns = self._sns
        parent = self.topic(chapter, cell, topic)

        def find_all() -> list[str]:
            listing = sns.get_paginator("list_subscriptions_by_topic").paginate
            pages = (page for arn in parent.find_all() for page in listing(TopicArn=arn))
            return [found["SubscriptionArn"] for found in _all(pages, "Subscriptions", wanted)]

        def tags_of(arn: str) -> Tags:
            return parent.tags_of(arn.rpartition(":")[0])

        def delete(arn: str) -> None:
            delete_step(lambda: sns.unsubscribe(SubscriptionArn=arn))

        name = f"{topic} to {listener}"
        return Resource("subscription", name, chapter, cell, find_all, tags_of, delete)

    def permission(self, chapter: str, cell: str, topic: str, function: str) -> Resource:
        lambda_ = self._lambda
        parent = self.function(chapter, cell, function)

        def find_all() -> list[str]:
            statements = function_policy(lambda_, function)
            return [s["Sid"] for s in statements if s.get("Sid") == TOPIC_STATEMENT]

        def tags_of(_: str) -> Tags:
            return next(map(parent.tags_of, parent.find_all()), {})

        def delete(sid: str) -> None:
            remove = lambda_.remove_permission
            delete_step(lambda: remove(FunctionName=function, StatementId=sid))

        name = f"of {topic} to invoke {function}"
        return Resource("permission", name, chapter, cell, find_all, tags_of, delete)

    def table(self, chapter: str, cell: str, name: str) -> Resource:
        dynamodb = self._dynamodb

        def find_all() -> list[str]:
            missing = dynamodb.exceptions.ResourceNotFoundException
            look = partial(dynamodb.describe_table, TableName=name)
            return _if_there(lambda: look()["Table"]["TableArn"], missing)

        def tags_of(arn: str) -> Tags:
            return _as_dict(dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"])

        def delete(_: str) -> None:
            status = dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
            if status != "DELETING":
                dynamodb.get_waiter("table_exists").wait(TableName=name)  # not while CREATING
                delete_step(lambda: dynamodb.delete_table(TableName=name))

        return Resource("DynamoDB table", name, chapter, cell, find_all, tags_of, delete)

    def rest_api(self, chapter: str, cell: str, name: str) -> Resource:
        def delete(api_id: str) -> None:
            # AWS allows one deletion in 30 seconds for the whole account.
            wait_until(
                lambda: self._try_to_delete_api(api_id),
                f"API Gateway lets us delete the REST API {name}",
                timeout=1200,  # a room of thirty
            )

        return self._listed("REST API", "get_rest_apis", chapter, cell, name, delete)

    def usage_plan(self, chapter: str, cell: str, name: str) -> Resource:
        apigateway = self._apigateway

        def stages(plan_id: str) -> list[str]:
            plan = apigateway.get_usage_plan(usagePlanId=plan_id)
            return [f"{stage['apiId']}:{stage['stage']}" for stage in plan.get("apiStages", [])]

        def take_out(plan_id: str, stage: str) -> None:
            operation = {"op": "remove", "path": "/apiStages", "value": stage}
            apigateway.update_usage_plan(usagePlanId=plan_id, patchOperations=[operation])

        def delete(plan_id: str) -> None:
            for stage in stages(plan_id):
                there = partial(lambda stage: stage in stages(plan_id), stage)
                delete_step(partial(take_out, plan_id, stage), there)
            delete_step(lambda: apigateway.delete_usage_plan(usagePlanId=plan_id))

        return self._listed("usage plan", "get_usage_plans", chapter, cell, name, delete)

    def api_key(self, chapter: str, cell: str, name: str) -> Resource:
        def delete(key_id: str) -> None:
            delete_step(lambda: self._apigateway.delete_api_key(apiKey=key_id))

        return self._listed("API key", "get_api_keys", chapter, cell, name, delete)

    def _listed(
        self,
        kind: str,
        operation: str,
        chapter: str,
        cell: str,
        name: str,
        delete: Callable[[str], object],
    ) -> Resource:
        """API Gateway looks nothing up by name, and lets many things bear the same one."""
        apigateway = self._apigateway

        def listed(wanted: Callable[[Any], bool]) -> list[Any]:
            return _all(apigateway.get_paginator(operation).paginate(), "items", wanted)

        def find_all() -> list[str]:
            return [item["id"] for item in listed(lambda i: i.get("name") == name)]

        def tags_of(item_id: str) -> Tags:
            items = listed(lambda i: i["id"] == item_id)
            return next((dict(item.get("tags", {})) for item in items), {})

        found = Resource(kind, name, chapter, cell, find_all, tags_of, delete)
        return replace(found, shares_name=True)

    def _try_to_delete_api(self, api_id: str) -> bool:
        try:
            delete_step(lambda: self._apigateway.delete_rest_api(restApiId=api_id))
        except self._apigateway.exceptions.TooManyRequestsException:
            return False
        return True
