"""Errors in the shape that clients of the OpenAI protocol know."""

from collections.abc import Mapping
from typing import Any, Literal

ErrorType = Literal["", "client_error", "timeout", "provider_error", "internal_error"]
"""Label `error_type` of a request: "" is answered."""


class ApiError(Exception):
    """A request that ends in an error. `outcome` is how it counts, which the status alone doesn't tell."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str,
        code: str | None = None,
        param: str | None = None,
        outcome: ErrorType,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.outcome = outcome
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """``{"error": {message, type, param, code}}``."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def bad_request(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> ApiError:
    """The caller's own mistake."""
    return ApiError(status, message, type="invalid_request_error", code=code, param=param, outcome="client_error")


def content_filter(message: str) -> ApiError:
    """A guardrail refused the request. Answered as Azure OpenAI answers a filtered prompt: 400, code content_filter.

    It counts as answered: a guardrail that does its work is no failure of the release.
    """
    return ApiError(400, message, type="invalid_request_error", code="content_filter", outcome="")


def internal(message: str, code: str | None = None) -> ApiError:
    """A fault of the release or of this process."""
    return ApiError(500, message, type="server_error", code=code, outcome="internal_error")
