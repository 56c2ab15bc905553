"""How a resource of each kind is found, whose it is, and how it is deleted.

What hangs on another resource and goes with it has no kind of its own: inline policies with their
role, methods, models and stages with their API. A permission and a subscription that a later
chapter adds have one, so that this chapter can be undone alone; they cannot carry tags, and are
ours when what they hang on is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lab.aws.arn import is_arn_of, parse, topic_of
from lab.aws.inventory import Resource, Tags, delete_step
from lab.aws.waiting import once_trigger_is_ready, wait_until
from lab.errors import WaitTimeoutError

_LAST_BATCH_SECONDS = 20  # longer than a function of a tutorial may take


def function_policy(lambda_: Any, function: str) -> list[dict[str, Any]]:
    """The statements of a function's resource policy; none if it has no policy, or is missing."""
    try:
        policy = json.loads(lambda_.get_policy(FunctionName=function)["Policy"])
    except lambda_.exceptions.ResourceNotFoundException:
        return []
    return list(policy["Statement"])


def _all(pages: Iterable[Any], key: str, wanted: Callable[[Any], bool]) -> list[Any]:
    """The entries of a paginated listing that are wanted."""
    return [item for page in pages for item in page[key] if wanted(item)]


def _if_there(look: Callable[[], Any], missing: type[ClientError]) -> list[str]:
    """The id of what has a name that AWS keeps unique, if there is such a thing."""
    try:
        return [str(look())]
    except missing:
        return []


def _as_dict(pairs: list[dict[str, str]]) -> Tags:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def is_confirmed(subscription: dict[str, Any]) -> bool:
    """Whether a subscription can be deleted: while it is pending it has no ARN."""
    return parse(subscription["SubscriptionArn"]) is not None


