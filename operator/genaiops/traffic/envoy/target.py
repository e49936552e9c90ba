"""What a gateway is told: which releases have pods, and which of them gets which share of the requests."""

from dataclasses import dataclass

RUNTIME_PORT = 8080


@dataclass(frozen=True)
class Backend:
    """A release that has pods.

    ``host`` is the DNS name of the release's headless Service. It must list ready pods only, and is best the bare name
    of the Service: the first search domain of the gateway's pod completes it. ``health_port`` is where ``GET /readyz``
    is asked: the runtime's port, also where the requests go to a container of the team's own.
    """

    release: str
    host: str
    port: int = RUNTIME_PORT
    health_port: int = RUNTIME_PORT


@dataclass(frozen=True)
class GatewayRoutes:
    """Who gets the requests of an app.

    ``weight`` is the candidate's share in percent; give it none before the gateway has seen a ready pod of it
    (`healthy_endpoints`), as requests for a release that Envoy does not know yet are answered with 503.
    ``backends`` holds every release with pods, those that only drain included, so that they can be pinned; streams
    that run on a backend that is left out go on to their end.

    Raises ValueError where the parts contradict each other.
    """

    stable: str | None = None
    candidate: str | None = None
    weight: int = 0
    backends: tuple[Backend, ...] = ()

    def __post_init__(self) -> None:
        known = [backend.release for backend in self.backends]
        if len(set(known)) != len(known):
            raise ValueError(f"backends: a release is listed twice: {', '.join(sorted(known))}")
        for role, release in (("stable", self.stable), ("candidate", self.candidate)):
            if release is not None and release not in known:
                raise ValueError(f"{role}: {release} is no backend; list it in backends, which has: {known}")
        if self.candidate is not None and self.candidate == self.stable:
            raise ValueError(f"candidate: {self.candidate} is the stable release; leave the candidate out")
        if not 0 <= self.weight <= 100:
            raise ValueError(f"weight: {self.weight} is no percentage; give a whole number from 0 to 100")
        if self.weight and (self.stable is None or self.candidate is None):
            raise ValueError(f"weight: {self.weight} % needs both a stable release and a candidate")
