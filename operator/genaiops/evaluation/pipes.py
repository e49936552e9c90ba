"""Two named pipes to a program in another container: lines to its standard input, lines from its standard output."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks whether somebody reads: a pipe tells nobody when it is opened."""
MAX_LINE: Final = 1024 * 1024
"""Bytes."""


class Pipes:
    """`in` and `out` in a folder, made here; the program's shell opens them."""

    def __init__(self, folder: Path) -> None:
        self._in, self._out = folder / "in", folder / "out"
        folder.mkdir(parents=True, exist_ok=True)
        for pipe in (self._in, self._out):
            if not pipe.is_fifo():
                os.mkfifo(pipe)
            # The program runs as whoever its image says; nobody outside of the pod gets here.
            pipe.chmod(0o666)
        self._to: asyncio.WriteTransport | None = None
        self._from: asyncio.ReadTransport | None = None

    async def connect(self, on_line: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        """Waits until the program is there. `on_end` is told how the program was lost."""
        loop = asyncio.get_running_loop()
        # Without blocking, a pipe is opened for reading at once, and read when the first writer has come; for writing
        # it is only opened when somebody reads.
        reading = os.fdopen(os.open(self._out, os.O_RDONLY | os.O_NONBLOCK), "rb", 0)
        reader = _Lines(on_line, on_end)
        self._from, _ = await loop.connect_read_pipe(lambda: reader, reading)
        writing = os.fdopen(await self._opened_for_writing(), "wb", 0)
        self._to, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, writing)

    async def _opened_for_writing(self) -> int:
        while True:
            try:
                return os.open(self._in, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                await asyncio.sleep(_LOOK_AGAIN)

    def write(self, line: bytes) -> None:
        """Send one line, without its end."""
        assert self._to, "connected before"
        self._to.write(line + b"\n")

    def close(self) -> None:
        """The program's input ends."""
        for transport in (self._to, self._from):
            if transport:
                transport.close()


class _Lines(asyncio.Protocol):
    """What comes, line by line."""

    def __init__(self, on_line: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._on_end = on_end
        self._rest = b""
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._on_line(line)
        if len(self._rest) > MAX_LINE:
            self._on_end(f"wrote a line of more than {MAX_LINE >> 20} MiB")
            assert self._transport
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._on_end("ended")
