"""A model that behaves on command, where the real one is too slow to prove something or never misbehaves."""

from pathlib import Path
from typing import Any

from place import SMALL_RUNTIME, App, Object, Place, custom, script_pod

SCRIPT = Path(__file__).with_name("provider_pod.py").read_text()
ENDPOINT = "http://provider:8000/v1"


def start_provider(place: Place) -> None:
    """The scripted server as `ENDPOINT`, ready."""
    probe = {"httpGet": {"path": "/v1/models", "port": 8000}, "periodSeconds": 1}
    pod = script_pod("provider", place.cluster.images["runtime"], SCRIPT, [], readinessProbe=probe)
    ports = [{"port": 8000, "targetPort": 8000}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "provider"},
        "spec": {"selector": {"genaiops.dev/e2e": "provider"}, "ports": ports},
    }
    place.apply(*pod, service)
    place.ready("provider")


def prompt(**versions: str) -> Object:
    """A Prompt `script` whose versions direct the scripted server; its label `production` is at the first of them."""
    listed = [
        {"name": name, "messages": [{"role": "system", "content": directions}]} for name, directions in versions.items()
    ]
    return custom("Prompt", "script", labels={"production": listed[0]["name"]}, versions=listed)


def scripted_model(place: Place, directions: str = "chunks=1", model: Object | None = None) -> None:
    """The server, its Model, and a Prompt: `v1` gives those directions, `v2` the same, `broken` leads to errors."""
    start_provider(place)
    place.apply(
        model or custom("Model", "scripted", model="scripted", endpoint=ENDPOINT),
        prompt(v1=directions, v2=f"{directions} now=better", broken="status=500"),
    )


def scripted_app(
    place: Place, directions: str = "chunks=1", *, replicas: int = 2, model: Object | None = None, **spec: Any
) -> App:
    """An app with that model and version `v1` of that prompt."""
    scripted_model(place, directions, model)
    use: Object = {"model": {"ref": "scripted"}, "prompt": {"ref": "script", "version": "v1"}}
    place.apply(custom("LLMApp", "support", replicas=replicas, runtime=SMALL_RUNTIME, **use, **spec))
    return App(place)
