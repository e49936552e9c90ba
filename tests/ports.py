"""Ports for servers that a test starts."""

import random
import socket
from contextlib import suppress


def lasting_port() -> int:
    """A port that stays free until a server starts, and starts again.

    One that the system chose (bind to 0, close) would not: it may be anybody's next, a client's too. It gives none of
    these away by itself, and of two tests that ask at the same moment hardly ever both get the same.
    """
    # Of the system's own randomness: workers that were seeded alike must not go through the same ports.
    for port in random.SystemRandom().sample(range(20_000, 32_000), 1000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise AssertionError("1000 ports are taken")
