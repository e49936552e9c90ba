"""From a detector's settings to the detector."""

from genaiops.api.guardrails import Detector as DetectorSpec
from genaiops.api.guardrails import DetectorType
from genaiops.guardrails import pii, secrets
from genaiops.guardrails.finding import Detector
from genaiops.guardrails.regex import RegexDetector
from genaiops.guardrails.whole import JSONSchemaDetector, MaxLengthDetector


def build(spec: DetectorSpec) -> Detector:
    """Raises ValueError where the settings are missing or can't be used; `validate` tells which field it is."""
    match spec.type:
        case DetectorType.PII:
            return pii.detector(spec.entities)
        case DetectorType.SECRETS:
            return secrets.detector()
        case DetectorType.REGEX:
            if not spec.patterns:
                raise ValueError("patterns is missing")
            return RegexDetector(spec.patterns, bool(spec.ignore_case))
        case DetectorType.MAX_LENGTH:
            if spec.max_characters is None:
                raise ValueError("maxCharacters is missing")
            return MaxLengthDetector(spec.max_characters)
        case DetectorType.JSON_SCHEMA:
            if spec.json_schema is None:
                raise ValueError("schema is missing")
            return JSONSchemaDetector(spec.json_schema)
