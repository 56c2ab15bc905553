"""Models: a body that they refuse is no request for the function."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.rest_api import Api

SCHEMA = {
    "type": "object",
    "required": ["product"],
    "additionalProperties": False,
    "properties": {"product": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}},
}


def put_validated_method(api: Api, schema: Any = SCHEMA) -> None:
    api.api.create_model(
        restApiId=api.id, name="Order", contentType="application/json", schema=json.dumps(schema)
    )
    validator = api.api.create_request_validator(
        restApiId=api.id, name="body", validateRequestBody=True
    )
    api.put_method(requestValidatorId=validator["id"], requestModels={"application/json": "Order"})


BAD_BODIES = [
    ({"quantity": 1}, "product"),
    ({"product": 7}, "product"),
    ({"product": "tea", "quantity": True}, "quantity"),
    ({"product": "tea", "quantity": 1.5}, "quantity"),
    ({"product": "tea", "quantity": 0}, "quantity"),
    ({"product": "tea", "color": "green"}, "color"),
    ([], "body"),
    (b"{tea", "body"),
    (b"", "body"),
    (b"\xff\xfe", "body"),
]


@pytest.mark.parity(
    "A JSON body that the model refuses is a 400",
    module="apigateway.stages",
    kept="yes; `validationErrorString` is in other words, and always names the field",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
)
@pytest.mark.parametrize(("body", "field"), BAD_BODIES)
def test_a_body_that_the_model_refuses_is_a_400(api: Api, body: Any, field: str) -> None:
    put_validated_method(api)
    api.deploy()
    assert api.post(body) == (400, {"message": "Invalid request body"})
    api.api.put_gateway_response(
        restApiId=api.id,
        responseType="BAD_REQUEST_BODY",
        responseTemplates={
            "application/json": '{"message": "$context.error.validationErrorString"}'
        },
    )
    api.deploy()
    status, answer = api.post(body)
    assert status == 400
    assert field in answer["message"]


@pytest.mark.parity(
    "A body of a content type without a model is not validated",
    module="apigateway.stages",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html",
)
def test_a_body_of_another_content_type_passes_the_model_by(api: Api) -> None:
    put_validated_method(api)
    api.deploy()
    assert api.post({"quantity": 0}, **{"Content-Type": "text/plain"})[0] == 201


@pytest.mark.parity(
    "A body of more than 10 MB is a 413",
    module="apigateway.stages",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html",
)
def test_endless_brackets_are_a_400_and_a_huge_body_is_a_413(api: Api) -> None:
    put_validated_method(api)
    api.deploy()
    assert api.post(b"[" * 200_000)[0] == 400
    assert api.post(b"x" * (10 * 1024 * 1024 + 1)) == (413, {"message": "Request Too Long"})
    status, answer = api.post({"product": ["x" * 100_000]})
    assert status == 400
    assert len(answer["message"]) < 1000


WRONG_SCHEMAS = [
    {"type": "nonsense"},
    {"required": []},
    {"properties": {"product": {"enum": ["a", "a"]}}},
    {"properties": {"product": {"multipleOf": 0}}},
]


@pytest.mark.parity(
    "A model whose schema is none of JSON schema draft 4 is refused",
    module="apigateway.rules",
    kept="yes; a pattern has to be one that Python can read, too",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html",
)
def test_a_schema_that_is_none_is_refused(api: Api) -> None:
    for schema in WRONG_SCHEMAS:
        with pytest.raises(api.api.exceptions.BadRequestException, match="model schema specified"):
            put_validated_method(api, schema)
    with pytest.raises(ClientError, match=r"reads patterns as Python does, .* \^\\p{L}\+"):
        put_validated_method(api, {"properties": {"product": {"pattern": r"^\p{L}+"}}})


UNCHECKABLE = [
    ({"properties": {"product": {"pattern": r"^(\w+\s?)+$"}}}, {"product": "t" * 60 + "!"}),
    ({"$ref": "#"}, {"product": "tea"}),
    ({"properties": {"product": {"multipleOf": 0.1}}}, {"product": 10**400}),
]


@pytest.mark.parametrize(("schema", "body"), UNCHECKABLE)
def test_a_body_that_cannot_be_checked_holds_up_nobody(api: Api, schema: Any, body: Any) -> None:
    put_validated_method(api, schema)
    api.deploy()
    assert api.post(body) == (500, {"message": "Internal server error"})
    assert api.post({})[0] in (201, 500)  # in that of itself, nothing can be checked
