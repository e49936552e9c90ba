"""Ends a gateway pod without losing a request. Runs inside the pod, where this package is not installed: stdlib only.

On SIGTERM Envoy closes everything at once, so all waiting happens before. Arguments: URL of the admin interface,
seconds until no new request comes any more, seconds that the running ones may still take.
"""

import sys
import time
import urllib.request


def ask(method: str, url: str) -> str:
    """The body of the admin interface's answer."""
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as response:
        body: str = response.read().decode()
        return body


def drain(admin: str, settle: float, longest: float) -> None:
    """Returns when no request runs any more, or after ``settle`` + ``longest`` seconds."""
    # Not ready from now on, and every answer asks its caller to connect anew: elsewhere.
    ask("POST", f"{admin}/healthcheck/fail")
    # Nothing in the pod tells when the last node has heard that this pod is going.
    time.sleep(settle)
    deadline = time.monotonic() + longest
    idle = "http.gateway.downstream_rq_active: 0"
    while idle not in ask("GET", f"{admin}/stats?filter=downstream_rq_active") and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    drain(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
