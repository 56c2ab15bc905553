"""Errors of API Gateway's control plane."""

from __future__ import annotations


class APIGatewayError(Exception):
    """An answer that is an error: its status, its code and its text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def not_found(text: str) -> APIGatewayError:
    return APIGatewayError(404, "NotFoundException", text)


def bad_request(text: str) -> APIGatewayError:
    return APIGatewayError(400, "BadRequestException", text)


def conflict(text: str) -> APIGatewayError:
    return APIGatewayError(409, "ConflictException", text)


def not_here(text: str) -> APIGatewayError:
    """What AWS does and the local cloud does not."""
    return APIGatewayError(501, "NotImplemented", f"The local cloud {text}")
