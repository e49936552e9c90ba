"""What a guardrail looks for: the detectors and their settings."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from genaiops.api.base import ApiModel, Name, ObjectName, Rate, SecretKeyRef, UniqueBy
from genaiops.api.providers import Url
from genaiops.api.rules import Rule


class DetectorType(StrEnum):
    """What a guardrail looks for."""

    PII = "PII"
    SECRETS = "Secrets"
    REGEX = "Regex"
    DENY_LIST = "DenyList"
    MAX_LENGTH = "MaxLength"
    JSON_SCHEMA = "JSONSchema"
    PROMPT_INJECTION = "PromptInjection"
    TOXICITY = "Toxicity"
    TOPIC = "Topic"
    LANGUAGE = "Language"
    GROUNDING = "Grounding"
    PROMPT_LEAK = "PromptLeak"
    EXFILTRATION = "Exfiltration"
    MODERATION = "Moderation"
    WEBHOOK = "Webhook"


LOCATES: Final = (
    DetectorType.PII,
    DetectorType.SECRETS,
    DetectorType.REGEX,
    DetectorType.DENY_LIST,
    DetectorType.PROMPT_LEAK,
    DetectorType.EXFILTRATION,
    DetectorType.WEBHOOK,
)
"""Detectors that say where in a text their finding is, so that Redact can remove it."""
OUTPUT_ONLY: Final = (DetectorType.GROUNDING, DetectorType.PROMPT_LEAK)
"""Detectors that compare an answer with what the model was given."""
_SCORED: Final = (
    DetectorType.PROMPT_INJECTION,
    DetectorType.TOXICITY,
    DetectorType.TOPIC,
    DetectorType.LANGUAGE,
    DetectorType.GROUNDING,
    DetectorType.PROMPT_LEAK,
    DetectorType.MODERATION,
)


class PIIEntity(StrEnum):
    """Kinds of personal data the PII detector knows."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CREDIT_CARD = "CREDIT_CARD"
    IBAN = "IBAN"
    IP_ADDRESS = "IP_ADDRESS"
    US_SSN = "US_SSN"


class ModerationStyle(StrEnum):
    """How a moderation model is asked."""

    OPENAI = "OpenAI"
    LLAMA_GUARD = "LlamaGuard"


class Topic(ApiModel):
    """A topic, by what people say about it."""

    name: Name = Field(description="Name in metrics and logs.")
    examples: list[Annotated[str, Field(min_length=1, max_length=1024)]] = Field(
        min_length=1, max_length=64, description="Sentences on this topic: texts that mean alike are on it, too."
    )


def _only(name: str, *types: DetectorType, needed: bool = False) -> Rule:
    """The field, by its name in the manifest, belongs to these types; where `needed`, they can't do without."""
    cel = "[" + ", ".join(f"'{type_}'" for type_ in types) + "]"
    # dyn(): a field that takes a number or a string has no CEL type, and is only asked whether it is there.
    if needed:
        return Rule(
            f"(self.type in {cel}) == has(dyn(self).{name})",
            f"{name}: type {' and '.join(types)} needs it, no other type takes it; add it or correct the type",
            lambda detector: (detector.type in types) == (_given(detector, name)),
        )
    return Rule(
        f"self.type in {cel} || !has(dyn(self).{name})",
        f"{name}: only for type {', '.join(types)}; remove it or correct the type",
        lambda detector: detector.type in types or not _given(detector, name),
    )


def _given(detector: "Detector", name: str) -> bool:
    return any(
        field.alias == name and getattr(detector, attribute) is not None
        for attribute, field in Detector.model_fields.items()
    )


