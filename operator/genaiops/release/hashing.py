"""The identity of a release: a hash over what decides an answer. And that of a suite: over what decides a result."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.api.release import ModelContent, ReleaseContent

SHORT: Final = 10
"""Hex digits of the hash in a release's name: 40 bits, plenty for the few releases that one app keeps."""


_PRICES: Final[dict[str, Any]] = {
    "model": {"pricing"},
    "fallbacks": {"__all__": {"pricing"}},
    "guardrail_models": {"__all__": {"pricing"}},
}
_HOW_IT_RUNS: Final = {"parallelism", "max_per_minute", "deadline", "max_cost", "store"}


def content_hash(content: ReleaseContent) -> str:
    """SHA-256 (64 hex digits) over the content's canonical JSON: sorted keys, no white space, UTF-8.

    Fields that hold their default are left out, so that a field added to the API in a later version of the
    operator does not turn every running release into another one. So are prices: no answer depends on them.
    """
    return _digest(content.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_PRICES))


def suite_hash(suite: EvaluationSuiteSpec, judges: Sequence[ModelContent]) -> str:
    """SHA-256 (64 hex digits) over what a suite's result depends on: the suite, and the models that judge in it."""
    spec = suite.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_HOW_IT_RUNS)
    models = [
        judge.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"pricing", "credentials"})
        for judge in judges
    ]
    return _digest({"suite": spec, "judges": models})


def _digest(value: object) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def release_name(app: str, digest: str) -> str:
    """The name of the Release object, and of the Deployment, Service and ConfigMap that run it."""
    return f"{app}-{digest[:SHORT]}"
