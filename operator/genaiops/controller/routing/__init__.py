"""How an app's traffic is asked what is in effect, and told of changes that are no object of ours."""

from dataclasses import dataclass
from typing import Protocol

from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.controller.store import Key, Raw
from genaiops.manifests.labels import Object
from genaiops.release.resolve import ReferenceProblem
from genaiops.rollout.snapshot import GatewayView, Plan, Snapshot


@dataclass(frozen=True)
class Split:
    """An app whose traffic is split, and what it has."""

    raw: Raw
    spec: LLMAppSpec
    status: LLMAppStatus
    owned: list[Raw]

    @property
    def name(self) -> str:
        """The app's name."""
        return str(self.raw["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The app's namespace."""
        return str(self.raw["metadata"]["namespace"])

    @property
    def key(self) -> Key:
        """The app's address."""
        return Key("LLMApp", self.namespace, self.name)


class Routing(Protocol):
    """One way of splitting traffic."""

    def problems(self, split: Split) -> list[ReferenceProblem]:
        """What a person has to put right before traffic can be split."""
        ...

    async def view(self, split: Split, *, due: bool) -> GatewayView:
        """What is in effect; nobody is asked unless it is `due`."""
        ...

    async def take_effect(self, raw: Raw, seen: Snapshot, todo: Plan, objects: list[Object]) -> bool:
        """After the objects were applied: what else the traffic needs to follow them. False: look again soon."""
        ...
