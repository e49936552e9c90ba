"""Guardrails: detectors that find, and checks that block, redact or flag what they found."""

from genaiops.guardrails.checks import BlockedError, Check, DetectorError, Report, checks_of
from genaiops.guardrails.stream import Chain
from genaiops.guardrails.validate import validate

__all__ = ["BlockedError", "Chain", "Check", "DetectorError", "Report", "checks_of", "validate"]
