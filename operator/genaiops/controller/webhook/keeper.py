"""Keeping what the webhook needs: the key of its stamps, a certificate, and the API server's trust in that.

Key and certificates stand in one Secret, which the installation makes, empty: the operator needs the right to change
this one, and none to make others. Whoever comes first fills it; from then on the leader alone renews.
"""

import asyncio
import base64
import logging
import secrets
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from genaiops.controller.cluster import UNAVAILABLE, ApiError, Cluster
from genaiops.controller.election import NotLeaderError
from genaiops.controller.kinds import SECRETS, WEBHOOKS
from genaiops.controller.settings import WebhookSettings
from genaiops.controller.store import Raw
from genaiops.controller.webhook.certificates import AUTHORITIES, SERVED, Files, Pace, renewed
from genaiops.controller.webhook.stamp import KEY_BYTES, Seal

log = logging.getLogger(__name__)

STAMP_KEY: Final = "stamp.key"
LOOK_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 1.0
_UNKNOWN: Final = "the operator has not read the key of its webhook yet"


class NotKeptError(Exception):
    """What the webhook needs is not there; the message says what, and what to do."""


@dataclass(frozen=True)
class _Secret:
    raw: Raw
    """As it was seen."""
    files: Files


@dataclass(frozen=True)
class Leadership:
    """Which of the replicas renews, and tells the API server."""

    held: Callable[[], bool]
    cluster: Cluster
    """Refuses to write once leadership is lost."""


