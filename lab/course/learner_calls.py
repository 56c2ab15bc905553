"""The calls of one learner that have a rate, which decide how long a class takes.

They were counted; a test counts them again. What stands under "*" are all others of that service.
"""

from __future__ import annotations

SET_UP = {
    "api-gateway.CreateDeployment": 1,
    "api-gateway.CreateRestApi": 1,
    "api-gateway.*": 33,
    "lambda.*": 20,
}
TEARDOWN = {
    "api-gateway.DeleteRestApi": 1,
    "api-gateway.UpdateUsagePlan": 1,
    "api-gateway.*": 9,
    "lambda.*": 10,
}
