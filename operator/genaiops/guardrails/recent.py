"""What was made of the texts that came last: the same ones come again with the next part of an answer."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Recent(Generic[_Value]):
    """Values by the texts that they were made of, up to so many bytes. Of the texts only a digest is kept."""

    def __init__(self, most: int, size: Callable[[_Value], int]) -> None:
        """`most`: bytes of all values; `size`: the bytes of one."""
        self._most = most
        self._size = size
        self._held = 0
        self._values: OrderedDict[bytes, tuple[_Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, texts: Sequence[str], make: Callable[[], _Value]) -> _Value:
        """The value of these texts, made where it is not known. One larger than all may be is made each time."""
        digest = _digest(texts)
        with self._lock:
            if known := self._values.get(digest):
                self._values.move_to_end(digest)
                return known[0]
        value = make()
        self._keep(digest, value)
        return value

    def _keep(self, digest: bytes, value: _Value) -> None:
        size = self._size(value)
        with self._lock:
            # Another thread may have made it, too.
            if size > self._most or digest in self._values:
                return
            self._values[digest] = value, size
            self._held += size
            while self._held > self._most:
                _, (_, oldest) = self._values.popitem(last=False)
                self._held -= oldest


def _digest(texts: Sequence[str]) -> bytes:
    digest = blake2b(digest_size=16)
    for text in texts:
        data = text.encode(errors="surrogatepass")
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return digest.digest()
