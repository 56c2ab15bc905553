"""The environment variables that a worker starts with."""

from __future__ import annotations

import os

from localcloud.iam.federation import assume_role
from localcloud.lambda_.runtime.processes import SYSTEM_VARIABLES
from localcloud.lambda_.runtime.worker_handle import Worker


def environment_of(worker: Worker, address: str) -> dict[str, str]:
    """The variables that AWS documents and the function's own, but none of ours. `address` is the
    cloud's host:port.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    function, code = worker.pool.function, str(worker.directory)
    keys = assume_role(function.role, function.function_name, function.region)
    worker.access_key_id = keys.get("AWS_ACCESS_KEY_ID", "")
    environment = {
        **SYSTEM_VARIABLES,
        **keys,
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
        "AWS_LAMBDA_LOG_STREAM_NAME": worker.log_stream,
        "AWS_LAMBDA_RUNTIME_API": f"{address}/_runtime/{worker.token}",
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "HOME": code,  # keeps boto3 away from the learner's ~/.aws
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": code,
        "_HANDLER": function.handler,
    }
    if os.name == "nt":
        environment |= {"SYSTEMROOT": os.environ["SYSTEMROOT"], "USERPROFILE": code}
    if function.logging_config["LogFormat"] == "JSON":  # the runtime client heeds these two
        environment["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        environment["AWS_LAMBDA_LOG_LEVEL"] = function.logging_config["ApplicationLogLevel"]
    return environment | function.environment_vars
