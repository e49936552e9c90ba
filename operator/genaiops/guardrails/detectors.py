"""From a detector's settings to the detector."""

from genaiops.api.detectors import Detector as DetectorSpec
from genaiops.api.detectors import DetectorType
from genaiops.guardrails import pii, secrets
from genaiops.guardrails.finding import Detector
from genaiops.guardrails.regex import RegexDetector
from genaiops.guardrails.whole import JSONSchemaDetector, MaxLengthDetector


def build(spec: DetectorSpec) -> Detector:
    """Raises ValueError where RE2 can't read a pattern, or a schema is none; `validate` tells which field it is."""
    match spec.type:
        case DetectorType.PII:
            return pii.detector(spec.entities)
        case DetectorType.SECRETS:
            return secrets.detector()
        case DetectorType.REGEX:
            return RegexDetector(spec.patterns or (), bool(spec.ignore_case))
        case DetectorType.MAX_LENGTH:
            assert spec.max_characters is not None  # a rule of the API, as the schema below
            return MaxLengthDetector(spec.max_characters)
        case DetectorType.JSON_SCHEMA:
            assert spec.json_schema is not None
            return JSONSchemaDetector(spec.json_schema)
        case _:
            raise ValueError(f"type {spec.type} is not built into this image; leave the guardrail out")
