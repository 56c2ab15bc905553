"""Usage plans: which keys let a request pass, and how much each key has used.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.apigateway.models import APIGatewayBackend, UsagePlan

from localcloud import clock, like_aws
from localcloud.apigateway.deployments import Refusal
from localcloud.apigateway.rules import LIMITS
from localcloud.call import Call
from localcloud.http import Response
from localcloud.upstream import original, replaces


@dataclass
class Meter:
    """What one API key has used of its usage plan: a token bucket and a daily count."""

    tokens: float
    refilled_ms: float = field(default_factory=lambda: clock.now_ms())
    day: str = ""
    used: int = 0


class UsagePlans:
    """Counts requests against moto's usage plans."""

    def __init__(self) -> None:
        self.meters: dict[tuple[str, str], Meter] = {}  # by the ids of plan and key
        self._known_ms: dict[str, float] = {}  # when keys, plans and stages count that are new

    def admit(self, backend: APIGatewayBackend, api_id: str, stage: str, value: str | None) -> str:
        """The id of the API key with this value, if its usage plan lets the request pass. Else
        raises Refusal."""
        key = next((k for k in backend.keys.values() if k.enabled and k.value == value), None)
        if value is None or key is None:
            raise Refusal("INVALID_API_KEY")
        for plan in backend.get_usage_plans(key.id):
            if any(s["apiId"] == api_id and s["stage"] == stage for s in plan.api_stages):
                if self.is_too_new(key.id, plan.id, f"{api_id}/{stage}"):
                    break
                self._count(plan, key.id)
                return str(key.id)
        raise Refusal("INVALID_API_KEY")

    def note(self, call: Call, answer: Response) -> None:
        """Note what a call made that counts only later."""
        if answer.status >= 300:
            return
        known_ms, given = like_aws.end_ms("key"), call.parameters
        if call.operation in ("CreateApiKey", "CreateUsagePlan", "CreateUsagePlanKey"):
            self._known_ms[json.loads(answer.body)["id"]] = known_ms
        elif call.operation == "UpdateUsagePlan" and b"/apiStages" in call.request.body:
            self._known_ms[given["usageplanId"]] = known_ms
        elif call.operation in ("CreateDeployment", "CreateStage"):
            stage = json.loads(call.request.body).get("stageName")  # another deployment counts soon
            self._known_ms.setdefault(f"{given['restapi_id']}/{stage}", known_ms)

    def is_too_new(self, *names: str) -> bool:
        """Whether one of these keys, plans and stages does not count yet."""
        now_ms = clock.now_ms()
        return any(self._known_ms.get(name, 0) > now_ms for name in names)

    def reset(self) -> None:
        """Forget what was used, and what is new."""
        self.meters.clear()
        self._known_ms.clear()

    def describe(self) -> list[dict[str, Any]]:
        """What each key has used of its plan today, and how many requests it may send at once."""
        return [
            {
                "usage_plan_id": plan_id,
                "api_key_id": key_id,
                "day": meter.day,
                "used": meter.used,
                "tokens": round(meter.tokens, 1),
            }
            for (plan_id, key_id), meter in self.meters.items()
        ]

    def _count(self, plan: Any, key_id: str) -> None:
        """Count a request against the plan. AWS resets a day's quota at midnight UTC."""
        rate = plan.throttle.get("rateLimit")
        burst = plan.throttle.get("burstLimit") or rate
        meter = self.meters.setdefault((plan.id, key_id), Meter(tokens=float(burst or 0)))
        day = clock.now().strftime("%Y-%m-%d")
        if meter.day != day:
            meter.day, meter.used = day, 0
        if plan.quota and meter.used >= int(plan.quota["limit"]):
            raise Refusal("QUOTA_EXCEEDED")
        if rate:
            _take_token(meter, float(rate), float(burst))
        meter.used += 1


def _take_token(meter: Meter, rate: float, burst: float) -> None:
    now_ms = clock.now_ms()
    refill = (now_ms - meter.refilled_ms) / 1000 * rate
    meter.tokens, meter.refilled_ms = min(burst, meter.tokens + refill), now_ms
    if meter.tokens < 1:
        raise Refusal("THROTTLED")
    meter.tokens -= 1


@replaces(UsagePlan)
def apply_patch_operations(plan: UsagePlan, patch_operations: list[dict[str, Any]]) -> None:
    """A limit is a number, and a rate may be a fraction of one; moto fails on it."""
    others = []
    for each in patch_operations:
        path = each["path"]
        if each["op"] == "remove" or path not in LIMITS:
            others.append(each)
            continue
        _, part, name = path.split("/")
        getattr(plan, part)[name] = LIMITS[path](each["value"])
    original(apply_patch_operations)(plan, others)
