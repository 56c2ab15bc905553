"""What becomes of each member of a request: nothing is accepted and forgotten.

For every operation that the tutorial, the lab command or an exercise uses, each member of its input
in AWS's model is heeded, or refused, or not done. A refused one is refused by name. One that is not
done changes nothing here; the first use of it is a warning in the local cloud's log. A test fails
for a member of a newer model on which nobody has decided, and PARITY.md lists them all.

A member without its value, or with AWS's default or an empty one, asks for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from localcloud.call import Call
from localcloud.http import Response

logger = logging.getLogger(__name__)
_DEFAULTS = ("BUFFERED", "HEADER", "INTERNET", "None", "PassThrough", "STANDARD", "WHEN_NO_MATCH")
_PAGES = "limit position"
_MAPPING = (
    "FunctionName Enabled BatchSize ScalingConfig MaximumBatchingWindowInSeconds "
    "FunctionResponseTypes FilterCriteria -KMSKeyArn -MetricsConfig -LoggingConfig "
    "+ParallelizationFactor +DestinationConfig +MaximumRecordAgeInSeconds "
    "+BisectBatchOnFunctionError +MaximumRetryAttempts +TumblingWindowInSeconds "
    "!SourceAccessConfigurations !AmazonManagedKafkaEventSourceConfig "
    "!SelfManagedKafkaEventSourceConfig !DocumentDBEventSourceConfig !ProvisionedPollerConfig"
)
_CONDITIONS = (
    "ConditionExpression ExpressionAttributeNames ExpressionAttributeValues "
    "-ConditionalOperator ReturnValues ReturnValuesOnConditionCheckFailure "
    "ReturnConsumedCapacity -ReturnItemCollectionMetrics"
)
_READING = (
    "TableName IndexName Limit Select ExclusiveStartKey ConsistentRead ProjectionExpression "
    "FilterExpression ExpressionAttributeNames ExpressionAttributeValues ReturnConsumedCapacity "
    "-AttributesToGet -ConditionalOperator"
)
_CONFIGURATION = (
    "FunctionName Role Handler Description Timeout MemorySize Environment Runtime DeadLetterConfig "
    "!VpcConfig -KMSKeyArn -TracingConfig !Layers !FileSystemConfigs !ImageConfig "
    "-EphemeralStorage !SnapStart LoggingConfig !CapacityProviderConfig !DurableConfig "
    "-RuntimeConfig !AcceleratorConfig"
)
# The members of each operation: heeded, or with a mark. "-" is not done, "!" refused here, and "+"
# refused by the service in its own words.
DECISIONS: dict[str, dict[str, str]] = {
    "apigateway": {
        "CreateApiKey": "name description enabled value customerId tags -generateDistinctId "
        "-stageKeys",
        "CreateDeployment": "restApiId stageName description -stageDescription "
        "-cacheClusterEnabled -cacheClusterSize !variables !canarySettings -tracingEnabled",
        "CreateModel": "restApiId name description schema contentType",
        "CreateRequestValidator": "restApiId name validateRequestBody validateRequestParameters",
        "CreateResource": "restApiId parentId pathPart",
        "CreateRestApi": "name description version binaryMediaTypes endpointConfiguration tags "
        "!cloneFrom -minimumCompressionSize -apiKeySource !policy -disableExecuteApiEndpoint "
        "-securityPolicy -endpointAccessMode",
        "CreateUsagePlan": "name description apiStages throttle quota tags",
        "CreateUsagePlanKey": "usagePlanId keyId keyType",
        "DeleteApiKey": "apiKey",
        "DeleteRestApi": "restApiId",
        "DeleteUsagePlan": "usagePlanId",
        "GetApiKey": "apiKey includeValue",
        "GetApiKeys": f"nameQuery includeValues -customerId {_PAGES}",
        "GetModel": "restApiId modelName -flatten",
        "GetModels": f"restApiId {_PAGES}",
        "GetRequestValidators": f"restApiId {_PAGES}",
        "GetResource": "restApiId resourceId embed",
        "GetResources": f"restApiId embed {_PAGES}",
        "GetRestApis": _PAGES,
        "GetStages": "restApiId deploymentId",
        "GetUsagePlan": "usagePlanId",
        "GetUsagePlanKeys": f"usagePlanId nameQuery {_PAGES}",
        "GetUsagePlans": f"keyId {_PAGES}",
        "PutGatewayResponse": "restApiId responseType statusCode responseTemplates "
        "-responseParameters",
        "PutIntegration": "restApiId resourceId httpMethod type integrationHttpMethod uri "
        "credentials timeoutInMillis -connectionType !connectionId -requestParameters "
        "-requestTemplates -passthroughBehavior -cacheNamespace -cacheKeyParameters "
        "-contentHandling -tlsConfig -responseTransferMode !integrationTarget",
        "PutMethod": "restApiId resourceId httpMethod authorizationType apiKeyRequired "
        "operationName requestParameters requestModels requestValidatorId !authorizerId "
        "!authorizationScopes",
        "TagResource": "+resourceArn +tags",
        "TestInvokeMethod": "restApiId resourceId httpMethod pathWithQueryString body headers "
        "-multiValueHeaders -clientCertificateId -stageVariables",
        "UpdateModel": "restApiId modelName patchOperations",
        "UpdateUsagePlan": "usagePlanId patchOperations",
    },
    "dynamodb": {
        "CreateTable": "AttributeDefinitions TableName KeySchema LocalSecondaryIndexes "
        "GlobalSecondaryIndexes BillingMode ProvisionedThroughput StreamSpecification Tags "
        "DeletionProtectionEnabled -SSESpecification -TableClass -WarmThroughput !ResourcePolicy "
        "-OnDemandThroughput !GlobalTableSourceArn !GlobalTableSettingsReplicationMode "
        "!VectorIndexes",
        "DeleteItem": f"TableName Key {_CONDITIONS} -Expected",
        "DeleteTable": "TableName",
        "DescribeTable": "TableName",
        "DescribeTimeToLive": "TableName",
        "GetItem": "TableName Key ConsistentRead ReturnConsumedCapacity ProjectionExpression "
        "ExpressionAttributeNames -AttributesToGet",
        "ListTables": "ExclusiveStartTableName Limit",
        "ListTagsOfResource": "ResourceArn NextToken",
        "PutItem": f"TableName Item {_CONDITIONS} Expected",
        "Query": f"{_READING} KeyConditions QueryFilter ScanIndexForward KeyConditionExpression",
        "Scan": f"{_READING} ScanFilter TotalSegments Segment",
        "TagResource": "ResourceArn Tags",
        "UpdateTimeToLive": "TableName TimeToLiveSpecification",
    },
    "iam": {
        "AttachUserPolicy": "UserName PolicyArn",
        "CreateAccessKey": "UserName",
        "CreatePolicy": "PolicyName Path PolicyDocument Description Tags",
        "CreatePolicyVersion": "PolicyArn PolicyDocument SetAsDefault",
        "CreateRole": "Path RoleName AssumeRolePolicyDocument Description MaxSessionDuration Tags "
        "PermissionsBoundary",
        "CreateUser": "Path UserName !PermissionsBoundary Tags",
        "DeleteAccessKey": "UserName AccessKeyId",
        "DeleteLoginProfile": "UserName",
        "DeletePolicy": "PolicyArn",
        "DeletePolicyVersion": "PolicyArn VersionId",
        "DeleteRole": "RoleName",
        "DeleteRolePermissionsBoundary": "RoleName",
        "DeleteRolePolicy": "RoleName PolicyName",
        "DeleteUser": "UserName",
        "DeleteUserPolicy": "UserName PolicyName",
        "DetachRolePolicy": "RoleName PolicyArn",
        "DetachUserPolicy": "UserName PolicyArn",
        "GetAccountSummary": "",
        "GetPolicy": "PolicyArn",
        "GetPolicyVersion": "PolicyArn VersionId",
        "GetRole": "RoleName",
        "GetRolePolicy": "RoleName PolicyName",
        "GetUser": "UserName",
        "ListAccessKeys": "UserName Marker MaxItems",
        "ListAccountAliases": "Marker MaxItems",
        "ListAttachedRolePolicies": "RoleName PathPrefix Marker MaxItems",
        "ListAttachedUserPolicies": "UserName PathPrefix Marker MaxItems",
        "ListPolicyVersions": "PolicyArn Marker MaxItems",
        "ListRolePolicies": "RoleName Marker MaxItems",
        "ListPolicies": "Scope OnlyAttached PathPrefix -PolicyUsageFilter Marker MaxItems",
        "ListRoles": "PathPrefix Marker MaxItems",
        "ListUserPolicies": "UserName Marker MaxItems",
        "ListUsers": "PathPrefix Marker MaxItems",
        "PutRolePolicy": "RoleName PolicyName PolicyDocument",
        "SimulatePrincipalPolicy": "PolicySourceArn ActionNames ResourceArns ContextEntries "
        "!PolicyInputList !PermissionsBoundaryPolicyInputList !PolicyExclusionList "
        "!ResourcePolicy !ResourceOwner !CallerArn !ResourceHandlingOption Marker MaxItems",
        "UpdateAssumeRolePolicy": "RoleName PolicyDocument",
    },
    "lambda": {
        "AddPermission": "FunctionName StatementId Action Principal SourceArn SourceAccount "
        "EventSourceToken Qualifier RevisionId PrincipalOrgID FunctionUrlAuthType "
        "-InvokedViaFunctionUrl",
        "CreateEventSourceMapping": f"EventSourceArn {_MAPPING} Tags +StartingPosition "
        "+StartingPositionTimestamp !Topics !Queues !SelfManagedEventSource",
        "CreateFunction": f"{_CONFIGURATION} Code Publish PackageType Tags Architectures "
        "!PublishTo !CodeSigningConfigArn !TenancyConfig",
        "DeleteEventSourceMapping": "UUID",
        "DeleteFunction": "FunctionName Qualifier",
        "DeleteFunctionConcurrency": "FunctionName",
        "GetAccountSettings": "",
        "GetEventSourceMapping": "UUID",
        "GetFunction": "FunctionName Qualifier",
        "GetFunctionConcurrency": "FunctionName",
        "GetFunctionConfiguration": "FunctionName Qualifier",
        "GetPolicy": "FunctionName Qualifier",
        "Invoke": "FunctionName InvocationType LogType ClientContext Payload Qualifier "
        "!DurableExecutionName !TenantId",
        "ListEventSourceMappings": "EventSourceArn FunctionName Marker MaxItems",
        "ListFunctions": "-MasterRegion FunctionVersion Marker MaxItems",
        "ListTags": "Resource",
        "RemovePermission": "FunctionName StatementId Qualifier RevisionId",
        "TagResource": "Resource Tags",
        "UpdateEventSourceMapping": f"UUID {_MAPPING}",
        "UpdateFunctionCode": "FunctionName ZipFile S3Bucket S3Key Publish DryRun "
        "-S3ObjectVersion -S3ObjectStorageMode !ImageUri -Architectures !PublishTo RevisionId "
        "-SourceKMSKeyArn",
        "UpdateFunctionConfiguration": f"{_CONFIGURATION} RevisionId",
    },
    "logs": {
        "CreateLogGroup": "logGroupName tags -kmsKeyId -logGroupClass -deletionProtectionEnabled",
        "DeleteLogGroup": "logGroupName",
        "DescribeLogGroups": "logGroupNamePrefix nextToken limit -accountIdentifiers "
        "logGroupNamePattern -includeLinkedAccounts -logGroupClass -logGroupIdentifiers",
        "DescribeLogStreams": "logGroupName logStreamNamePrefix orderBy descending nextToken limit "
        "logGroupIdentifier",
        "FilterLogEvents": "logGroupName logStreamNames startTime endTime filterPattern nextToken "
        "limit interleaved logStreamNamePrefix -logGroupIdentifier -startFromHead -unmask",
        "GetLogEvents": "logGroupName logStreamName startTime endTime nextToken limit "
        "startFromHead logGroupIdentifier -unmask",
        "ListTagsForResource": "resourceArn",
        "PutIntegration": "+integrationName +resourceConfig +integrationType",
        "PutRetentionPolicy": "logGroupName retentionInDays",
        "TagResource": "resourceArn tags",
    },
    "sns": {
        "AddPermission": "TopicArn Label AWSAccountId ActionName",
        "ConfirmSubscription": "TopicArn Token -AuthenticateOnUnsubscribe",
        "CreateTopic": "Name Attributes Tags -DataProtectionPolicy",
        "DeleteTopic": "TopicArn",
        "GetSubscriptionAttributes": "SubscriptionArn",
        "GetTopicAttributes": "TopicArn",
        "ListSubscriptionsByTopic": "TopicArn NextToken",
        "ListTagsForResource": "ResourceArn",
        "ListTopics": "NextToken",
        "Publish": "TopicArn TargetArn Message Subject MessageStructure MessageAttributes "
        "+PhoneNumber -MessageDeduplicationId -MessageGroupId",
        "PublishBatch": "TopicArn PublishBatchRequestEntries",
        "RemovePermission": "TopicArn Label",
        "SetSubscriptionAttributes": "SubscriptionArn AttributeName AttributeValue",
        "Subscribe": "TopicArn Protocol Endpoint Attributes ReturnSubscriptionArn",
        "TagResource": "ResourceArn Tags",
        "Unsubscribe": "SubscriptionArn",
    },
    "sqs": {
        "AddPermission": "QueueUrl Label AWSAccountIds Actions",
        "ChangeMessageVisibilityBatch": "QueueUrl Entries",
        "CreateQueue": "QueueName Attributes tags",
        "DeleteMessage": "QueueUrl ReceiptHandle",
        "DeleteQueue": "QueueUrl",
        "GetQueueAttributes": "QueueUrl AttributeNames",
        "GetQueueUrl": "QueueName -QueueOwnerAWSAccountId",
        "ListMessageMoveTasks": "SourceArn MaxResults",
        "ListQueueTags": "QueueUrl",
        "ListQueues": "QueueNamePrefix NextToken MaxResults",
        "ReceiveMessage": "QueueUrl AttributeNames MessageSystemAttributeNames "
        "MessageAttributeNames MaxNumberOfMessages VisibilityTimeout WaitTimeSeconds "
        "-ReceiveRequestAttemptId",
        "RemovePermission": "QueueUrl Label",
        "SendMessage": "QueueUrl MessageBody DelaySeconds MessageAttributes "
        "MessageSystemAttributes +MessageDeduplicationId MessageGroupId",
        "SendMessageBatch": "QueueUrl Entries",
        "SetQueueAttributes": "QueueUrl Attributes",
        "StartMessageMoveTask": "SourceArn DestinationArn MaxNumberOfMessagesPerSecond",
    },
    "sts": {"GetCallerIdentity": ""},
}


@dataclass(frozen=True)
class Decision:
    """What becomes of an operation's members."""

    heeded: frozenset[str]
    refused: frozenset[str]
    refused_by_the_service: frozenset[str]
    not_done: frozenset[str]

    @property
    def members(self) -> frozenset[str]:
        """All members that somebody decided on."""
        return self.heeded | self.refused | self.refused_by_the_service | self.not_done


