"""A namespace with what an app refers to, as raw objects, and the resolution of an app in it."""

from copy import deepcopy
from typing import Any, Self

from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.release import ReleaseSpec
from genaiops.release.resolve import ReferenceProblem, Resolution, Target, resolve

Raw = dict[str, Any]


class Namespace:
    """Holds Model gpt, its Secret, Prompt support with v1 and v2, and an app that uses them."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Raw] = {}
        self.app: Raw = {"model": {"ref": "gpt"}, "prompt": {"ref": "support", "version": "v1"}}
        self.releases: dict[str, ReleaseSpec] = {}
        self.stable: str | None = None
        self.runtime_image = "runtime:1"
        self.has("Model", "gpt", model="gpt-4", endpoint="http://gpt:8080/v1")
        self.has("Prompt", "support", labels={"production": "v1"}, versions=[prompt("v1"), prompt("v2")])

    def has(self, kind: str, name: str, **spec: Any) -> Self:
        """An object with this spec, in place of the one that was there."""
        self.objects[kind, name] = {"spec": spec}
        return self

    def has_secret(self, name: str, *keys: str) -> Self:
        """A Secret, as the store keeps it: its keys and no values."""
        self.objects["Secret", name] = {"keys": list(keys)}
        return self

    def lacks(self, kind: str, name: str) -> Self:
        """There is no such object."""
        del self.objects[kind, name]
        return self

    def asks(self, **spec: Any) -> Self:
        """Fields of the app's spec."""
        self.app |= deepcopy(spec)
        return self

    def resolve(self) -> Resolution:
        """What the app asks for."""
        return resolve(
            "bot",
            "shop",
            LLMAppSpec.model_validate(self.app),
            lambda kind, name: self.objects.get((kind, name)),
            self.runtime_image,
            self.releases,
            self.stable,
        )

    def target(self) -> Target:
        """The release that the app asks for."""
        resolution = self.resolve()
        assert resolution.target, resolution.problems
        return resolution.target

    def problem(self) -> ReferenceProblem:
        """The one problem that the app has."""
        resolution = self.resolve()
        assert resolution.target is None
        assert len(resolution.problems) == 1, resolution.problems
        return resolution.problems[0]

    def serves(self) -> Target:
        """The release that the app asks for is made and serves."""
        target = self.target()
        self.releases[target.name] = target.release
        self.stable = target.name
        return target


def prompt(name: str, content: str | None = None, **fields: Any) -> Raw:
    """A version of a prompt."""
    return {"name": name, "messages": [{"role": "system", "content": content or f"wording {name}"}], **fields}
