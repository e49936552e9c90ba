"""What each detector finds, and what it leaves alone. Every number is made up or from the issuer's own examples."""

import pytest

from genaiops.api.detectors import Detector
from genaiops.guardrails.detectors import build


def found(text: str, **detector: object) -> list[tuple[str, str]]:
    findings = build(Detector.model_validate(detector)).find(text, 0, complete=True)
    return [(finding.kind, text[finding.start : finding.end]) for finding in findings]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Write to alice.smith+help@mail.example.co.uk today", "EMAIL", "alice.smith+help@mail.example.co.uk"),
        ("<bob@example.com>", "EMAIL", "bob@example.com"),
        ("a@b.io.", "EMAIL", "a@b.io"),
        ("Call +1 415-555-2671 now", "PHONE", "+1 415-555-2671"),
        ("Call +49 (0) 30 901820.", "PHONE", "+49 (0) 30 901820"),
        ("Call 0049 30 901820.", "PHONE", "0049 30 901820"),
        ("or (415) 555-2671", "PHONE", "(415) 555-2671"),
        ("or 415.555.2671", "PHONE", "415.555.2671"),
        ("London: 020 7946 0018", "PHONE", "020 7946 0018"),
        ("card 4111 1111 1111 1111 thanks", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("amex 378282246310005", "CREDIT_CARD", "378282246310005"),
        ("order 7 4111-1111-1111-1111", "CREDIT_CARD", "4111-1111-1111-1111"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN", "DE89 3704 0044 0532 0130 00"),
        ("gb82west12345698765432", "IBAN", "gb82west12345698765432"),
        ("from 192.168.10.44:8080", "IP_ADDRESS", "192.168.10.44"),
        ("at 2001:db8::8a2e:370:7334,", "IP_ADDRESS", "2001:db8::8a2e:370:7334"),
        ("at fe80::1 there", "IP_ADDRESS", "fe80::1"),
        ("SSN: 536-90-4399", "US_SSN", "536-90-4399"),
        ("my SSN is 536904399.", "US_SSN", "536904399"),
        ("Social Security number: 536904399", "US_SSN", "536904399"),
        ("call me at 4155552671", "PHONE", "4155552671"),
        ("Telefon: 03090182000", "PHONE", "03090182000"),
        ("SSN: 536 90 4399", "US_SSN", "536 90 4399"),
    ],
)
def test_personal_data_is_found(text: str, kind: str, value: str) -> None:
    assert found(text, type="PII") == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "user@localhost is no address, nor is @handle or a@b",
        "version 4.11.1.1111 and build 1.2.3",
        "order 4111 1111 1111 1112 fails its checksum",
        "order 1234567890123456 starts like no card",
        "the ranges 666-12-3456, 000-12-3456, 912-34-5678, 123-00-4567, 123-45-0000 are never issued",
        "999.1.2.3 and 127.0.0.1",
        "at 12:30:45 call std::vector::size or a::b::c",
        "on 2024-01-15 10:30 I paid 1,234,567.89 for 12345678901",
        "order 4155552671",
        "the call about invoice 1234567890, ssn 912345678",
        "tracking 536904399",
        "the year 1999-2001, pages 100-200-3000",
    ],
)
def test_what_only_looks_like_personal_data_is_left_alone(text: str) -> None:
    assert found(text, type="PII") == []


def test_only_the_chosen_kinds_are_looked_for() -> None:
    text = "bob@example.com 536-90-4399"

    assert found(text, type="PII", entities=["US_SSN"]) == [("US_SSN", "536-90-4399")]


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("as in 078-05-1120, which was withdrawn", "US_SSN"),
        ("DE89 3704 0044 0532 0130 01 has a wrong check digit", "IBAN"),
        ("4111 1111 1111 116 has a check digit but not a Visa's length", "CREDIT_CARD"),
    ],
)
def test_the_right_shape_is_not_enough(text: str, entity: str) -> None:
    assert found(text, type="PII", entities=[entity]) == []


