"""The identity of a release: a hash over what decides an answer."""

import hashlib
import json
from typing import Any, Final

from genaiops.api.release import ReleaseContent

SHORT: Final = 10
"""Hex digits of the hash in a release's name: 40 bits, plenty for the few releases that one app keeps."""


_PRICES: Final[dict[str, Any]] = {"model": {"pricing"}, "fallbacks": {"__all__": {"pricing"}}}


def content_hash(content: ReleaseContent) -> str:
    """SHA-256 (64 hex digits) over the content's canonical JSON: sorted keys, no white space, UTF-8.

    Fields that hold their default are left out, so that a field added to the API in a later version of the
    operator does not turn every running release into another one. So are prices: no answer depends on them.
    """
    canonical = json.dumps(
        content.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_PRICES),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def release_name(app: str, digest: str) -> str:
    """The name of the Release object, and of the Deployment, Service and ConfigMap that run it."""
    return f"{app}-{digest[:SHORT]}"
