"""What happens in the stories: apps, their changes, and what is awaited of them."""

from typing import Any

from harness import Manifest, Objects, eventually
from simulation import DataPlane

STEPS = [{"setWeight": 25}, {"pause": {"duration": "1s"}}, {"setWeight": 50}]
ANALYSIS = {
    "interval": "500ms",
    "minSamples": 20,
    "metrics": [
        {"name": "error-rate", "maxIncrease": "0.2"},
        {"name": "guardrail-violation-rate", "maxIncrease": "0.2"},
    ],
}
CANARY = {"steps": STEPS, "analysis": ANALYSIS}
UNTIL_PROMOTED = {"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": ANALYSIS}
"""Stays at 25 percent until a person promotes."""
AT_ONCE = {"steps": [], "analysis": {"metrics": []}}


def version(name: str, text: str) -> Manifest:
    """A version of a prompt."""
    return {"name": name, "messages": [{"role": "system", "content": text}]}


def a_model_and_a_prompt(objects: Objects) -> None:
    """Model `llm` and Prompt `support` with the versions v1 to v3, the label `live` on v1."""
    objects.create("Model", "llm", {"model": "m", "endpoint": "http://llm:8080/v1"})
    versions = [version("v1", "Be helpful."), version("v2", "Be brief."), version("v3", "Be kind.")]
    objects.create("Prompt", "support", {"labels": {"live": "v1"}, "versions": versions})


def an_app(objects: Objects, name: str = "support", **spec: Any) -> None:
    """An LLMApp of that model and prompt; `spec` is what differs."""
    minimal = {"model": {"ref": "llm"}, "prompt": {"ref": "support", "version": "v1"}}
    objects.create("LLMApp", name, {**minimal, "replicas": 2, "rollout": CANARY, **spec})


def ask_for(objects: Objects, prompt_version: str) -> None:
    """Change the app's prompt."""
    objects.patch("LLMApp", "support", {"spec": {"prompt": {"version": prompt_version}}})


async def healthy(objects: Objects, app: str = "support", other_than: str | None = None) -> str:
    """Wait until the app is Healthy with a release other than that, and give the release."""

    def stable() -> str | None:
        now = objects.status(app)
        release: str = now.get("stableRelease", "")
        return release if now.get("phase") == "Healthy" and release != other_than else None

    found: str = await eventually(f"{app} is Healthy", stable, within=60)
    return found


async def paused_at_25(objects: Objects) -> Manifest:
    """Wait until the candidate holds 25 percent and waits for a person; gives the status of the rollout."""

    def rollout() -> Manifest | None:
        now: Manifest = objects.status().get("rollout", {})
        return now if now.get("weight") == 25 and "promotes" in now.get("paused", "") else None

    found: Manifest = await eventually("it pauses at 25 percent", rollout, within=60)
    return found


async def under_traffic(
    what: str, objects: Objects, dataplane: DataPlane, until: Any, leaking: str | None = None
) -> None:
    """Let every release answer well, but for the `leaking` one's answers, until the status is as wanted."""

    def answered() -> bool:
        for pod in list(dataplane.pods.values()):
            if pod.release:
                pod.counted.answer(20, violated=pod.release == leaking)
        return bool(until(objects.status()))

    await eventually(what, answered, within=60)


async def refusal(objects: Objects, kind: str, name: str, *said: str) -> Manifest:
    """Wait until the object is not Ready and its message says all of that; gives the condition."""
    ready: Manifest = {}

    def told() -> bool:
        ready.update(objects.condition(kind, name))
        return ready.get("status") == "False" and all(part in ready["message"] for part in said)

    try:
        await eventually(f"{kind} {name} says {said}", told)
    except AssertionError as silent:
        raise AssertionError(f"{silent}; it says {ready}") from silent
    return ready
