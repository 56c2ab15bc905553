"""Lambda: its calls, the permissions for each call, and functions for the other services."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Any

from localcloud import arn as arns
from localcloud import like_aws, upstream
from localcloud.arn import Arn
from localcloud.call import Call
from localcloud.http import Response, json_response
from localcloud.iam.policies import Context, Policy
from localcloud.lambda_ import (
    errors,
    functions,
    invoke,
    meanwhile,
    names,
    pages,
    permissions,
    states,
    validation,
    versions,
)
from localcloud.lambda_.async_invoke import AsyncInvocations, dead_letter_target
from localcloud.lambda_.errors import LambdaError
from localcloud.lambda_.event_source_mapping import EventSourceMappings
from localcloud.lambda_.functions import LambdaFunction
from localcloud.lambda_.names import Name
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result
from localcloud.service import Attributes, May, Needed, Service
from localcloud.upstream import ACCOUNT_ID

_WITH_A_ROLE = ("CreateFunction", "UpdateFunctionConfiguration")
_PASSED_ON = ("x-amzn-errortype",)


class Lambda(Service):
    """Functions, run by `runtime`. `retry_delay` is the wait before an asynchronous invocation is
    tried again, `change_delay` how long a change takes; both are in seconds."""

    name = "lambda"

    def __init__(
        self,
        runtime: Runtime,
        *,
        retry_delay: float,
        change_delay: float = states.MOMENT,
    ) -> None:
        states.change_delay = change_delay
        self.runtime = runtime
        self.mappings = EventSourceMappings(runtime)
        self.invocations = AsyncInvocations(runtime, retry_delay=retry_delay)

    async def handle(self, call: Call) -> Response | None:
        await states.wait_to_look(call.operation)
        if like_aws.is_on:
            functions.forget_gone_mappings()
        try:
            call = names.in_one_form(call)
            meanwhile.refuse(call)
            return await self._answer(call)
        except LambdaError as error:
            return error.response()

    async def _answer(self, call: Call) -> Response:
        if call.operation in invoke.OPERATIONS:
            return await invoke.invoke(call, self.runtime, self.invocations)
        if call.operation in permissions.OPERATIONS:
            return permissions.handle(call)
        if call.operation == "GetAccountSettings":
            return json_response(200, _account(call.region))
        response = versions.handle(call) or _in_full(call, upstream.ask(call.request))
        if response.status >= 300:
            return errors.in_full(response)
        response = pages.page_of(call, response)
        if call.request.method != "GET":
            self.follow()
        if call.operation == "CreateEventSourceMapping":  # AWS has only begun to make it
            return replace(response, status=202)
        return response

    def follow(self) -> None:
        """Make pollers and workers match the current functions and mappings."""
        self.mappings.reconcile()
        self.runtime.keep({version.function_arn for version in functions.versions()})

    def needed(self, call: Call) -> Needed:
        """InvokeAsync needs the same permission as Invoke."""
        if call.operation not in invoke.OPERATIONS:
            yield f"lambda:{call.operation}", _resource(call)
            if call.operation in _WITH_A_ROLE and (role := call.members.get("Role")):
                yield "iam:PassRole", str(role)
            return
        named = names.parse(call.parameters["FunctionName"]) or Name("*")
        qualifier = named.qualifier or names.qualifier_of(call)
        yield "lambda:InvokeFunction", Name(named.name, qualifier).arn(named.region or call.region)

    def as_seen_by(self, call: Call, answer: Response, may: May) -> Response:
        """GetFunction shows tags to anyone who may list them, and says nothing to others.
        https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
        """
        is_shown = call.operation == "GetFunction" and answer.status == 200
        if not is_shown or may("lambda:ListTags", _resource(call)):
            return answer
        shown = {k: v for k, v in json.loads(answer.body).items() if k != "Tags"}
        return replace(answer, body=json.dumps(shown).encode())

    def context(self, call: Call) -> Context:
        """A trigger is known by its function, as its own id is not known before it is there."""
        if call.operation in _WITH_A_ROLE:
            return (("iam:passedtoservice", "lambda.amazonaws.com"),)
        if not call.operation.endswith("EventSourceMapping"):
            return ()
        if named := names.named_in(call):
            return (("lambda:functionarn", named.arn(call.region)),)
        key = call.parameters.get("UUID")
        of_it = (each.function_arn for each in functions.mappings() if each.uuid == key)
        return tuple(("lambda:functionarn", arn) for arn in of_it)

    def find(self, arn: Arn) -> LambdaFunction | None:
        return functions.find(str(arn), arn.region)

    def policy_of(self, arn: Arn) -> Policy:
        function = self.find(arn)
        return functions.policy_of(function) if function else None

    def take(self, arn: Arn, text: str, attributes: Attributes) -> str:
        function = self.find(arn)
        if function is None:
            return "there is no such function"
        self.invocations.add(function, text.encode(), str(arn))
        return ""

    async def invoke(self, arn: Arn, payload: bytes) -> Result:
        function = self.find(arn)
        assert function is not None
        return await self.runtime.invoke(function, payload, invoked_as=str(arn))

    def describe(self) -> dict[str, Any]:
        pools = self.runtime.describe()["functions"]
        running = {pool.pop("arn"): pool for pool in pools}
        for pool in running.values():
            del pool["function"]  # it is the name below
        return {
            "functions": [
                {**_described(each), **running.get(each.function_arn, {})}
                for each in functions.functions()
            ],
            "event_source_mappings": self.mappings.describe(),
            "events": self.invocations.describe(),
        }

    def is_idle(self) -> bool:
        is_idle = self.runtime.is_idle() and self.mappings.is_idle()
        return is_idle and not self.invocations.events

    def saved(self) -> Any:
        return self.invocations.saved()

    def pause(self) -> None:
        self.mappings.stop()
        self.invocations.clear()
        self.runtime.give_up()

    def restore(self, saved: Any) -> None:
        self.runtime.adopt(functions.versions())
        self.invocations.restore(saved)
        self.mappings.reconcile()

    def stop(self) -> None:
        self.mappings.stop()
        self.invocations.clear()
        self.runtime.stop()


def _resource(call: Call) -> str:
    """The ARN of what a call is about; "" for a list, and for what has no ARN yet."""
    if call.operation.endswith("EventSourceMapping"):
        key = call.parameters.get("UUID")
        mapping = f"arn:aws:lambda:{call.region}:{ACCOUNT_ID}:event-source-mapping:{key}"
        return mapping if key else ""
    named = names.named_in(call) if not call.operation.startswith("List") else None
    return named.arn(call.region) if named else call.parameters.get("Resource", "")


def _in_full(call: Call, response: Response) -> Response:
    """moto's answer with the status, the type and the id that Lambda's own have."""
    is_done = call.operation in ("TagResource", "UntagResource") and response.status == 200
    headers = (
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", str(uuid.uuid4())),
        *(each for each in response.headers if each[0].lower() in _PASSED_ON),
    )
    return replace(response, status=204 if is_done else response.status, headers=headers)


def _account(region: str) -> dict[str, Any]:
    """AWS's limits for an account, and what it uses of them.
    https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
    """
    there = [each for each in functions.functions() if each.region == region]
    reserved = sum(int(each.reserved_concurrency or 0) for each in there)
    return {
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": validation.ACCOUNT_CONCURRENCY,
            "UnreservedConcurrentExecutions": validation.ACCOUNT_CONCURRENCY - reserved,
        },
        "AccountUsage": {
            "TotalCodeSize": sum(each.code_size for each in there),
            "FunctionCount": len(there),
        },
    }


def _described(function: LambdaFunction) -> dict[str, Any]:
    return {
        "name": function.function_name,
        "arn": function.function_arn,
        "runtime": function.run_time,
        "handler": function.handler,
        "role": arns.parse(function.role).name,
        "timeout": function.timeout,
        "memory_mb": function.memory_size,
        "reserved_concurrency": function.reserved_concurrency,
        "dead_letter_target": dead_letter_target(function),
    }
