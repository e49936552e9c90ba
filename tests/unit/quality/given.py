"""Samples and feedback, as runtimes send them."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from genaiops.api.samples import GivenFeedback, LiveSample

V1, V2 = "support-aaaaaaaaaa", "support-bbbbbbbbbb"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def a_sample(release: str = V1, **fields: Any) -> LiveSample:
    """A question and its answer."""
    return LiveSample.model_validate(sample_document(release, **fields))


def sample_document(release: str = V1, **fields: Any) -> dict[str, Any]:
    """The same, as JSON."""
    return {
        "id": f"chatcmpl-{release}-{uuid4().hex}",
        "release": release,
        "promptVersion": "v1",
        "time": NOON.isoformat(),
        "messages": [{"role": "user", "content": "Where is my parcel?"}],
        "answer": "It is on its way.",
        "seconds": 1.5,
        "firstToken": 0.2,
        "inputTokens": 20,
        "outputTokens": 8,
        **fields,
    }


def said(sample: LiveSample, rating: str = "up", **fields: Any) -> GivenFeedback:
    """What somebody says of its answer."""
    return GivenFeedback.model_validate({"id": sample.id, "rating": rating, "time": NOON.isoformat(), **fields})
