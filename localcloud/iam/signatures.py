"""What a request's signature says, and whether it is right.

A signature is in the header Authorization, or in the query of a presigned URL. botocore's own
signer computes the right one, from the headers that the request claims to sign. Deriving the key
from a secret, a day, a region and a service is half of the work, so we keep it. Each refusal has
AWS's code and words for the protocol of the service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import parsedate
from functools import lru_cache
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as SigningCredentials

from localcloud import clock
from localcloud.http import Request
from localcloud.iam.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_TIME = "%Y%m%dT%H%M%SZ"
_SKEW_SECONDS = 5 * 60
_LONGEST_PRESIGNED = 7 * 24 * 60 * 60
# Requests that themselves say which service they are for, no matter what their signature says.
_TARGETS = {"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb", "Logs_20140328": "logs"}
_VERSIONS = {"2010-03-31": "sns", "2010-05-08": "iam", "2011-06-15": "sts", "2012-11-05": "sqs"}


class RefusedSignatureError(Exception):
    """A request that is not signed, or signed wrongly. `kind` is one of MISSING to
    EXPIRED_REQUEST."""

    def __init__(self, kind: str, message: str, service: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.service = service


MISSING, INCOMPLETE, UNKNOWN, WRONG = "missing", "incomplete", "unknown", "wrong"
EXPIRED_TOKEN, EXPIRED_REQUEST = "expired token", "expired request"
# The status and code of each service's protocol.
_QUERY = {
    MISSING: (403, "MissingAuthenticationToken"),
    INCOMPLETE: (400, "IncompleteSignature"),
    UNKNOWN: (403, "InvalidClientTokenId"),
    WRONG: (403, "SignatureDoesNotMatch"),
    EXPIRED_TOKEN: (403, "ExpiredToken"),
    EXPIRED_REQUEST: (400, "RequestExpired"),
}
_JSON_CODES = {
    MISSING: "MissingAuthenticationTokenException",
    INCOMPLETE: "IncompleteSignatureException",
    UNKNOWN: "UnrecognizedClientException",
    WRONG: "InvalidSignatureException",
    EXPIRED_TOKEN: "ExpiredTokenException",
    EXPIRED_REQUEST: "RequestExpired",
}
_JSON = {kind: (400, code) for kind, code in _JSON_CODES.items()}
_REST_JSON = {kind: (403, code) for kind, code in _JSON_CODES.items()}
_CODES = {
    **dict.fromkeys(("sns", "iam", "sts", "sqs"), _QUERY),
    **dict.fromkeys(("dynamodb", "logs"), _JSON),
}


def status_and_code(error: RefusedSignatureError) -> tuple[int, str]:
    """The HTTP status and the error code that the service answers with."""
    return _CODES.get(error.service or "", _REST_JSON)[error.kind]


@dataclass(frozen=True)
class Signed:
    """What the signature of a request says. `lasts` is in seconds, and only for presigned ones."""

    access_key_id: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str
    timestamp: str
    token: str | None = None
    lasts: int | None = None


def read(request: Request) -> Signed:
    """Read the signature of a request. Raises RefusedSignatureError if it is missing or lacks a
    part."""
    header = request.headers.get("authorization")
    if header is not None:
        return _from_header(request, header)
    if "X-Amz-Signature=" in request.query or "X-Amz-Credential=" in request.query:
        return _from_query(request)
    service = _asked_service(request)
    text = "Request is missing Authentication Token" if service else "Missing Authentication Token"
    raise RefusedSignatureError(MISSING, text, service)


def _from_header(request: Request, header: str) -> Signed:
    algorithm, _, rest = header.strip().partition(" ")
    parts = dict(re.findall(r"(\w+)=([^,\s]+)", rest))
    names = ("Credential", "SignedHeaders", "Signature")
    lacking = [name for name in names if name not in parts]
    timestamp = request.headers.get("x-amz-date") or _as_timestamp(request.headers.get("date"))
    if algorithm != _ALGORITHM or lacking or not timestamp:
        wanted = [f"Authorization header requires '{name}' parameter." for name in lacking]
        if not timestamp:
            wanted.append(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                "header."
            )
        text = " ".join(wanted) or f"Unsupported algorithm; use {_ALGORITHM}."
        raise RefusedSignatureError(INCOMPLETE, text, _asked_service(request))
    token = request.headers.get("x-amz-security-token")
    credential, headers, made = (parts[name] for name in names)
    return _signed(request, credential, headers, made, timestamp, token)


def _from_query(request: Request) -> Signed:
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    names = ("Credential", "SignedHeaders", "Signature", "Date")
    lacking = [name for name in names if not query.get(f"X-Amz-{name}")]
    lasts = query.get("X-Amz-Expires", "")
    if query.get("X-Amz-Algorithm") != _ALGORITHM or lacking:
        wanted = [f"AWS query-string parameters must include 'X-Amz-{name}'." for name in lacking]
        text = " ".join(wanted) or f"Unsupported algorithm; use {_ALGORITHM}."
        raise RefusedSignatureError(INCOMPLETE, text, _asked_service(request))
    if not re.fullmatch(r"\d{1,6}", lasts) or int(lasts) > _LONGEST_PRESIGNED:
        text = "X-Amz-Expires must be less than a week (in seconds)"
        raise RefusedSignatureError(INCOMPLETE, text, _asked_service(request))
    credential, headers, made, timestamp = (query[f"X-Amz-{name}"] for name in names)
    token = query.get("X-Amz-Security-Token")
    return _signed(request, credential, headers, made, timestamp, token, int(lasts))


def _signed(
    request: Request,
    credential: str,
    signed_headers: str,
    signature: str,
    timestamp: str,
    token: str | None,
    lasts: int | None = None,
) -> Signed:
    *key, date, region, service, end = ["", "", "", "", *credential.split("/")][-5:]
    if end != "aws4_request" or not key[-1] or _epoch(timestamp) is None:
        text = f"Credential must have 5 elements, and the date the form {_TIME}."
        raise RefusedSignatureError(INCOMPLETE, text, _asked_service(request))
    headers = tuple(signed_headers.lower().split(";"))
    service = service.lower()
    return Signed(
        key[-1], date, region, service, headers, signature, timestamp, token, lasts
    )  # fmt: skip


def verify(request: Request, signed: Signed, find: Callable[[str], Credentials | None]) -> None:
    """Raises RefusedSignatureError unless the key's owner signed this request, recently and for
    this service. `find` finds credentials by access key id."""
    _check_scope(request, signed)
    credentials = find(signed.access_key_id)
    invalid = "The security token included in the request is invalid."
    if credentials is None or (credentials.token or "") != (signed.token or ""):
        raise RefusedSignatureError(UNKNOWN, invalid, signed.service)
    if not hmac.compare_digest(_signature(request, signed, credentials.secret), signed.signature):
        text = (
            "The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details."
        )
        raise RefusedSignatureError(WRONG, text, signed.service)
    _check_time(signed)
    if credentials.have_expired:
        text = "The security token included in the request is expired"
        raise RefusedSignatureError(EXPIRED_TOKEN, text, signed.service)


def _check_scope(request: Request, signed: Signed) -> None:
    asked = _asked_service(request)
    if asked is not None and asked != signed.service:
        text = f"Credential should be scoped to correct service: '{asked}'."
        raise RefusedSignatureError(WRONG, text, asked)
    if signed.timestamp[:8] != signed.date:
        text = (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{signed.date}' != '{signed.timestamp[:8]}', from '{signed.timestamp}'."
        )
        raise RefusedSignatureError(WRONG, text, signed.service)


def _check_time(signed: Signed) -> None:
    now = clock.now_ms() / 1000
    sent = _epoch(signed.timestamp)
    assert sent is not None
    if signed.lasts is not None and now > sent + signed.lasts:
        raise RefusedSignatureError(EXPIRED_REQUEST, "Request has expired.", signed.service)
    earliest, latest = now - _SKEW_SECONDS, now + _SKEW_SECONDS
    if signed.lasts is None and sent < earliest:
        text = (
            f"Signature expired: {signed.timestamp} is now earlier than {_written(earliest)} "
            f"({_written(now)} - 5 min.)"
        )
        raise RefusedSignatureError(WRONG, text, signed.service)
    if sent > latest:
        text = (
            f"Signature not yet current: {signed.timestamp} is still later than "
            f"{_written(latest)} ({_written(now)} + 5 min.)"
        )
        raise RefusedSignatureError(WRONG, text, signed.service)


def in_header(request: Request, signed: Signed) -> Request:
    """The request with a presigned URL's signature in a header, where moto looks for service,
    region and access key: it takes every presigned URL for one of S3."""
    if signed.lasts is None:
        return request
    scope = (signed.access_key_id, signed.date, signed.region, signed.service, "aws4_request")
    header = f"{_ALGORITHM} Credential={'/'.join(scope)}, SignedHeaders=host, Signature=-"
    return replace(request, headers={**request.headers, "authorization": header})


class _Signer(SigV4Auth):
    """botocore's signer, for a request that says which headers it signed, and when."""

    def __init__(self, request: Request, signed: Signed, secret: str) -> None:
        super().__init__(
            SigningCredentials(signed.access_key_id, secret), signed.service, signed.region
        )
        self._request, self._signed = request, signed

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name in self._signed.headers:
            headers[name] = self._request.headers.get(name, "")
        return headers

    def payload(self, request: AWSRequest) -> str:
        return hashlib.sha256(self._request.body).hexdigest()

    def signature(self, string_to_sign: str, request: AWSRequest) -> str:
        secret = self.credentials.secret_key
        signed = self._signed
        key = _signing_key(secret, signed.date, signed.region, signed.service)
        return hmac.new(key, string_to_sign.encode(), hashlib.sha256).hexdigest()

    def compute(self) -> str:
        """The signature that the request must have."""
        request = self._request
        query = "&".join(
            part for part in request.query.split("&") if not part.startswith("X-Amz-Signature=")
        )
        as_sent = AWSRequest(method=request.method, url=f"http://-{request.path}?{query}")
        as_sent.context["timestamp"] = self._signed.timestamp
        return self.signature(
            self.string_to_sign(as_sent, self.canonical_request(as_sent)), as_sent
        )


