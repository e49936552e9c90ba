"""What a gateway is told: which releases have pods, and which of them gets which share of the requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from genaiops.api.rollout import HeaderMatch

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
    ``testers`` are the requests that go to the candidate at any weight: those that match one of these.
    ``shadow`` is the percentage of the other chat completions that are copied to the candidate.
    ``variants`` are the shares in percent of more releases, taken from stable's.
    ``backends`` holds every release with pods, those that only drain included, so that they can be pinned; streams
    that run on a backend that is left out go on to their end.

    Raises ValueError where the parts contradict each other.
    """

    stable: str | None = None
    candidate: str | None = None
    weight: int = 0
    backends: tuple[Backend, ...] = ()
    testers: tuple[HeaderMatch, ...] = ()
    shadow: int = 0
    variants: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [backend.release for backend in self.backends]
        if len(set(known)) != len(known):
            raise ValueError(f"backends: a release is listed twice: {', '.join(sorted(known))}")
        variants = [("variants", release) for release in self.variants]
        for role, release in (("stable", self.stable), ("candidate", self.candidate), *variants):
            if release is not None and release not in known:
                raise ValueError(f"{role}: {release} is no backend; list it in backends, which has: {known}")
        if self.candidate is not None and self.candidate == self.stable:
            raise ValueError(f"candidate: {self.candidate} is the stable release; leave the candidate out")
        for name, percent in (("weight", self.weight), ("shadow", self.shadow)):
            if not 0 <= percent <= 100:
                raise ValueError(f"{name}: {percent} is no percentage; give a whole number from 0 to 100")
            if percent and (self.stable is None or self.candidate is None):
                raise ValueError(f"{name}: {percent} % needs both a stable release and a candidate")
        given = self.weight + sum(self.variants.values())
        if min(self.variants.values(), default=0) < 0 or given > 100:
            raise ValueError(f"variants: with the weight they come to {given} %; give whole numbers up to 100 in all")
        if self.variants.keys() & {self.stable, self.candidate} or (self.variants and self.candidate is None):
            raise ValueError("variants: they are other releases than stable and the candidate, and need both")
        if self.testers and (self.stable is None or self.candidate is None):
            raise ValueError("testers: they need both a stable release and a candidate")
