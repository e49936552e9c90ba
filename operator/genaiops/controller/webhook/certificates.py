"""Certificates that the operator makes for its webhook, and their rotation without a refused request.

Each serving certificate has an authority of its own, whose key is thrown away once it has signed: nobody can sign
another one. A Secret holds what is served (`tls.crt`, `tls.key`), what will be served next (`next.crt`, `next.key`) and
the authorities that callers should trust (`ca.crt`). Rotation takes three steps: the next authority is told to the API
server, the next certificate is served, the last authority is forgotten.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITIES: Final = "ca.crt"
SERVED: Final = ("tls.crt", "tls.key")
_NEXT: Final = ("next.crt", "next.key")
_NAMES: Final = (AUTHORITIES, *SERVED, *_NEXT)
_CLOCKS_DIFFER: Final = timedelta(hours=1)
"""Certificates begin so much earlier, for API servers whose clock is behind."""

Files = dict[str, bytes]


@dataclass(frozen=True)
class Pace:
    """How long things last."""

    lifetime: timedelta = timedelta(days=90)
    """Of a certificate; two thirds of it are over when the next one is made."""
    settling: timedelta = timedelta(minutes=1)
    """Until all API servers trust what they were told, and all replicas serve what they were given."""


@dataclass(frozen=True)
class _Pair:
    certificate: x509.Certificate
    authority: x509.Certificate

    def age(self, now: datetime) -> timedelta:
        return now - (self.certificate.not_valid_before_utc + _CLOCKS_DIFFER)

    def remaining(self, now: datetime) -> timedelta:
        return self.certificate.not_valid_after_utc - now


def renewed(files: Mapping[str, bytes], hosts: Sequence[str], now: datetime, *, told: bool, pace: Pace) -> Files | None:
    """What the Secret has to hold next; None where it is as it should be.

    `hosts` are the DNS names or IP addresses by which the API server calls. `told`: the API server has been told the
    authorities that stand there already.
    """
    authorities = _authorities(files)
    served, following = (_pair(files, names, authorities, hosts) for names in (SERVED, _NEXT))
    if served is None or served.remaining(now) <= timedelta(0):
        authority, certificate, key = issue(hosts, now, pace.lifetime)
        return {AUTHORITIES: authority, SERVED[0]: certificate, SERVED[1]: key}
    if following is None:
        if served.remaining(now) <= pace.lifetime / 3:
            authority, certificate, key = issue(hosts, now, pace.lifetime)
            return _known(files) | {AUTHORITIES: _pem(served.authority) + authority, **_named(_NEXT, certificate, key)}
        if len(authorities) > 1 and served.age(now) >= 2 * pace.settling:
            return {AUTHORITIES: _pem(served.authority), **_named(SERVED, *(files[name] for name in SERVED))}
    elif told and following.age(now) >= pace.settling:
        return {AUTHORITIES: files[AUTHORITIES], **_named(SERVED, *(files[name] for name in _NEXT))}
    return None


def issue(hosts: Sequence[str], now: datetime, lifetime: timedelta) -> tuple[bytes, bytes, bytes]:
    """A new authority, a certificate that it signed for the hosts, and that one's key, in PEM."""
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(signer.public_key())
    # Authorities of one name are told apart by their keys only; that takes some callers a second look.
    name = _name(f"genaiops webhook authority {identifier.digest.hex()[:8]}")
    begins, ends = now - _CLOCKS_DIFFER, now + lifetime
    common = x509.CertificateBuilder().issuer_name(name).not_valid_before(begins).not_valid_after(ends)
    authority = (
        common.subject_name(name)
        .public_key(signer.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(signer, hashes.SHA256())
    )
    certificate = (
        common.subject_name(_name("genaiops webhook"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(signer, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return _pem(authority), _pem(certificate), pem


def _pair(
    files: Mapping[str, bytes], names: tuple[str, str], authorities: Sequence[x509.Certificate], hosts: Sequence[str]
) -> _Pair | None:
    """The certificate of these names; None where it is missing, unreadable, for other hosts or of unknown authority."""
    try:
        certificate = x509.load_pem_x509_certificate(files[names[0]])
        key = serialization.load_pem_private_key(files[names[1]], None)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (LookupError, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    if set(named) != {_general_name(host) for host in hosts} or key.public_key() != certificate.public_key():
        return None
    return next((_Pair(certificate, authority) for authority in authorities if _signed(authority, certificate)), None)


def _authorities(files: Mapping[str, bytes]) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(files.get(AUTHORITIES, b""))
    except ValueError:
        return []


def _signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _known(files: Mapping[str, bytes]) -> Files:
    return {name: files[name] for name in _NAMES if name in files}


def _named(names: tuple[str, str], certificate: bytes, key: bytes) -> Files:
    return {names[0]: certificate, names[1]: key}


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
