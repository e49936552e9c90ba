"""Credentials, by the shape that their issuers gave them.

A shape is what makes a finding certain enough to block on; entropy alone flags every hash and identifier. Where a
shape below is from is named beside it: the issuer's own documentation.
"""

import re

from genaiops.guardrails.recognisers import Recogniser, TableDetector

_PLACEHOLDER = re.compile(r"^(?:your|my|the|some|example|changeme|placeholder|redacted|dummy|x{3,}|\*{3,})", re.I)


def assigned(value: str) -> bool:
    """Whether the value of ``password = ...`` looks like one, and not like a placeholder, a word or a variable."""
    return (
        any(c.isdigit() for c in value)
        and any(c.isalpha() for c in value)
        and len(set(value)) > 4
        and value[0] not in "<$%{["
        and not _PLACEHOLDER.match(value)
    )


_RECOGNISERS = (
    # RFC 7468 and RFC 4880 armour. What isn't closed is a key that was cut off: everything after the header is it.
    Recogniser(
        "PRIVATE_KEY",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-])*"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
    ),
    # PuTTY's key file, appendix C of its manual: all of it.
    Recogniser("PRIVATE_KEY", r"\bPuTTY-User-Key-File-\d: [^\n]{1,100}\n(?s:.*)"),
    # IAM user guide, "IAM identifiers": unique ID prefixes.
    Recogniser("AWS_ACCESS_KEY", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    # GitHub, "About authentication": token formats; "Behind GitHub's new authentication token formats".
    Recogniser("GITHUB_TOKEN", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,251})\b"),
    # GitLab, "Token overview": token prefixes; GR1348941 is that of runners' registration tokens.
    Recogniser(
        "GITLAB_TOKEN",
        r"\b(?:gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|wt|soat|ffct)-|GR1348941)[A-Za-z0-9_.-]{20,250}",
    ),
    # Slack, "Token types", and "Sending messages using incoming webhooks".
    Recogniser("SLACK_TOKEN", r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,250}"),
    Recogniser("SLACK_WEBHOOK", r"\bhttps://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,100}"),
    # RFC 7519 in compact form: a JSON object in base64url starts with eyJ. The header's length is bounded, since what
    # only begins like one may begin at every hyphen.
    Recogniser("JWT", r"\beyJ[A-Za-z0-9_-]{8,500}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    # OpenAI and Anthropic, API keys; the same shape is used by many compatible services.
    Recogniser("API_KEY", r"\bsk-[A-Za-z0-9_-]{20,250}", lambda value: any(c.isdigit() for c in value)),
    # Google Cloud, "Manage API keys".
    Recogniser("GOOGLE_API_KEY", r"\bAIza[A-Za-z0-9_-]{35}"),
    # Stripe, "API keys".
    Recogniser("STRIPE_KEY", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}\b"),
    # Hugging Face, "User access tokens"; npm, "About access tokens"; PyPI, "API tokens" (a macaroon for pypi.org).
    Recogniser("HUGGINGFACE_TOKEN", r"\bhf_[A-Za-z0-9]{30,64}\b"),
    Recogniser("NPM_TOKEN", r"\bnpm_[A-Za-z0-9]{36}\b"),
    Recogniser("PYPI_TOKEN", r"\bpypi-Ag(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}"),
    # SendGrid, "API keys"; Mailchimp, "About API keys"; Square, "Access tokens"; Telegram, "Bot API".
    Recogniser("SENDGRID_KEY", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    Recogniser("MAILCHIMP_KEY", r"\b[0-9a-f]{32}-us\d{1,2}\b"),
    Recogniser("SQUARE_TOKEN", r"\bsq0(?:csp-[A-Za-z0-9_-]{43}|atp-[A-Za-z0-9_-]{22})"),
    Recogniser("TELEGRAM_TOKEN", r"\b(?:bot)?\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    # Discord, "Authentication": three parts in base64url, of which the first is the bot's number.
    Recogniser("DISCORD_TOKEN", r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}\b"),
    # Azure Storage, "Configure connection strings": 64 bytes in base64.
    Recogniser("AZURE_STORAGE_KEY", r"\bAccountKey=(?P<value>[A-Za-z0-9+/]{86}==)"),
    # DigitalOcean, "Personal access tokens"; Shopify, "Access tokens"; Databricks, "Personal access tokens".
    Recogniser("DIGITALOCEAN_TOKEN", r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    Recogniser("SHOPIFY_TOKEN", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    Recogniser("DATABRICKS_TOKEN", r"\bdapi[0-9a-f]{32}\b"),
    # RFC 3986, section 3.2.1: user information in an address.
    Recogniser("PASSWORD_IN_URL", r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/?#:@]{1,64}:(?P<value>[^\s/?#@]{3,128})@"),
    Recogniser(
        "PASSWORD",
        r"(?i:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token)"
        r"['\"]?\s{0,3}(?:=|:=|:|=>|\bis\b)\s{0,3}['\"]?(?P<value>[^\s'\"`,;]{8,128})",
        assigned,
    ),
)


def detector() -> TableDetector:
    """Finds credentials."""
    return TableDetector(_RECOGNISERS)