class Keeper:
    """Looks after key and certificate, again and again, and takes up what others renewed."""

    def __init__(
        self,
        cluster: Cluster,
        leadership: Leadership,
        settings: WebhookSettings,
        pace: Pace | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._leadership = leadership
        self._settings = settings
        self._pace = pace or Pace()
        self._clock = clock
        self._served: tuple[bytes, bytes] | None = None
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        """Serves the newest certificate on every new connection."""
        self.seal = Seal(None, _UNKNOWN)
        self.problem: str | None = _UNKNOWN
        """Why the webhook can't answer, or nobody would believe it; None where all is well."""
        self.asked = asyncio.Event()
        """Set once it is known whether there is a key: nothing may be decided on stamps before."""
        self.serviceable = asyncio.Event()
        """Set once there is a certificate to serve."""

    async def keep(self) -> None:
        """Look for ever."""
        while True:
            try:
                if await self.look():
                    self.problem, pause = None, LOOK_SECONDS
                else:
                    # The API server is told of it only once it is on record.
                    pause = 0.0
            except (*UNAVAILABLE, NotKeptError, NotLeaderError) as error:
                pause = _RETRY_SECONDS
                if not (isinstance(error, ApiError) and error.outdated):
                    log.warning("webhook: %s; again in %.0f s", error or type(error).__name__, pause)
                # With key and certificate at hand it goes on answering while the API server is slow to tell.
                if isinstance(error, NotKeptError) or self.problem:
                    self.problem = f"webhook: {error or type(error).__name__}"
            await asyncio.sleep(pause)

    async def look(self) -> bool:
        """One look at the Secret (and, where somebody else keeps the certificate, at its files).

        Returns whether all was as it should be, so that nothing had to be written. Raises NotKeptError, and what a
        request to the API server raises.
        """
        before = await self._secret()
        files = await self._filled(before)
        self.seal = Seal(files[STAMP_KEY])
        self.asked.set()
        if self._settings.certificates:
            self._take_up(_read(Path(self._settings.certificates)))
        else:
            self._take_up(files)
        return files == before.files

    async def _secret(self) -> _Secret:
        try:
            raw = await self._cluster.read(SECRETS, self._settings.secret, self._settings.namespace)
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            where = f"Secret {self._settings.secret} in namespace {self._settings.namespace}"
            remedy = "the chart makes it, empty, and lets the operator fill it: helm upgrade"
            if self.seal.key is None:
                self.seal = Seal(None, f"the operator can't read the key of its webhook, {where}")
            self.asked.set()
            raise NotKeptError(f"{where} can't be read ({error}); {remedy}") from error
        return _Secret(raw, {name: base64.b64decode(value) for name, value in (raw.get("data") or {}).items()})

    async def _filled(self, secret: _Secret) -> Files:
        """What the Secret holds, after it was filled or renewed where that is due and ours to do."""
        leads = self._leadership.held()
        wanted = await self._wanted(secret.files, leads)
        if wanted != secret.files:
            data = {name: base64.b64encode(value).decode() for name, value in wanted.items()}
            # As it was seen: of two that fill it at once the second is refused, and looks again.
            await self._writer(leads).replace(SECRETS, {**secret.raw, "data": data})
            log.info("webhook: wrote %s into Secret %s", ", ".join(sorted(wanted)), self._settings.secret)
        return wanted

    async def _wanted(self, files: Files, leads: bool) -> Files:
        key = files.get(STAMP_KEY, b"")
        stamps = {STAMP_KEY: key if len(key) == KEY_BYTES else secrets.token_bytes(KEY_BYTES)}
        if self._settings.certificates:
            return stamps
        certificates = {name: value for name, value in files.items() if name != STAMP_KEY}
        told = AUTHORITIES in files and await self._told(files[AUTHORITIES], leads)
        if leads or SERVED[0] not in files:
            due = renewed(files, self._settings.hosts, self._clock(), told=told, pace=self._pace)
            certificates = due or certificates
        return stamps | certificates

    async def _told(self, authorities: bytes, leads: bool) -> bool:
        """Whether the API server knows which authorities to trust; if not, it is told by the leader, or by whoever is
        there where it knows none at all: an older operator may lead, and wait for this one to be ready."""
        bundle = base64.b64encode(authorities).decode()
        told = True
        for resource in WEBHOOKS:
            live = await self._cluster.read(resource, self._settings.configuration)
            known = {hook["clientConfig"].get("caBundle") for hook in live["webhooks"]}
            if known == {bundle}:
                continue
            told = False
            if leads or None in known:
                hooks = [{"name": hook["name"], "clientConfig": {"caBundle": bundle}} for hook in live["webhooks"]]
                manifest = {
                    "apiVersion": resource.api_version,
                    "kind": resource.kind,
                    "metadata": {"name": self._settings.configuration},
                    "webhooks": hooks,
                }
                await self._writer(leads).apply(manifest)
                log.info("webhook: told %s the authorities to trust", resource.kind)
        return told

    def _writer(self, leads: bool) -> Cluster:
        return self._leadership.cluster if leads else self._cluster

    def _take_up(self, files: Mapping[str, bytes]) -> None:
        """Serve this certificate from the next connection on."""
        if any(name not in files for name in SERVED):
            raise NotKeptError(f"Secret {self._settings.secret} has no certificate yet; the leader makes it")
        pair = (files[SERVED[0]], files[SERVED[1]])
        if pair == self._served:
            return
        try:
            # A key that does not fit would leave the context with half of each.
            _load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), pair)
            _load(self.tls, pair)
        except ssl.SSLError as error:
            raise NotKeptError(f"the certificate can't be used: {error}") from error
        self._served = pair
        self.serviceable.set()
        log.info("webhook: serves a new certificate")


def _read(folder: Path) -> Files:
    try:
        return {name: (folder / name).read_bytes() for name in SERVED}
    except OSError as error:
        raise NotKeptError(f"the certificate can't be read: {error}; does cert-manager make it?") from error


def _load(context: ssl.SSLContext, pair: tuple[bytes, bytes]) -> None:
    # OpenSSL reads files only. The folder is for our eyes, and for a moment.
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = (Path(folder, name) for name in SERVED)
        certificate.write_bytes(pair[0])
        key.write_bytes(pair[1])
        context.load_cert_chain(certificate, key)
