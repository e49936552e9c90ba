"""Personal data: patterns, and the checks that tell a real number from a row of digits.

International forms. A bare row of ten digits is a phone number, and one of nine a social security number, only after a
word that says so: elsewhere they are order numbers far more often.
"""

import ipaddress
from collections.abc import Iterable

from phonenumbers import NumberParseException, is_valid_number, parse

from genaiops.api.detectors import PIIEntity
from genaiops.guardrails.recognisers import Recogniser, TableDetector

PHONE_REGIONS = ("US", "GB", "DE", "FR")
"""Numbering plans by which a number without a country code is judged."""


CARD_LENGTHS = {"2": {16}, "3": {14, 15, 16}, "4": {13, 16, 19}, "5": {16}, "6": set(range(16, 20))}
"""Digits of a card number by its first one (ISO/IEC 7812 issuers: Mastercard, Amex, Diners, JCB, Visa, Discover...)."""


def card(text: str) -> bool:
    """A payment card's number: an issuer's first digit and length, and the check digit (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in text if c.isdigit()]
    if len(digits) not in CARD_LENGTHS.get(text[0], ()):
        return False
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """The check digits of an IBAN (ISO 13616: mod 97 of ISO 7064) and its length where that is known to be 15 to 34."""
    compact = text.replace(" ", "").upper()
    if not 15 <= len(compact) <= 34:
        return False
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def ssn(text: str) -> bool:
    """A US social security number that can have been issued (SSA, "Social Security Number Randomization", 2011)."""
    digits = text.replace(" ", "").replace("-", "")
    area, group, serial = int(digits[:3]), int(digits[3:5]), int(digits[5:])
    # The two most used in advertisements were withdrawn by the SSA.
    withdrawn = {(78, 5, 1120), (219, 9, 9999)}
    return area not in (0, 666) and area < 900 and group > 0 and serial > 0 and (area, group, serial) not in withdrawn


def ipv4(text: str) -> bool:
    """A dotted quad; loopback and 0.0.0.0 are nobody's."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def ipv6(text: str) -> bool:
    """An address with a digit in it and two groups or more, which ``a::b`` of a programming language has not."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    groups = [group for group in text.split(":") if group]
    return len(groups) >= 2 and any(c.isdigit() for c in text) and not address.is_loopback


def phone_international(text: str) -> bool:
    """A number with its country code that the country's numbering plan has."""
    return _valid_phone("+" + text[2:] if text.startswith("00") else text, None)


def phone_national(text: str) -> bool:
    """A number without country code that one of PHONE_REGIONS has."""
    regions = PHONE_REGIONS[1:] if text.lstrip("(").startswith("0") else PHONE_REGIONS[:1]
    return any(_valid_phone(text, region) for region in regions)


def _valid_phone(text: str, region: str | None) -> bool:
    try:
        return is_valid_number(parse(text, region))
    except NumberParseException:
        return False


_CALLS = (
    r"(?i:phone|tel|telephone|telefon|t[eé]l[eé]phone|mobile|mobil|handy|cell|fax|whatsapp|call|ring|dial|text|reach|"
    r"anruf|ruf|appel)"
)
"""Words (English, German, French) after which a bare row of digits may be a phone number."""

_RECOGNISERS = {
    PIIEntity.EMAIL: (
        # RFC 5321's lengths: 64 before the @, 63 for a label.
        Recogniser(
            "EMAIL",
            r"\b[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_+-])?@"
            r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}\b",
        ),
    ),
    PIIEntity.PHONE: (
        Recogniser("PHONE", r"(?:\+|\b00)[1-9](?:[ .()/-]{0,3}\d){6,14}\b", phone_international),
        Recogniser("PHONE", r"(?:\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{4}\b", phone_national),
        Recogniser("PHONE", r"(?:\(0\d{1,5}\)|\b0\d{1,5})[ /-]{1,3}\d{2,4}(?:[ /-]?\d{2,4}){1,4}\b", phone_national),
        Recogniser("PHONE", rf"\b{_CALLS}[^\d\n]{{0,16}}(?P<value>\d{{10,11}})\b", phone_national),
    ),
    PIIEntity.CREDIT_CARD: (Recogniser("CREDIT_CARD", r"\b\d(?:[ -]?\d){12,18}\b", card),),
    PIIEntity.IBAN: (
        Recogniser("IBAN", r"\b[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b", iban),
    ),
    PIIEntity.IP_ADDRESS: (
        Recogniser("IP_ADDRESS", r"\b\d{1,3}(?:\.\d{1,3}){3}\b", ipv4),
        Recogniser("IP_ADDRESS", r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}", ipv6),
    ),
    PIIEntity.US_SSN: (
        Recogniser("US_SSN", r"\b(?:\d{3}-\d{2}-\d{4}|\d{3} \d{2} \d{4})\b", ssn),
        Recogniser("US_SSN", r"\b(?i:ssn|social security)[^\d\n]{0,16}(?P<value>\d{9})\b", ssn),
    ),
}


def detector(entities: Iterable[PIIEntity] | None) -> TableDetector:
    """Finds these kinds; all where None."""
    return TableDetector([r for entity in entities or PIIEntity for r in _RECOGNISERS[entity]])
