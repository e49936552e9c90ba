"""The three steps of a rotation, and what a Secret holds in each."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from genaiops.controller.webhook.certificates import AUTHORITIES, SERVED, Files, Pace, renewed

HOSTS = ("operator-webhook.system.svc", "127.0.0.1")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PACE = Pace()


def next_of(files: Files, at: datetime, *, told: bool = True, hosts: tuple[str, ...] = HOSTS) -> Files | None:
    return renewed(files, hosts, at, told=told, pace=PACE)


def made(at: datetime = NOW) -> Files:
    files = next_of({}, at)
    assert files is not None
    return files


def authorities(files: Files) -> int:
    return len(x509.load_pem_x509_certificates(files[AUTHORITIES]))


def test_what_is_made_can_be_served_and_lasts() -> None:
    files = made()
    certificate = x509.load_pem_x509_certificate(files[SERVED[0]])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == list(HOSTS)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=90)
    # An API server whose clock is behind believes it, too.
    assert certificate.not_valid_before_utc < NOW
    assert next_of(files, NOW + timedelta(days=59)) is None


def test_openssl_believes_it(tmp_path: Path) -> None:
    # given a server with it and a client that knows its authority
    files = made(datetime.now(UTC))
    for name in SERVED:
        (tmp_path / name).write_bytes(files[name])
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*(str(tmp_path / name) for name in SERVED))
    client = ssl.create_default_context(cadata=files[AUTHORITIES].decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    called = client.wrap_bio(to_client, to_server, server_hostname=HOSTS[0])
    serving = server.wrap_bio(to_server, to_client, server_side=True)
    # when they shake hands
    for side in (called, serving, called, serving):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    # then
    assert called.version() == "TLSv1.3"


def test_rotation_takes_three_steps_and_both_are_believed_between() -> None:
    # given a certificate of which two thirds are over
    first, due = made(), NOW + timedelta(days=60)
    # when the next one is made
    announced = next_of(first, due)
    assert announced is not None
    # then the first is served on, and both authorities are told
    assert announced[SERVED[0]] == first[SERVED[0]]
    assert authorities(announced) == 2
    assert next_of(announced, due) is None
    # when all have been told, and it has settled
    later = due + PACE.settling
    assert next_of(announced, later, told=False) is None
    switched = next_of(announced, later)
    assert switched is not None
    # then the next one is served, and both are believed
    assert switched[SERVED[0]] != first[SERVED[0]]
    assert switched[AUTHORITIES] == announced[AUTHORITIES]
    assert set(switched) == {AUTHORITIES, *SERVED}
    # when all serve it
    assert next_of(switched, later) is None
    last = next_of(switched, due + 2 * PACE.settling)
    assert last is not None
    # then the first authority is forgotten
    assert authorities(last) == 1
    assert last[SERVED[0]] == switched[SERVED[0]]
    assert next_of(last, due + timedelta(days=59)) is None


@pytest.mark.parametrize(
    "broken",
    [
        {SERVED[0]: b"nonsense"},
        {SERVED[1]: b"nonsense"},
        {SERVED[1]: made()[SERVED[1]]},
        {AUTHORITIES: b""},
        {AUTHORITIES: made()[AUTHORITIES]},
    ],
    ids=["certificate", "key", "another's key", "no authority", "another's authority"],
)
def test_what_can_not_be_served_is_made_anew(broken: Files) -> None:
    files = next_of({**made(), **broken}, NOW)
    assert files is not None
    assert set(files) == {AUTHORITIES, *SERVED}
    assert next_of(files, NOW) is None


def test_what_ran_out_or_is_for_other_hosts_is_made_anew() -> None:
    assert next_of(made(), NOW + timedelta(days=90)) is not None
    assert next_of(made(), NOW, hosts=("other.system.svc",)) is not None


def test_a_broken_next_one_is_made_anew() -> None:
    due = NOW + timedelta(days=60)
    announced = next_of(made(), due)
    assert announced is not None
    again = next_of({**announced, "next.key": b"nonsense"}, due)
    assert again is not None
    assert again["next.crt"] != announced["next.crt"]
    assert authorities(again) == 2