class Kinds:
    """Makes the entry for a resource of each kind. `our_tags` are those that make it ours."""

    def __init__(self, aws: boto3.Session, our_tags: Tags) -> None:
        self._resource = partial(Resource, our_tags=our_tags)
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

        return self._resource("log group", name, chapter, cell, find_all, tags_of, delete)

    def role(self, chapter: str, cell: str, name: str) -> Resource:
        iam = self._iam

        def find_all() -> list[str]:
            missing = iam.exceptions.NoSuchEntityException
            return _if_there(lambda: iam.get_role(RoleName=name)["Role"]["Arn"], missing)

        def tags_of(_: str) -> Tags:
            return _as_dict(iam.get_role(RoleName=name)["Role"].get("Tags", []))

        def delete(_: str) -> None:
            role = {"RoleName": name}
            for policy in iam.list_role_policies(**role)["PolicyNames"]:
                delete_step(partial(iam.delete_role_policy, **role, PolicyName=policy))
            for policy in iam.list_attached_role_policies(**role)["AttachedPolicies"]:
                arn = policy["PolicyArn"]
                delete_step(partial(iam.detach_role_policy, **role, PolicyArn=arn))
            delete_step(lambda: iam.delete_role(**role))

        return self._resource("IAM role", name, chapter, cell, find_all, tags_of, delete)

    def policy(self, chapter: str, cell: str, name: str, path: str, account: str) -> Resource:
        """A policy of one's own, which a user or role can have."""
        iam = self._iam
        arn = {"PolicyArn": f"arn:aws:iam::{account}:policy{path}{name}"}

        def find_all() -> list[str]:
            missing = iam.exceptions.NoSuchEntityException
            return _if_there(lambda: iam.get_policy(**arn)["Policy"]["Arn"], missing)

        def tags_of(_: str) -> Tags:
            return _as_dict(iam.get_policy(**arn)["Policy"].get("Tags", []))

        def delete(_: str) -> None:
            for version in iam.list_policy_versions(**arn)["Versions"]:
                if not version["IsDefaultVersion"]:
                    older = {**arn, "VersionId": version["VersionId"]}
                    delete_step(partial(iam.delete_policy_version, **older))
            delete_step(lambda: iam.delete_policy(**arn))

        return self._resource("IAM policy", name, chapter, cell, find_all, tags_of, delete)

    def user(self, chapter: str, cell: str, name: str) -> Resource:
        """An IAM user, with the keys, the password and the policies that hang on it."""
        iam = self._iam
        user = {"UserName": name}

        def find_all() -> list[str]:
            missing = iam.exceptions.NoSuchEntityException
            return _if_there(lambda: iam.get_user(**user)["User"]["Arn"], missing)

        def tags_of(_: str) -> Tags:
            return _as_dict(iam.get_user(**user)["User"].get("Tags", []))

        def delete(_: str) -> None:
            for key in iam.list_access_keys(**user)["AccessKeyMetadata"]:
                key_id = key["AccessKeyId"]
                delete_step(partial(iam.delete_access_key, **user, AccessKeyId=key_id))
            delete_step(lambda: iam.delete_login_profile(**user))
            for policy in iam.list_user_policies(**user)["PolicyNames"]:
                delete_step(partial(iam.delete_user_policy, **user, PolicyName=policy))
            for policy in iam.list_attached_user_policies(**user)["AttachedPolicies"]:
                arn = policy["PolicyArn"]
                delete_step(partial(iam.detach_user_policy, **user, PolicyArn=arn))
            delete_step(lambda: iam.delete_user(**user))

        return self._resource("IAM user", name, chapter, cell, find_all, tags_of, delete)

    def queue(self, chapter: str, cell: str, name: str) -> Resource:
        sqs = self._sqs

        def find_all() -> list[str]:
            missing = sqs.exceptions.QueueDoesNotExist
            return _if_there(lambda: sqs.get_queue_url(QueueName=name)["QueueUrl"], missing)

        def tags_of(url: str) -> Tags:
            return dict(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}))

        def delete(url: str) -> None:
            delete_step(lambda: sqs.delete_queue(QueueUrl=url))

        return self._resource("SQS queue", name, chapter, cell, find_all, tags_of, delete)

    def function(self, chapter: str, cell: str, name: str) -> Resource:
        lambda_ = self._lambda

        def find_all() -> list[str]:
            missing = lambda_.exceptions.ResourceNotFoundException
            look = partial(lambda_.get_function, FunctionName=name)
            return _if_there(lambda: look()["Configuration"]["FunctionArn"], missing)

        def tags_of(_: str) -> Tags:
            return dict(lambda_.get_function(FunctionName=name).get("Tags", {}))

        def delete(_: str) -> None:
            delete_step(lambda: lambda_.delete_function(FunctionName=name))

        return self._resource("Lambda function", name, chapter, cell, find_all, tags_of, delete)

    def event_source_mapping(self, chapter: str, cell: str, queue: str, function: str) -> Resource:
        lambda_ = self._lambda

        def find_all() -> list[str]:
            pages = lambda_.get_paginator("list_event_source_mappings").paginate()
            mappings = _all(pages, "EventSourceMappings", wanted)
            return [mapping["UUID"] for mapping in mappings]

        def wanted(mapping: Any) -> bool:
            from_queue = is_arn_of(mapping.get("EventSourceArn", ""), "sqs", queue)
            return from_queue and is_arn_of(mapping["FunctionArn"], "lambda", function)

        def tags_of(uuid: str) -> Tags:
            arn = lambda_.get_event_source_mapping(UUID=uuid)["EventSourceMappingArn"]
            return dict(lambda_.list_tags(Resource=arn)["Tags"])

        def delete(uuid: str) -> None:
            # While it is being made, changed or deleted, AWS refuses that.
            once_trigger_is_ready(
                lambda: delete_step(lambda: lambda_.delete_event_source_mapping(UUID=uuid))
            )
            what = f"the trigger of {function} is gone"
            wait_until(lambda: uuid not in find_all(), what, timeout=300)
            self._wait_for_last_batch(queue, function)

        name = f"{queue} to {function}"
        return self._resource(
            "event source mapping", name, chapter, cell, find_all, tags_of, delete
        )

    def _wait_for_last_batch(self, queue: str, function: str) -> None:
        """A batch that is under way still needs what stands behind the function, so that must not
        go first. A batch that has failed stays in hand for longer than we wait."""
        with suppress(WaitTimeoutError):
            what = f"{function} is done with its last batch"
            wait_until(lambda: not self._in_hand(queue), what, timeout=_LAST_BATCH_SECONDS)

    def _in_hand(self, queue: str) -> int:
        """How many messages of a queue somebody works on."""
        try:
            url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:
            return 0
        hidden = "ApproximateNumberOfMessagesNotVisible"
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[hidden])
        return int(found["Attributes"][hidden])

    def topic(self, chapter: str, cell: str, name: str) -> Resource:
        sns = self._sns

        def find_all() -> list[str]:
            pages = sns.get_paginator("list_topics").paginate()
            topics = _all(pages, "Topics", lambda t: is_arn_of(t["TopicArn"], "sns", name))
            return [topic["TopicArn"] for topic in topics]

        def tags_of(arn: str) -> Tags:
            return _as_dict(sns.list_tags_for_resource(ResourceArn=arn)["Tags"])

        def delete(arn: str) -> None:
            pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=arn)
            for subscription in _all(pages, "Subscriptions", is_confirmed):
                subscription_arn = subscription["SubscriptionArn"]
                delete_step(partial(sns.unsubscribe, SubscriptionArn=subscription_arn))
            delete_step(lambda: sns.delete_topic(TopicArn=arn))

        return self._resource("SNS topic", name, chapter, cell, find_all, tags_of, delete)

    def subscription(self, chapter: str, cell: str, topic: str, function: str) -> Resource:
        def wanted(subscription: Any) -> bool:
            return is_arn_of(subscription["Endpoint"], "lambda", function)

        return self._subscription(chapter, cell, topic, function, wanted)

    def subscription_by_email(self, chapter: str, cell: str, topic: str) -> Resource:
        """One that is confirmed: before that it has no ARN, and cannot be deleted."""

        def wanted(subscription: Any) -> bool:
            return subscription["Protocol"] == "email" and is_confirmed(subscription)

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
            return parent.tags_of(topic_of(arn))

        def delete(arn: str) -> None:
            delete_step(lambda: sns.unsubscribe(SubscriptionArn=arn))

        name = f"{topic} to {listener}"
        return self._resource("subscription", name, chapter, cell, find_all, tags_of, delete)

    def permission(
        self, chapter: str, cell: str, topic: str, function: str, statement: str
    ) -> Resource:
        """The statement with this id in the function's resource policy."""
        lambda_ = self._lambda
        parent = self.function(chapter, cell, function)

        def find_all() -> list[str]:
            found = function_policy(lambda_, function)
            return [s["Sid"] for s in found if s.get("Sid") == statement]

        def tags_of(_: str) -> Tags:
            return next(map(parent.tags_of, parent.find_all()), {})

        def delete(sid: str) -> None:
            remove = lambda_.remove_permission
            delete_step(lambda: remove(FunctionName=function, StatementId=sid))

        name = f"of {topic} to invoke {function}"
        return self._resource("permission", name, chapter, cell, find_all, tags_of, delete)

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

        return self._resource("DynamoDB table", name, chapter, cell, find_all, tags_of, delete)

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
        """API Gateway looks nothing up by name, and lets many things have the same one."""
        apigateway = self._apigateway

        def listed(wanted: Callable[[Any], bool]) -> list[Any]:
            return _all(apigateway.get_paginator(operation).paginate(), "items", wanted)

        def find_all() -> list[str]:
            return [item["id"] for item in listed(lambda i: i.get("name") == name)]

        def tags_of(item_id: str) -> Tags:
            items = listed(lambda i: i["id"] == item_id)
            return next((dict(item.get("tags", {})) for item in items), {})

        found = self._resource(kind, name, chapter, cell, find_all, tags_of, delete)
        return replace(found, shares_name=True)

    def _try_to_delete_api(self, api_id: str) -> bool:
        try:
            delete_step(lambda: self._apigateway.delete_rest_api(restApiId=api_id))
        except self._apigateway.exceptions.TooManyRequestsException:
            return False
        return True
