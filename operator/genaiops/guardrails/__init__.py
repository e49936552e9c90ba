"""Guardrails: detectors that find, and checks that block, redact or flag what they found."""

from genaiops.guardrails.checks import BlockedError, Check, Decision, DetectorError, Report, Surroundings, checks_of
from genaiops.guardrails.stream import Chain
from genaiops.guardrails.validate import validate

__all__ = [
    "BlockedError",
    "Chain",
    "Check",
    "Decision",
    "DetectorError",
    "Report",
    "Surroundings",
    "checks_of",
    "validate",
]