@cache
def decision(service: str, operation: str) -> Decision | None:
    """What becomes of the members of an operation; None for one that nothing here uses."""
    if (written := DECISIONS.get(service, {}).get(operation)) is None:
        return None
    words = written.split()

    def marked(mark: str) -> frozenset[str]:
        return frozenset(word[1:] for word in words if word[0] == mark)

    heeded = frozenset(word for word in words if word[0].isalpha())
    return Decision(heeded, marked("!"), marked("+"), marked("-"))


def refusal(call: Call, given: Mapping[str, Any]) -> Response | None:
    """The answer to a call with a member that is refused here, else None. Warns of one that is not
    done."""
    found = decision(call.service, call.operation)
    if found is None:
        return None
    for name in found.refused:
        if _asks(given.get(name)):
            text = f"The local cloud has no {name} of {call.operation}; leave it out."
            return call.error(501, "NotImplemented", text)
    for name in found.not_done:
        if _asks(given.get(name)):
            _warn(call.service, call.operation, name)
    return None


def _asks(value: Any) -> bool:
    """Whether a value asks for anything."""
    if isinstance(value, dict):
        return any(map(_asks, value.values()))
    return bool(value) and value not in _DEFAULTS


@cache  # once is enough
def _warn(service: str, operation: str, name: str) -> None:
    logger.warning(
        "%s %s: the local cloud does not heed %s; PARITY.md lists what it does.",
        service,
        operation,
        name,
    )
