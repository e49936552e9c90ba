"""Taking personal data and credentials out of a text before it leaves the pod."""

from collections.abc import Iterable
from functools import lru_cache

from genaiops.api.detectors import PIIEntity
from genaiops.guardrails import pii, secrets
from genaiops.guardrails.recognisers import TableDetector


def redacted(text: str, entities: Iterable[PIIEntity] | None) -> str:
    """The text with ``[KIND]`` in place of personal data of these kinds (all where None), and of any credential."""
    for detector in _detectors(None if entities is None else frozenset(entities)):
        parts, start = [], 0
        for finding in detector.find(text, 0, complete=True):
            parts += [text[start : finding.start], f"[{finding.kind}]"]
            start = finding.end
        text = "".join([*parts, text[start:]])
    return text


@lru_cache(maxsize=4)
def _detectors(entities: frozenset[PIIEntity] | None) -> tuple[TableDetector, TableDetector]:
    # Credentials first: an address with a password in it would be taken for an e-mail address, and the password stay.
    return secrets.detector(), pii.detector(entities)
