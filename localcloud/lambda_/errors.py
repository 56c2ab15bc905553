"""Errors as Lambda answers them."""

from __future__ import annotations

import json

from localcloud.http import Response, json_response


class LambdaError(Exception):
    """An answer that is an error: its status, its code and its text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text

    def response(self) -> Response:
        """The error in the form of Lambda's own errors."""
        body = {"Type": "User", "message": self.text, "Message": self.text}
        return json_response(self.status, body, x_amzn_errortype=self.code)


def in_full(response: Response) -> Response:
    """An error of moto's with the members that Lambda's own errors have."""
    try:
        found = json.loads(response.body)
        return LambdaError(response.status, found["__type"], found["message"]).response()
    except (ValueError, KeyError, TypeError):
        return response


def invalid(text: str) -> LambdaError:
    return LambdaError(400, "InvalidParameterValueException", text)


def not_found(text: str) -> LambdaError:
    return LambdaError(404, "ResourceNotFoundException", text)


def no_function(arn: str) -> LambdaError:
    return not_found(f"Function not found: {arn}")


def conflict(text: str) -> LambdaError:
    return LambdaError(409, "ResourceConflictException", text)


def refuse_another_revision(
    asked: str | None, found: str, shown_by: str = "GetFunction/GetAlias"
) -> None:
    """Refuse a change to something that has changed since the caller looked. `shown_by` is the
    operation that shows the revision."""
    if asked and asked != found:
        raise LambdaError(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the "
            f"{shown_by} API to retrieve the latest Revision Id",
        )