def _signature(request: Request, signed: Signed, secret: str) -> str:
    """The signature that the request must have. "", which none matches, if the body differs from
    the hash in the request, or the host is not signed."""
    sent_hash = request.headers.get("x-amz-content-sha256")
    if sent_hash not in (None, hashlib.sha256(request.body).hexdigest()):
        return ""
    return _Signer(request, signed, secret).compute() if "host" in signed.headers else ""


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key for a day, a region and a service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _asked_service(request: Request) -> str | None:
    """The service that the request is for, if it shows without the signature."""
    target = request.headers.get("x-amz-target", "").partition(".")[0]
    if target:
        return _TARGETS.get(target)
    form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    text = request.body if form else request.query.encode()
    found = re.search(rb"(?:^|&)Version=(\d{4}-\d\d-\d\d)(?:&|$)", text)
    return _VERSIONS.get(found[1].decode()) if found else None


@lru_cache(maxsize=64)  # many requests have the same second
def _epoch(timestamp: str) -> int | None:
    """The epoch seconds of an AWS timestamp; None if it is not one."""
    try:
        return calendar.timegm(time.strptime(timestamp, _TIME))
    except ValueError:
        return None


def _as_timestamp(date: str | None) -> str:
    parsed = parsedate(date) if date else None
    return time.strftime(_TIME, parsed) if parsed else ""


def _written(epoch: float) -> str:
    return time.strftime(_TIME, time.gmtime(epoch))
