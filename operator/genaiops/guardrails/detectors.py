"""From a detector's settings to the detector."""

from genaiops.api.detectors import Detector as DetectorSpec
from genaiops.api.detectors import DetectorType
from genaiops.guardrails import exfiltration, grounding, language, pii, promptleak, secrets, topic
from genaiops.guardrails.denylist import DenyListDetector
from genaiops.guardrails.finding import Detector
from genaiops.guardrails.injection import PromptInjectionDetector
from genaiops.guardrails.regex import RegexDetector
from genaiops.guardrails.toxicity import ToxicityDetector
from genaiops.guardrails.whole import JSONSchemaDetector, MaxLengthDetector


def build(spec: DetectorSpec) -> Detector:
    """A detector that needs no server. Raises ValueError that says which setting can't work."""
    match spec.type:
        case DetectorType.PII:
            return pii.detector(spec.entities)
        case DetectorType.SECRETS:
            return secrets.detector()
        case DetectorType.REGEX:
            return RegexDetector(spec.patterns or (), bool(spec.ignore_case))
        case DetectorType.DENY_LIST:
            return DenyListDetector(spec.phrases or ())
        case DetectorType.MAX_LENGTH:
            assert spec.max_characters is not None  # a rule of the API, as the schema below
            return MaxLengthDetector(spec.max_characters)
        case DetectorType.JSON_SCHEMA:
            assert spec.json_schema is not None
            return JSONSchemaDetector(spec.json_schema)
        case DetectorType.PROMPT_LEAK:
            return promptleak.detector(None if spec.threshold is None else float(spec.threshold), spec.canary)
        case DetectorType.EXFILTRATION:
            return exfiltration.detector(spec.allowed_domains or ())
        case DetectorType.PROMPT_INJECTION:
            return PromptInjectionDetector(*_threshold(spec))
        case DetectorType.TOXICITY:
            return ToxicityDetector(*_threshold(spec))
        case DetectorType.TOPIC:
            return topic.detector(spec.allowed_topics, spec.denied_topics, *_threshold(spec))
        case DetectorType.LANGUAGE:
            return language.detector(spec.allowed_languages or (), *_threshold(spec))
        case DetectorType.GROUNDING:
            return grounding.detector(*_threshold(spec))
        case _:
            raise ValueError(f"type {spec.type} is not built into this image; leave the guardrail out")


def _threshold(spec: DetectorSpec) -> tuple[float, ...]:
    """The threshold where it is set: else the detector's own holds."""
    return () if spec.threshold is None else (float(spec.threshold),)
