"""A request is parsed once, in the protocol of its service."""

from __future__ import annotations

import pytest

from localcloud import call
from localcloud.call import Call, UnreadableCallError
from localcloud.http import Request

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def read(
    service: str,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Call:

    made = Request(method, path, query, headers or {}, body)
    return call.read(made, service, "us-east-1", "KEY")


def test_json_names_its_operation_in_a_header() -> None:
    made = read("sqs", headers={"x-amz-target": "AmazonSQS.SendMessage"}, body=b'{"QueueUrl": "u"}')
    assert (made.operation, made.parameters) == ("SendMessage", {"QueueUrl": "u"})
    assert (made.service, made.region, made.access_key_id) == ("sqs", "us-east-1", "KEY")


def test_a_form_and_an_address_name_it_beside_the_parameters() -> None:
    as_form = read("sns", headers=FORM, body=b"Action=Publish&Message=t%C3%A9&Version=2010-03-31")
    assert (as_form.operation, as_form.parameters["Message"]) == ("Publish", "té")
    as_address = read("sts", "GET", query="Action=GetCallerIdentity&Version=2011-06-15")
    assert as_address.operation == "GetCallerIdentity"


@pytest.mark.parametrize(
    ("service", "method", "path", "operation", "parameters"),
    [
        (
            "lambda",
            "POST",
            "/2015-03-31/functions/a%3Ab/invocations",
            "Invoke",
            {"FunctionName": "a:b"},
        ),
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions", {}),
        (
            "apigateway",
            "POST",
            "/restapis/a/resources/r/methods/GET",
            "TestInvokeMethod",
            {"restapi_id": "a", "resource_id": "r", "http_method": "GET"},
        ),
        ("lambda", "POST", "/nothing/here", "", {}),
        ("no-service-of-that-name", "GET", "/", "", {}),
    ],
)
def test_rest_names_it_by_method_and_path(
    service: str, method: str, path: str, operation: str, parameters: dict[str, str]
) -> None:
    made = read(service, method, path)
    assert (made.operation, made.parameters) == (operation, parameters)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_is_noticed(body: bytes) -> None:
    with pytest.raises(UnreadableCallError, match="body"):
        read("sqs", headers={"x-amz-target": "AmazonSQS.SendMessage"}, body=body)
