"""AdmissionReview (admission.k8s.io/v1): what the API server asks, and the two answers to it."""

import base64
import json
import re
import secrets
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from genaiops.release.lookup import parse_errors

_API_VERSION: Final = "admission.k8s.io/v1"
_MESSAGE_LIMIT: Final = 2048
_NAME_LENGTH: Final = 253
_ENDING_LENGTH: Final = 5
_ENDINGS: Final = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels: no words."""


class MalformedError(Exception):
    """This is no AdmissionReview; the message says why."""


class User(BaseModel):
    """Who asks, as the API server authenticated them."""

    model_config = ConfigDict(frozen=True)

    username: str
    uid: str = ""
    groups: list[str] = Field(default_factory=list)
    extra: dict[str, list[str]] = Field(default_factory=dict)


class _Kind(BaseModel):
    kind: str


class Request(BaseModel):
    """What somebody wants to write."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    uid: str
    kind: _Kind
    operation: str
    namespace: str = ""
    user: User = Field(alias="userInfo")
    after: dict[str, Any] = Field(alias="object")
    before: dict[str, Any] = Field(default_factory=dict, alias="oldObject")

    @field_validator("before", mode="before")
    @classmethod
    def _nothing_before(cls, value: object) -> object:
        return {} if value is None else value


class _Review(BaseModel):
    api_version: str = Field(alias="apiVersion")
    request: Request


_UID: Final = re.compile(rb'"uid":\s*"([-0-9a-f]{36})"')


def uid_in(body: bytes) -> str | None:
    """The review's own uid, which comes first in it, also where the rest can't be read."""
    found = _UID.search(body)
    return found[1].decode() if found else None


def parse_review(body: bytes) -> Request:
    """The request of an AdmissionReview. Raises MalformedError."""
    try:
        # Not by pydantic's own parser, which gives up on objects that the API server takes.
        review = _Review.model_validate(json.loads(body))
    except (ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise MalformedError(f"no AdmissionReview of {_API_VERSION}: {error}") from error
        raise MalformedError(f"no AdmissionReview of {_API_VERSION}: {parse_errors(error, 'review')}") from error
    if review.api_version != _API_VERSION:
        raise MalformedError(f"review.apiVersion: {review.api_version[:64]!r} is not spoken here; {_API_VERSION} is")
    return review.request


class RefusedError(Exception):
    """The request is refused; the message is for whoever asked."""

    def __init__(self, message: str, code: int = 400) -> None:
        """`code` is the HTTP status: 400 what makes no sense, 403 what they may not do, 503 what can't be told now."""
        super().__init__(message)
        self.code = code


Patch = dict[str, Any]
"""New values by JSON pointer (RFC 6901); an absent parent object is not made."""

_REASONS: Final = {400: "BadRequest", 403: "Forbidden", 503: "ServiceUnavailable"}


def named(request: Request) -> tuple[str, Patch]:
    """The object's name, and what gives it that.

    The API server makes a name of a generateName only after it was here, too late for a stamp that holds for one name:
    so the name is made here, the way it would be.
    """
    meta = request.after.get("metadata") or {}
    if meta.get("name"):
        return str(meta["name"]), {}
    ending = "".join(secrets.choice(_ENDINGS) for _ in range(_ENDING_LENGTH))
    name = str(meta.get("generateName", ""))[: _NAME_LENGTH - _ENDING_LENGTH] + ending
    return name, {"/metadata/name": name}


def allowed(request: Request, patch: Patch) -> dict[str, Any]:
    """The answer that lets the request pass, changed by the patch (RFC 6902)."""
    response: dict[str, Any] = {"uid": request.uid, "allowed": True}
    if patch:
        operations = [{"op": "add", "path": path, "value": value} for path, value in patch.items()]
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(operations).encode()).decode()
    return _answer(response)


def refused(uid: str, refusal: RefusedError) -> dict[str, Any]:
    """The answer that refuses it. kubectl shows the message."""
    status = {"code": refusal.code, "reason": _REASONS[refusal.code], "message": str(refusal)[:_MESSAGE_LIMIT]}
    return _answer({"uid": uid, "allowed": False, "status": status})


def _answer(response: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API_VERSION, "kind": "AdmissionReview", "response": response}