BODY = "MIIEowIBAAKCAQEAx7Zk\nq1B8T0c3Jk\n"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("id AKIAIOSFODNN7EXAMPLE ok", "AWS_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE"),
        ("t=ghp_" + "a1B2" * 9, "GITHUB_TOKEN", "ghp_" + "a1B2" * 9),
        ("github_pat_" + "A1b2_" * 6, "GITHUB_TOKEN", "github_pat_" + "A1b2_" * 6),
        ("glpat-" + "x1Y2z" * 4, "GITLAB_TOKEN", "glpat-" + "x1Y2z" * 4),
        ("GR1348941" + "x1Y2z" * 4, "GITLAB_TOKEN", "GR1348941" + "x1Y2z" * 4),
        ("SG." + "a1" * 11 + "." + "b2" * 21 + "c", "SENDGRID_KEY", "SG." + "a1" * 11 + "." + "b2" * 21 + "c"),
        ("key " + "0f" * 16 + "-us21.", "MAILCHIMP_KEY", "0f" * 16 + "-us21"),
        ("sq0csp-" + "a_1" * 14 + "z", "SQUARE_TOKEN", "sq0csp-" + "a_1" * 14 + "z"),
        ("bot123456789:AA" + "x1-" * 11, "TELEGRAM_TOKEN", None),
        ("M" + "a1" * 12 + ".x1_y2z." + "b3" * 14, "DISCORD_TOKEN", None),
        ("x;AccountKey=" + "a1" * 43 + "==;y", "AZURE_STORAGE_KEY", "a1" * 43 + "=="),
        ("dop_v1_" + "0f" * 32, "DIGITALOCEAN_TOKEN", "dop_v1_" + "0f" * 32),
        ("shpat_" + "0f" * 16, "SHOPIFY_TOKEN", "shpat_" + "0f" * 16),
        ("dapi" + "0f" * 16, "DATABRICKS_TOKEN", "dapi" + "0f" * 16),
        ("PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nAAAA", "PRIVATE_KEY", None),
        ("xoxb-123456789012-abcDEF", "SLACK_TOKEN", "xoxb-123456789012-abcDEF"),
        ("https://hooks.slack.com/services/T0000/B0000/abcd1234", "SLACK_WEBHOOK", None),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl end", "JWT", None),
        ("key sk-proj-" + "Ab3_" * 8, "API_KEY", "sk-proj-" + "Ab3_" * 8),
        ("sk-ant-api03-" + "q9-" * 10 + "z", "API_KEY", "sk-ant-api03-" + "q9-" * 10 + "z"),
        ("AIza" + "Sy0_-" * 7, "GOOGLE_API_KEY", "AIza" + "Sy0_-" * 7),
        ("sk_live_" + "a1B2" * 6, "STRIPE_KEY", "sk_live_" + "a1B2" * 6),
        ("hf_" + "aB3d" * 9, "HUGGINGFACE_TOKEN", "hf_" + "aB3d" * 9),
        ("npm_" + "aB3d" * 9, "NPM_TOKEN", "npm_" + "aB3d" * 9),
        ("postgres://app:s3cr3t-pw@db:5432/x", "PASSWORD_IN_URL", "s3cr3t-pw"),
        ("password = hunter2hunter2", "PASSWORD", "hunter2hunter2"),
        ('"api_key": "9f8e7d6c5b4a"', "PASSWORD", "9f8e7d6c5b4a"),
        ("The password is Tr0ub4dor&3!", "PASSWORD", "Tr0ub4dor&3!"),
        (
            f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}-----END RSA PRIVATE KEY-----",
            "PRIVATE_KEY",
            f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}-----END RSA PRIVATE KEY-----",
        ),
        (f"-----BEGIN PRIVATE KEY-----\n{BODY}", "PRIVATE_KEY", f"-----BEGIN PRIVATE KEY-----\n{BODY}"),
    ],
)
def test_credentials_are_found(text: str, kind: str, value: str | None) -> None:
    [(found_kind, found_value)] = found(text, type="Secrets")

    assert found_kind == kind
    assert value is None or found_value == value


@pytest.mark.parametrize(
    "text",
    [
        "password: <your-password>, api_key=${API_KEY}, secret = changeme123",
        "The password is required and must be long.",
        "password: correcthorse",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "the skill sk-learn-contrib-is-a-package-name-in-words",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "https://example.com/a:b@c and mailto:bob@example.com",
        "token: a JSON Web Token starts with eyJ",
    ],
)
def test_what_only_looks_like_a_credential_is_left_alone(text: str) -> None:
    assert found(text, type="Secrets") == []


def test_patterns_of_the_user_are_found_wherever_they_match() -> None:
    text = "Project Falcon, project falcon, FALCON-12"

    assert found(text, type="Regex", patterns=[r"\bfalcon\b", r"FALCON-\d+"], ignoreCase=True) == [
        ("REGEX", "Falcon"),
        ("REGEX", "falcon"),
        ("REGEX", "FALCON-12"),
    ]


def test_an_empty_match_is_no_finding() -> None:
    assert found("abc", type="Regex", patterns=["x*"]) == []


@pytest.mark.timeout(240)
def test_no_pattern_and_no_text_can_hang_the_process() -> None:
    text = "a" * 100_000 + "!"

    assert found(text, type="Regex", patterns=[r"(a+)+$", r"(a|a)*b", r"(.*a){20}b"]) == []
    assert found("1-" * 50_000, type="PII") == []
    assert found("a@" * 50_000 + "-----BEGIN " * 5_000 + "password" * 10_000, type="Secrets") == []


def test_offsets_are_characters_not_bytes() -> None:
    assert found("Grüße an müller: x9", type="Regex", patterns=[r"x\d"]) == [("REGEX", "x9")]


def test_a_text_that_is_too_long() -> None:
    assert found("12345", type="MaxLength", maxCharacters=5) == []
    assert found("123456", type="MaxLength", maxCharacters=5) == [("TOO_LONG", "6")]


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ('{"name": "x"}', True),
        ('{"name": 1}', False),
        ("{}", False),
        ('{"name": "x"} and more', False),
        ('Here you go: {"name": "x"}', False),
        ('{"name": NaN}', False),
        ("[" * 100_000, False),
        ("", False),
    ],
)
def test_an_answer_has_to_satisfy_its_schema(text: str, ok: bool) -> None:
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}

    assert found(text, type="JSONSchema", schema=schema) == ([] if ok else [("JSON_SCHEMA", text)])
