"""`lab explain` knows an error by its kind: other wordings and other tools lead to the same entry.

The texts have the form of those in public threads: of boto3, the AWS CLI, CloudFormation, Terraform
and the SDKs for JavaScript and Java.
"""

from __future__ import annotations

import pytest

from tests.support.explanations import name_for


def boto(code: str, operation: str, says: str = "words that nobody has seen yet") -> str:
    return f"An error occurred ({code}) when calling the {operation} operation: {says}"


def cloudformation(says: str) -> str:
    ids = "Service: Lambda, Status Code: 400, Request ID: 4403f994-b295-4947, SDK Attempt Count: 1"
    return f'Resource handler returned message: "{says} ({ids})" (HandlerErrorCode: InvalidRequest)'


def terraform(service: str, operation: str, code: str, says: str = "x") -> str:
    return (
        f"Error: operation error {service}: {operation}, https response error StatusCode: 400, "
        f"RequestID: 005a79fe-c425-4a34, {code}: {says}"
    )


LOCAL = "http://127.0.0.1:23456/2015-03-31/functions/take_order/invocations"
ARN = "arn:aws:sqs:us-east-1:123456789012:CustomerOrders"

# By the beginning of the entry's name.
WORDINGS: dict[str, list[str]] = {
    "ResourceConflictException: the trigger exists": [
        boto("ResourceConflictException", "CreateEventSourceMapping", "An event source mapping "
             f"with SQS arn (\" {ARN} \") and function (\" f \") already exists. Please update or "
             "delete the existing mapping with UUID e8a16396"),
        boto("ResourceConflictException", "CreateEventSourceMapping"),
        terraform("Lambda", "CreateEventSourceMapping", "ResourceConflictException"),
    ],
    "ResourceConflictException: the function exists": [
        boto("ResourceConflictException", "CreateFunction"),
        terraform("Lambda", "CreateFunction", "ResourceConflictException"),
    ],
    "The function is still being changed": [
        boto("ResourceConflictException", "UpdateFunctionCode"),
        boto("ResourceConflictException", "UpdateFunctionConfiguration", "The operation cannot be "
             "performed at this time. The function is currently in the following state: Pending"),
    ],
    "ResourceConflictException: the permission exists": [
        boto("ResourceConflictException", "AddPermission"),
    ],
    "A function has not answered in time": [
        f'Read timeout on endpoint URL: "{LOCAL}"',
        f'botocore.exceptions.ReadTimeoutError: Read timeout on endpoint URL: "{LOCAL}"',
        "urllib3.exceptions.ReadTimeoutError: AWSHTTPConnectionPool(host='127.0.0.1', port=23456): "
        "Read timed out. (read timeout=60)\nRead timeout on endpoint URL: "
        f'"{LOCAL}"',
        'Read timeout on endpoint URL: "https://lambda.us-east-1.amazonaws.com/2015-03-31/'
        'functions/f/invocations"',
    ],
    "The local cloud does not answer": [
        'Read timeout on endpoint URL: "http://localhost:23456/"',
        "HTTPConnectionPool(host='127.0.0.1', port=23456): Read timed out. (read timeout=5)",
    ],
    "The local cloud is not running": [
        "Connection was closed before we received a valid response from endpoint URL: "
        '"http://127.0.0.1:23456/".',
        "urllib3.exceptions.MaxRetryError: HTTPConnectionPool(host='127.0.0.1', port=23456): Max "
        "retries exceeded (Caused by NewConnectionError: [Errno 111] Connection refused)",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "ConnectionRefusedError: [WinError 10061] No connection could be made because the target "
        "machine actively refused it",
    ],
    "The policy to attach does not exist": [
        boto("InvalidInput", "AttachRolePolicy", "ARN AWSLambdaExecute is not valid."),
        boto("NoSuchEntity", "AttachRolePolicy"),
        boto("NoSuchEntity", "AttachRolePolicy", "Policy arn:aws:iam::aws:policy/Lambda does not "
             "exist or is not attachable."),
        terraform("IAM", "AttachRolePolicy", "NoSuchEntity"),
    ],
    "Something does not exist": [
        boto("NotFound", "Unsubscribe", "Subscription does not exist"),
        boto("NoSuchEntity", "GetRole", "The role with name r cannot be found."),
    ],
    "The test event is not what the function gets": [
        "[ERROR] KeyError: 'Records'\nTraceback (most recent call last):\n  File \"/var/task/"
        "notify_fulfillment.py\", line 35, in lambda_handler",
        '{"errorMessage": "\'Records\'", "errorType": "KeyError", "requestId": "1", "stackTrace": '
        '["  File \\"/var/task/record_order.py\\", line 40, in lambda_handler"]}',
        "KeyError: 'requestContext'",
    ],
    "Lambda's package cannot be unpacked": [
        boto("InvalidZipFileException", "Invoke"),
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
        cloudformation("Could not unzip uploaded file. Please check your file"),
        boto("InvalidParameterValueException", "UpdateFunctionCode",
             "Uploaded file must be a non-empty zip"),
    ],
    "The trigger's batch size needs a batching window": [
        cloudformation("Maximum batch window in seconds must be greater than 0 if maximum batch "
                       "size is greater than 10"),
        "Invalid request provided: Maximum batch window in seconds must be greater than 0 if batch "
        "size is greater than 10",
    ],
    "DynamoDB: the key is missing or not as in the table": [
        boto("ValidationException", "PutItem", "One or more parameter values were invalid: Missing "
             "the key order_id in the item"),
        boto("ValidationException", "PutItem", "One or more parameter values were invalid: Type "
             "mismatch for key order_id expected: S actual: N"),
        boto("ValidationException", "GetItem",
             "The provided key element does not match the schema"),
        boto("ValidationException", "PutItem", "One or more parameter values are not valid. The "
             "AttributeValue for a key attribute cannot contain an empty string value. "
             "Key: order_id"),
        boto("ValidationException", "Query", "Query condition missed key schema element: order_id"),
    ],
    "InvalidRequestContentException: the event is no JSON": [
        boto("InvalidRequestContentException", "Invoke"),
        boto("InvalidRequestContentException", "Invoke", "Could not parse request body into json: "
             "Could not parse payload into json: Unexpected character ('\\'' (code 39))"),
    ],
    "Lambda cannot load the function's code": [
        "ModuleNotFoundError: No module named 'lambda_function'",
        "Syntax error in module 'take_order': invalid syntax (take_order.py, line 3)",
        "Runtime.MalformedHandlerName: Bad handler 'take_order': not enough values to unpack "
        "(expected 2, got 1)",
        '{"errorMessage": "Bad handler \'handler\': not enough values to unpack", "errorType": '
        '"Runtime.MalformedHandlerName"}',
        "Unable to import module 'take_order': No module named 'requests'",
    ],
    "An environment variable's name is Lambda's own": [
        cloudformation("Lambda was unable to configure your environment variables because the "
                       "environment variables you have provided contains reserved keys that are "
                       "currently not supported for modification. Reserved keys used in this "
                       "request: AWS_REGION"),
        "Reserved keys used in this request: _HANDLER, AWS_LAMBDA_FUNCTION_NAME",
    ],
    "DynamoDB: numbers must be Decimal": [
        "TypeError: Float types are not supported. Use Decimal types instead.",
        "[ERROR] TypeError: Unsupported type \"<class 'datetime.datetime'>\" for value "
        '"2026-11-22 10:00:00"',
    ],
    "The usage plan has stages, so it cannot be deleted": [
        boto("BadRequestException", "DeleteUsagePlan"),
        "BadRequestException: Cannot delete Usage Plan abc because there are API Stages "
        "associated with it, including a1b2c3:test",
        terraform("API Gateway", "DeleteUsagePlan", "BadRequestException"),
    ],
    "So much concurrency cannot be reserved": [
        cloudformation("Specified ReservedConcurrentExecutions for function decreases account's "
                       "UnreservedConcurrentExecution below its minimum value of [10]."),
        "InvalidParameterValueException: Specified ReservedConcurrentExecutions for function "
        "decreases account's UnreservedConcurrentExecution below its minimum value of [50].",
        boto("InvalidParameterValueException", "PutFunctionConcurrency"),
    ],
    "Lambda may not read a file of the package": [
        "PermissionError: [Errno 13] Permission denied: '/var/task/take_order.py'",
        "Unable to import module 'app': [Errno 13] Permission denied: '/var/task/lib/__init__.py'",
    ],
    "KMSAccessDeniedException": [
        boto("InvalidParameterValueException", "UpdateFunctionConfiguration", "Lambda was unable "
             "to configure access to your environment variables because the KMS key is invalid for "
             "CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException "
             "KMS Message: ARN does not refer to a valid principal: arn:aws:iam::1:role/r"),
        boto("KMSAccessDeniedException", "Invoke"),
        boto("KMSInvalidStateException", "Invoke"),
    ],
    "AccessDenied: you may not pass a role to a function": [
        boto("AccessDeniedException", "CreateFunction", "User: arn:aws:iam::1:user/ana is not "
             "authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/take_order-role "
             "with an explicit deny in an identity-based policy"),
        boto("AccessDeniedException", "CreateFunction", "Cross-account pass role is not allowed."),
    ],
    "MalformedPolicyDocument": [
        boto("MalformedPolicyDocument", "PutRolePolicy"),
        boto("MalformedPolicyDocument", "CreateRole", "Has prohibited field Resource"),
        boto("MalformedPolicyDocument", "UpdateAssumeRolePolicy", 'Invalid principal in policy: '
             '"AWS":"arn:aws:iam::1:role/gone"'),
    ],
    "DeleteConflict": [
        boto("DeleteConflict", "DeleteRole", "Cannot delete entity, must delete policies first."),
    ],
    "A policy or a role has more than it may": [
        boto("LimitExceeded", "PutRolePolicy",
             "Maximum policy size of 10240 bytes exceeded for role r"),
        boto("LimitExceeded", "AttachRolePolicy",
             "Cannot exceed quota for PoliciesPerRole: 10"),
    ],
    "A function's package is too large": [
        boto("RequestEntityTooLargeException", "UpdateFunctionCode", "Request must be smaller "
             "than 70167211 bytes for the UpdateFunctionCode operation"),
        boto("CodeStorageExceededException", "CreateFunction", "Code storage limit exceeded."),
    ],
    "A trigger's setting is not one that a queue has": [
        boto("InvalidParameterValueException", "CreateEventSourceMapping",
             "StartingPosition is not valid for SQS event sources."),
        boto("InvalidParameterValueException", "UpdateEventSourceMapping"),
    ],
    "ReceiptHandleIsInvalid": [
        boto("MessageNotInflight", "ChangeMessageVisibility"),
        boto("ReceiptHandleIsInvalid", "DeleteMessage"),
        boto("InvalidParameterValue", "DeleteMessage", "Value AQEB for parameter ReceiptHandle is "
             "invalid. Reason: The receipt handle has expired."),
    ],
    "A message is too large": [
        boto("InvalidParameterValue", "SendMessage", "One or more parameters are invalid. Reason: "
             "Message must be shorter than 262144 bytes."),
        boto("InvalidParameter", "Publish", "Invalid parameter: Message too long"),
        boto("AWS.SimpleQueueService.BatchRequestTooLong", "SendMessageBatch"),
    ],
    "A batch is empty": [
        boto("AWS.SimpleQueueService.EmptyBatchRequest", "SendMessageBatch"),
        boto("BatchEntryIdsNotDistinct", "PublishBatch"),
    ],
    "A message has no body": [
        boto("MissingParameter", "SendMessage"),
        boto("InvalidMessageContents", "SendMessage"),
        boto("InvalidParameter", "Publish", "Invalid parameter: Empty message"),
    ],
    "A queue's attribute": [
        boto("InvalidAttributeName", "SetQueueAttributes", "Unknown Attribute VisibilityTimout."),
        boto("InvalidParameterValue", "CreateQueue", "Value {\"deadLetterTargetArn\": \"x\"} for "
             "parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."),
        boto("InvalidParameterValue", "ReceiveMessage", "Value 11 for parameter "
             "MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
    ],
    "SNS: the message has no text for everybody": [
        boto("InvalidParameter", "Publish", "Invalid parameter: Message Structure - No default "
             "entry in JSON message body"),
        boto("InvalidParameter", "Publish", "Invalid parameter: Message Structure - JSON message "
             "body failed to parse"),
    ],
    "SNS: the token": [boto("InvalidParameter", "ConfirmSubscription")],
    "SNS: the filter policy": [
        boto("InvalidParameter", "Subscribe", "Invalid parameter: Attributes Reason: FilterPolicy: "
             "Match value must be String, number, true, false, or null"),
    ],
    "SNS: an ARN": [
        boto("InvalidParameter", "Unsubscribe", "Invalid parameter: SubscriptionArn Reason: An ARN "
             "must have at least 6 elements, not 1"),
        boto("InvalidParameter", "Subscribe", "Invalid parameter: Email address"),
        boto("InvalidParameter", "Publish", "Invalid parameter: Subject"),
    ],
    "DynamoDB: an expression": [
        boto("ValidationException", "Scan", "Invalid FilterExpression: An expression attribute "
             "value used in expression is not defined; attribute value: :p"),
        boto("ValidationException", "UpdateItem",
             "ExpressionAttributeNames can only be specified when using expressions"),
    ],
    "DynamoDB: the table's keys": [
        boto("ValidationException", "CreateTable", "Number of attributes in KeySchema does not "
             "exactly match number of attributes defined in AttributeDefinitions"),
        boto("ValidationException", "Query",
             "The table does not have the specified index: by-date"),
    ],
    "DynamoDB: more is asked": [boto("ProvisionedThroughputExceededException", "PutItem")],
    "DynamoDB: an item is too large": [
        boto("ValidationException", "UpdateItem",
             "Item size to update has exceeded the maximum allowed size"),
    ],
    "The process of a function ended": [
        "RequestId: 1 Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
        '{"errorType": "Runtime.OutOfMemory", "errorMessage": "Error: Runtime exited"}',
    ],
    "A library in the package": [
        "Unable to import module 'app': No module named 'pydantic_core._pydantic_core'",
        "Unable to import module 'app': /var/task/numpy/core.so: invalid ELF header",
    ],
    "The handler must take": [
        "TypeError: lambda_handler() missing 1 required positional argument: 'context'",
        "[ERROR] TypeError: handler() takes 0 positional arguments but 2 were given",
    ],
    "What the handler returned is no JSON": [
        "Unable to marshal response: datetime.date(2026, 11, 1) is not JSON serializable",
        "TypeError: Object of type Decimal is not JSON serializable",
    ],
    "A text is no JSON": [
        "[ERROR] JSONDecodeError: Extra data: line 1 column 5 (char 4)",
        "TypeError: the JSON object must be str, bytes or bytearray, not dict",
    ],
    "A field that the function needs": [
        "[ERROR] KeyError: 'order_id'",
        '{"errorMessage": "\'product\'", "errorType": "KeyError"}',
    ],
    "RequestTooLargeException": [
        boto("RequestTooLargeException", "Invoke"),
        '413 {"message":"Request Too Long"}',
    ],
    "Lambda throttles the function": [
        "Lambda execution failed with status 429 due to customer function throttled",
        boto("TooManyRequestsException", "Invoke", "Rate Exceeded."),
        "TooManyRequestsException: Rate Exceeded. {Reason: "
        "'ReservedFunctionConcurrentInvocationLimitExceeded'}",
    ],
    "AWS is asked too often": [
        boto("RequestLimitExceeded", "CreateRole"),
        boto("TooManyRequestsException", "CreateFunction", "Rate exceeded"),
        boto("ThrottlingException", "DescribeLogGroups", "Rate exceeded"),
    ],
    "The API cannot be deployed": [
        boto("BadRequestException", "CreateDeployment", "No integration defined for method"),
    ],
    "There is no such REST API": [
        boto("NotFoundException", "GetResources",
             "Invalid API identifier specified 123456789012:a1b2c3"),
        boto("NotFoundException", "GetStage"),
        boto("NotFoundException", "DeleteUsagePlan", "Invalid Usage Plan ID specified"),
    ],
    "API Gateway has that already": [
        boto("ConflictException", "CreateUsagePlanKey"),
        boto("ConflictException", "PutMethod", "Method already exists for this resource"),
    ],
    "API Gateway: the integration": [
        boto("BadRequestException", "PutIntegration", "Invalid lambda function"),
    ],
    "API Gateway refuses a part": [
        boto("BadRequestException", "CreateModel", "Invalid model specified: Validation Result: "
             "warnings : [], errors : [Invalid model schema specified]"),
    ],
    "401 or 403": [
        "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:x",
        '{"message":"Unauthorized"}', '401 {"message": "Unauthorized"}'],
    "A method of boto3": [
        "AttributeError: 'sqs.ServiceResource' object has no attribute 'get_queue_url'",
        "botocore.exceptions.UnknownServiceError: Unknown service: 'lamda'. Valid service names "
        "are: accessanalyzer, account",
    ],
    "DynamoDB's client": [
        "Parameter validation failed:\nInvalid type for parameter Key.order_id, value: a, type: "
        "<class 'str'>, valid types: <class 'dict'>",
    ],
    "WaiterError": [
        "botocore.exceptions.WaiterError: Waiter TableExists failed: Max attempts exceeded. "
        "Previously accepted state: Matched expected service error code",
    ],
    "The command lab": ["zsh: command not found: lab", "lab: command not found"],
    "SyntaxError": ["IndentationError: expected an indented block after 'if' statement on line 3"],
    "The runtime is no longer supported": [
        boto("InvalidParameterValueException", "CreateFunction", "Value nodejs4.3 at 'runtime' "
             "failed to satisfy constraint: Member must satisfy enum value set: [python3.13]"),
    ],
    "A value breaks a rule": [
        boto("ValidationException", "CreateFunction", "1 validation error detected: Value '64' at "
             "'memorySize' failed to satisfy constraint: Member must have value greater than or "
             "equal to 128"),
    ],
    "AWS refuses a parameter": [
        boto("SerializationException", "PutItem", "NUMBER_VALUE cannot be converted to String"),
        boto("IdempotentParameterMismatchException", "TransactWriteItems"),
        boto("InvalidSecurity", "SendMessage", "All requests to this queue must use HTTPS"),
        boto("InvalidParameterValueException", "CreateFunction"),
        boto("BadRequestException", "TagResource"),
    ],
    "A quota of the account": [boto("LimitExceededException", "CreateApiKey")],
    "The local cloud does not start": ["OSError: [Errno 98] Address already in use"],
    "Lambda cannot assume the role": [
        boto("InvalidParameterValueException", "CreateFunction",
             "The role defined for the function cannot be assumed by Lambda."),
    ],
    "A queue or a topic is encrypted": [
        boto("KMSAccessDenied", "Publish"),
        boto("KMS.AccessDeniedException", "SendMessage", "User: arn:aws:sts::1:assumed-role/r/f is "
             "not authorized to perform: kms:GenerateDataKey on this resource"),
        boto("KmsDisabled", "SendMessageBatch"),
        "KMSAccessDeniedException: The ciphertext refers to a customer master key that does not "
        "exist, does not exist in this region, or you are not allowed to access. (Service: AWSKMS; "
        "Status Code: 400; Error Code: AccessDeniedException; Request ID: 11e6d3bc; Proxy: null)",
        '{"errorType": "KMSAccessDenied", "errorMessage": "null (Service: AWSKMS; Status Code: '
        '400; Error Code: AccessDeniedException)"}',
    ],
    "Two changes of one thing": [
        boto("ConflictException", "PutMethod", "Unable to complete operation due to concurrent "
             "modification. Please try again later."),
        boto("OperationAbortedException", "CreateLogGroup"),
        boto("ConcurrentModification", "PutRolePolicy"),
        boto("ConcurrentAccess", "TagResource"),
        terraform("API Gateway", "CreateDeployment", "ConflictException", "Unable to complete "
                  "operation due to concurrent modification. Please try again later."),
    ],
    "AWS has a fault of its own": [
        '{"message": "Service Unavailable"}',
        boto("ServiceUnavailable", "SendMessage"),
        boto("ServiceException", "CreateFunction"),
        boto("InternalFailure", "Publish"),
        boto("InternalServerError", "PutItem"),
        '503 Service Unavailable {"message": "Service Unavailable"}',
    ],
    "TypeError: a text is used": [
        "[ERROR] TypeError: string indices must be integers, not 'str'",
        "TypeError: string indices must be integers",
        "AttributeError: 'str' object has no attribute 'get'",
        '{"errorMessage": "string indices must be integers", "errorType": "TypeError"}',
    ],
    "TypeError or AttributeError: None": [
        "[ERROR] TypeError: 'NoneType' object is not subscriptable",
        "AttributeError: 'NoneType' object has no attribute 'get'",
        "TypeError: argument of type 'NoneType' is not iterable",
    ],
    "The queue of a trigger does not exist": [
        boto("InvalidParameterValueException", "CreateEventSourceMapping", "Error occurred while "
             "ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error "
             "Message: The specified queue does not exist for this wsdl version."),
    ],
    "The queue does not exist": [
        boto("QueueDoesNotExist", "ReceiveMessage"),
    ],
    "The role of record_order may not use its dead-letter queue": [
        boto("InvalidParameterValueException", "PutFunctionEventInvokeConfig", "The function's "
             "execution role does not have permissions to call SendMessage on arn:aws:sqs:q"),
    ],
    "The connection was cut": [
        "http.client.RemoteDisconnected: Remote end closed connection without response",
        "ConnectionResetError: [Errno 104] Connection reset by peer",
        "TimeoutError: timed out",
    ],
    "The packages cannot be installed": [
        "error: externally-managed-environment",
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
        "ERROR: No matching distribution found for boto3",
    ],
    "The notebook's kernel": [
        "jupyter_client.kernelspec.NoSuchKernel: No such kernel named .venv",
        "The kernel appears to have died. It will restart automatically.",
    ],
    "A file or a folder is not there": [
        "FileNotFoundError: [Errno 2] No such file or directory: 'lambdas/take_order.py'",
        "PermissionError: [Errno 13] Permission denied: '/home/me/.local/share'",
        "make: *** No rule to make target 'demo'.  Stop.",
    ],
    "The command lab is not found": [
        "zsh: command not found: jupyter",
        "bash: .venv/bin/activate: No such file or directory",
    ],
    "A function can write to /tmp only": [
        "[ERROR] OSError: [Errno 30] Read-only file system: '/var/task/orders.csv'",
        "[ERROR] OSError: [Errno 28] No space left on device: '/tmp/orders.csv'",
    ],
    "TypeError: a list is used": [
        "[ERROR] TypeError: list indices must be integers or slices, not str",
        "AttributeError: 'list' object has no attribute 'get'",
        "AttributeError: 'dict' object has no attribute 'product'",
    ],
    "Any other error of Python's": [
        "[ERROR] UnboundLocalError: cannot access local variable 'order'",
        "[ERROR] IndexError: list index out of range",
        "RecursionError: maximum recursion depth exceeded",
        "ImportError: cannot import name 'DEFAULT_CIPHERS' from 'urllib3.util.ssl_'",
    ],
    "The call is for a FIFO queue": [
        boto("MissingParameter", "SendMessage", "The request must contain the parameter "
             "MessageGroupId."),
        boto("InvalidParameterValue", "SendMessage", "Value tea for parameter "
             "MessageDeduplicationId is invalid."),
    ],
    "The account is not ready": [
        boto("RegionDisabledException", "AssumeRole", "STS is not activated in this region"),
    ],
    "429 Too Many Requests": [
        "urllib.error.HTTPError: HTTP Error 429: Too Many Requests",
    ],
    "502 from the API": [
        "urllib.error.HTTPError: HTTP Error 502: Bad Gateway",
    ],
    "InvalidRequestContentException": [
        'Invalid base64: "{"product": "tea"}"',
    ],
    "A function took too long": [
        "REPORT RequestId: 5b8f Duration: 3000.00 ms Billed Duration: 3000 ms Status: timeout",
    ],
    "A function lacks an environment variable": [
        "KeyError: 'TABLE_NAME'",
        '{"errorMessage": "\'PRICES_TABLE\'", "errorType": "KeyError"}',
    ],
    "AWS cannot be reached": [
        "ssl.SSLCertVerificationError: certificate verify failed: unable to get local issuer",
        "curl: (6) Could not resolve host: a1b2c3.execute-api.us-esat-1.amazonaws.com",
        "SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
    ],
}  # fmt: skip
# Who has an account is told another thing than who has the local cloud.
ON_AWS = {
    boto("MissingAuthenticationTokenException", "CreateFunction"): "The credentials are not valid",
    '{"message":"Missing Authentication Token"}': "403 Missing Authentication Token",
}
TEXTS = [(start, text) for start, texts in WORDINGS.items() for text in texts]


@pytest.mark.parametrize(("start", "text"), TEXTS)
def test_an_error_is_known_by_its_kind(start: str, text: str) -> None:
    assert str(name_for(text)).startswith(start)
    assert str(name_for(text, local=True)).startswith(start)


@pytest.mark.parametrize("text", ON_AWS)
def test_a_call_without_a_signature_is_no_wrong_path(text: str) -> None:
    assert str(name_for(text)).startswith(ON_AWS[text])


@pytest.mark.parametrize(
    "text",
    [
        boto("ResourceConflictException", "Brew"),
        boto("Teapot", "CreateFunction"),
        "the trigger and the batch",
        "KeyErrors are common",
    ],
)
def test_half_a_kind_is_not_taken_for_it(text: str) -> None:
    found = str(name_for(text))
    assert found in ("None", "A thing of that name exists already"), found
