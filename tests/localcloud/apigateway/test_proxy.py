"""What a function gets of a request, and what becomes of its reply."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.support import http
from tests.support.rest_api import Api


@pytest.mark.parity(
    "A Lambda proxy integration hands the function the event of format 1.0, and its "
    "reply is the answer",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
)
def test_the_function_gets_the_documented_event_and_its_reply_is_the_answer(api: Api) -> None:
    api.put_method()
    api.deploy()
    answer = http.request(
        "POST", api.url() + "?a=1&a=2&b=%20x", json={"product": "شاي 🍵"}, headers={"X-Me": "ana"}
    )
    assert (answer.status, answer.headers["X-Tea"]) == (201, "green")
    event = answer.json()
    assert event["httpMethod"] == "POST"
    assert (event["path"], event["resource"]) == ("/orders", "/orders")
    assert event["queryStringParameters"] == {"a": "2", "b": " x"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" x"]}
    assert json.loads(event["body"]) == {"product": "شاي 🍵"}
    assert event["headers"]["X-Me"] == "ana"
    assert event["isBase64Encoded"] is False
    context = event["requestContext"]
    assert (context["stage"], context["apiId"], context["path"]) == ("prod", api.id, "/prod/orders")
    assert context["requestTimeEpoch"] > 1_700_000_000_000


@pytest.mark.parity(
    "A function that fails, or replies in another form, is a 502; one that takes too long is a 504",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html",
)
@pytest.mark.parametrize(
    ("wish", "timeout_ms", "status", "message"),
    [
        ("raise", 29_000, 502, "Internal server error"),
        ("malformed", 29_000, 502, "Internal server error"),
        ("sleep", 1000, 504, "Endpoint request timed out"),
    ],
)
def test_a_failing_function_is_a_5xx(
    api: Api, wish: str, timeout_ms: int, status: int, message: str
) -> None:
    api.put_method(timeout_ms=timeout_ms)
    api.deploy()
    assert api.post({"product": wish}) == (status, {"message": message})


def replied(api: Api, reply: Any) -> Any:
    api.put_method()
    api.deploy()
    body = {"product": "reply", "reply": reply}
    return http.request("POST", api.url(), json=body, retries=False, timeout=90)


@pytest.mark.parity(
    "The headers of a reply are kept, those with many values as well",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html",
)
def test_the_headers_of_a_reply_are_kept_and_those_of_the_server_are_its_own(api: Api) -> None:
    headers = {"content-type": "text/plain", "Content-Length": "99", "X-Many": 7, "X-No": None}
    headers |= {"X-Both": "last"}
    answer = replied(
        api,
        {
            "statusCode": 200,
            "headers": headers,
            "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"], "X-Both": ["first"]},
            "body": "tea",
        },
    )
    assert (answer.status, answer.data) == (200, b"tea")
    assert answer.headers.getlist("Content-Type") == ["text/plain"]
    assert answer.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert answer.headers["X-Many"] == "7"
    assert "X-No" not in answer.headers
    assert answer.headers.getlist("X-Both") == ["first", "last"]


@pytest.mark.parity(
    "Headers that a function cannot set come under another name, or not at all",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html",
)
def test_headers_that_a_function_cannot_set_are_remapped_or_dropped(api: Api) -> None:
    remapped = {"Authorization": "a", "Connection": "b", "Content-Length": "99", "date": "d",
                "Server": "e", "User-Agent": "f", "WWW-Authenticate": "g"}  # fmt: skip
    dropped = {"Host": "h", "TE": "i", "Upgrade": "j", "Via": "k", "Transfer-Encoding": "chunked"}
    many = {"x-amzn-RequestId": ["mine", "too"]}
    reply = {"headers": {**remapped, **dropped}, "multiValueHeaders": many, "body": "tea"}
    answer = replied(api, reply)
    assert (answer.status, answer.data) == (200, b"tea")
    for name, value in remapped.items():
        assert answer.headers[f"x-amzn-Remapped-{name}"] == value
        assert answer.headers.get(name) != value, name
    assert not dropped.items() & answer.headers.items()
    assert answer.headers.getlist("x-amzn-Remapped-x-amzn-RequestId") == ["mine", "too"]
    assert len(answer.headers.getlist("x-amzn-RequestId")) == 1


@pytest.mark.parity(
    "A request has one id in its event and in the answer, refused or not",
    kept="yes",
    aws="https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html",
)
def test_a_request_is_known_by_the_ids_in_its_answer(api: Api) -> None:
    api.put_method()
    api.deploy()
    answer = http.request("POST", api.url(), json={}, headers={"TE": "x", "Max-Forwards": "1"})
    event, headers = answer.json(), answer.headers
    assert event["requestContext"]["requestId"] == headers["x-amzn-RequestId"]
    assert event["requestContext"]["extendedRequestId"] == headers["x-amz-apigw-id"]
    assert event["headers"]["X-Amzn-Trace-Id"] == headers["X-Amzn-Trace-Id"]
    assert not {"TE", "Max-Forwards"} & event["headers"].keys()
    for url in (api.url("/nothing"), api.url(stage="nope")):
        refused = http.request("GET", url)
        assert refused.status == 403
        assert refused.headers["x-amzn-RequestId"] and refused.headers["x-amz-apigw-id"]
        assert "X-Amzn-Trace-Id" not in refused.headers


@pytest.mark.parametrize(
    "reply",
    [
        {"statusCode": 99},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": float("inf")},
        {"statusCode": "tea"},
        {"statusCode": 200, "headers": {"X Tea": "green"}},
        {"statusCode": 200, "headers": {"": "green"}},
        {"statusCode": 200, "headers": {"X": "green\x00"}},
        {"statusCode": 200, "multiValueHeaders": {"X": ["green", "\x7f"]}},
        {"statusCode": 200, "headers": {"X": "tea\r\nSet-Cookie: a=1"}},
        {"statusCode": 200, "headers": {"X": "شاي"}},
        {"statusCode": 200, "body": {"tea": 1}},
        {"statusCode": 200, "headers": {"Set-Cookie": ["a=1", "b=2"]}},
        {"statusCode": 200, "headers": {"X": {"tea": "green"}}},
        {"statusCode": 200, "multiValueHeaders": {"X": "green"}},
        {"statusCode": 200, "multiValueHeaders": {"X": [["green"]]}},
        {"statusCode": 200, "cookies": ["a=1"]},
    ],
)
def test_a_reply_that_http_cannot_carry_is_a_502(api: Api, reply: Any) -> None:
    assert replied(api, reply).status == 502


def test_a_reply_without_a_status_code_is_a_200(api: Api) -> None:
    answer = replied(api, {"headers": {"X": "green"}})
    assert (answer.status, answer.headers["X"], answer.data) == (200, "green", b"")


@pytest.mark.parity(
    "A reply with the status 204 or 304 has no body, and the next one on the connection is whole",
    kept="yes",
    module="server",
    service="API Gateway",
)
@pytest.mark.parametrize("status", [204, 304])
def test_a_204_and_a_304_have_no_body(api: Api, status: int) -> None:
    api.put_method()
    api.deploy()
    host, _, rest = api.url().removeprefix("http://").partition("/")
    bodies = [
        json.dumps({"product": "reply", "reply": reply})
        for reply in ({"statusCode": status, "body": "tea"}, {"statusCode": 200, "body": "cup"})
    ]
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=90) as connection:
        for body in bodies:  # at once, as a pipelining client does
            connection.sendall(
                f"POST /{rest} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
        got = b""
        while not got.endswith(b"cup"):
            got += connection.recv(65536)
    first, _, second = got.partition(b"\r\n\r\n")
    assert f"HTTP/1.1 {status}".encode() in first and b"content-length" not in first.lower()
    assert second.startswith(b"HTTP/1.1 200")