class Detector(ApiModel):
    """A detector and its settings. Only the fields of its `type` may be set."""

    type: DetectorType = Field(description="What to look for.")
    threshold: Rate | None = Field(
        default=None,
        description="Score from which a text is a violation: a higher threshold finds less, and less by mistake. "
        "PromptInjection, Toxicity, Moderation: how likely. Topic: how close in meaning. Language: how certain that it "
        "is none of the allowed. Grounding: a sentence less supported than this is a violation. PromptLeak: the "
        "share of the prompt that an answer may not repeat. Absent: the detector's own.",
    )
    entities: list[PIIEntity] | None = Field(
        default=None, min_length=1, max_length=16, description="PII: which kinds; all where absent."
    )
    patterns: list[Annotated[str, Field(min_length=1, max_length=1024)]] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Regex: RE2-style expressions; one match is a violation.",
    )
    ignore_case: bool | None = Field(default=None, description="Regex: match regardless of case.")
    phrases: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="DenyList: words and phrases; found as whole words, whatever their case, accents' encoding and "
        "width of letters.",
    )
    max_characters: int | None = Field(default=None, ge=1, le=10_000_000, description="MaxLength: characters allowed.")
    json_schema: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="JSONSchema: the schema (2020-12) that the text must satisfy as JSON.",
    )
    repair: bool | None = Field(
        default=None,
        description="JSONSchema, on output: an answer that breaks the schema is sent back to the model once, with "
        "what is wrong; `action` is for what is still wrong then. A stream waits for it.",
    )
    allowed_topics: Annotated[list[Topic], UniqueBy("name")] | None = Field(
        default=None, min_length=1, max_length=32, description="Topic: a text on none of these is a violation."
    )
    denied_topics: Annotated[list[Topic], UniqueBy("name")] | None = Field(
        default=None, min_length=1, max_length=32, description="Topic: a text on one of these is a violation."
    )
    allowed_languages: list[Annotated[str, Field(pattern=r"^[a-z]{2}$", max_length=2)]] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Language: ISO 639-1 codes, such as en; a text in another language is a violation.",
    )
    canary: Annotated[str, Field(min_length=8, max_length=256)] | None = Field(
        default=None,
        description="PromptLeak: a text that stands in the prompt and nowhere else; an answer with it is a violation "
        "whatever the threshold.",
    )
    allowed_domains: (
        list[Annotated[str, Field(pattern=r"^(\*\.)?([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}$", max_length=253)]] | None
    ) = Field(
        default=None,
        max_length=256,
        description="Exfiltration: hosts that links and images may point to: example.com, or *.example.com for all "
        "below it. Absent: none.",
    )
    model: ObjectName | None = Field(
        default=None, description="Moderation: name of the Model that judges, in the same namespace."
    )
    style: ModerationStyle | None = Field(
        default=None,
        description="Moderation: OpenAI (POST <endpoint>/moderations), or LlamaGuard (a chat completion that answers "
        "safe or unsafe). Absent: OpenAI.",
    )
    categories: list[Annotated[str, Field(min_length=1, max_length=64)]] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Moderation: the model's categories that count, such as violence or S1; all where absent.",
    )
    url: Url | None = Field(
        default=None,
        description='Webhook: where the text is posted to, as {"text", "stage"}; it answers {"findings": [{"kind", '
        '"score"?, "start"?, "end"?}]}.',
    )
    secret_ref: SecretKeyRef | None = Field(default=None, description="Webhook: the Secret with a bearer token.")

    takes_threshold: ClassVar[Rule] = _only("threshold", *_SCORED)
    takes_entities: ClassVar[Rule] = _only("entities", DetectorType.PII)
    needs_patterns: ClassVar[Rule] = _only("patterns", DetectorType.REGEX, needed=True)
    takes_ignore_case: ClassVar[Rule] = _only("ignoreCase", DetectorType.REGEX)
    needs_phrases: ClassVar[Rule] = _only("phrases", DetectorType.DENY_LIST, needed=True)
    needs_max_characters: ClassVar[Rule] = _only("maxCharacters", DetectorType.MAX_LENGTH, needed=True)
    needs_schema: ClassVar[Rule] = _only("schema", DetectorType.JSON_SCHEMA, needed=True)
    takes_repair: ClassVar[Rule] = _only("repair", DetectorType.JSON_SCHEMA)
    takes_allowed_topics: ClassVar[Rule] = _only("allowedTopics", DetectorType.TOPIC)
    takes_denied_topics: ClassVar[Rule] = _only("deniedTopics", DetectorType.TOPIC)
    needs_allowed_languages: ClassVar[Rule] = _only("allowedLanguages", DetectorType.LANGUAGE, needed=True)
    takes_canary: ClassVar[Rule] = _only("canary", DetectorType.PROMPT_LEAK)
    takes_allowed_domains: ClassVar[Rule] = _only("allowedDomains", DetectorType.EXFILTRATION)
    needs_model: ClassVar[Rule] = _only("model", DetectorType.MODERATION, needed=True)
    takes_style: ClassVar[Rule] = _only("style", DetectorType.MODERATION)
    takes_categories: ClassVar[Rule] = _only("categories", DetectorType.MODERATION)
    needs_url: ClassVar[Rule] = _only("url", DetectorType.WEBHOOK, needed=True)
    takes_secret_ref: ClassVar[Rule] = _only("secretRef", DetectorType.WEBHOOK)

    @Rule(
        "self.type != 'Topic' || has(self.allowedTopics) || has(self.deniedTopics)",
        "allowedTopics, deniedTopics: type Topic needs at least one of them; add it",
    )
    def topics_for_topic(self) -> bool:
        return self.type is not DetectorType.TOPIC or bool(self.allowed_topics or self.denied_topics)

    @Rule(
        "!has(self.style) || self.style != 'LlamaGuard' || !has(dyn(self).threshold)",
        "threshold: a model in LlamaGuard style says safe or unsafe, without a score; remove it",
    )
    def llama_guard_has_no_score(self) -> bool:
        return self.style is not ModerationStyle.LLAMA_GUARD or self.threshold is None
