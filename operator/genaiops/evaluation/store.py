"""An S3-compatible store: files of a known size in, files out."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obstore.exceptions import BaseError
from obstore.store import S3Store

from genaiops.api.base import SecretKeyRef
from genaiops.api.dataset import Remote
from genaiops.api.evaluation import ResultStore

if TYPE_CHECKING:
    from obstore.store import S3Config

_RETRIES: Final = 5
_PATIENCE: Final = timedelta(minutes=2)
ReadSecret = Callable[[SecretKeyRef], str]


class StoreError(Exception):
    """The store refuses, or can't be reached."""


class TooLargeError(StoreError):
    """The file is larger than it may be."""


class Store:
    """One bucket and a key, or the beginning of keys, in it."""

    def __init__(self, address: str, endpoint: str | None, region: str | None, keys: tuple[str, str] | None) -> None:
        self.address = address
        bucket, _, self._key = address.removeprefix("s3://").partition("/")
        config: S3Config = {"region": region or "us-east-1"}
        if endpoint:
            config["endpoint"] = endpoint
        if keys:
            config["access_key_id"], config["secret_access_key"] = keys
        else:
            config["skip_signature"] = True
        self._store = S3Store(
            bucket,
            config=config,
            client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
            retry_config={"max_retries": _RETRIES, "retry_timeout": _PATIENCE},
        )

    @classmethod
    def of_dataset(cls, remote: Remote, secret: ReadSecret) -> "Store":
        """Where a dataset's file is. Raises SecretError."""
        keys = remote.s3_credentials
        both = (secret(keys.access_key), secret(keys.secret_key)) if keys else None
        return cls(remote.url, remote.endpoint, remote.region, both)

    @classmethod
    def of_results(cls, store: ResultStore, secret: ReadSecret) -> "Store":
        """Where results are kept. Raises SecretError."""
        both = (secret(store.access_key), secret(store.secret_key)) if store.access_key and store.secret_key else None
        return cls(store.s3 or "", store.endpoint, store.region, both)

    async def read(self, limit: int) -> bytes:
        """The file at the address. Raises StoreError, TooLargeError above `limit` bytes."""
        try:
            found = await self._store.get_async(self._key)
            if found.meta["size"] > limit:
                raise TooLargeError(f"{self.address} is larger than {limit} bytes")
            return bytes(await found.bytes_async())
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.address} can't be read: {_reason(error)}") from error

    async def write(self, name: str, file: Path) -> None:
        """A file below the address. Raises StoreError."""
        key = "/".join(part for part in (self._key.strip("/"), name) if part)
        try:
            await self._store.put_async(key, file)
        except (BaseError, OSError) as error:
            raise StoreError(f"{self.address} can't be written: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    # The rest is the library's own state, over many lines.
    return str(error).split("\n", 1)[0][:300]
