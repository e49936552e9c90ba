"""The Prompt that is exported, or added to: of the cluster, or of a manifest."""

from pydantic import ValidationError

from genaiops.api.prompt import PromptSpec
from genaiops.cli.cluster import Cluster
from genaiops.cli.failure import Failure
from genaiops.cli.manifests import Unreadable, read
from genaiops.release.lookup import parse_errors


def on_cluster(cluster: Cluster, name: str) -> PromptSpec:
    """The Prompt of this name."""
    return _spec(name, cluster.get("Prompt", name)["spec"])


def on_cluster_if_any(cluster: Cluster, name: str) -> PromptSpec | None:
    """The Prompt of this name, where there is one."""
    raw = cluster.find("Prompt", name)
    return _spec(name, raw["spec"]) if raw else None


def in_manifest(file: str) -> tuple[str, PromptSpec]:
    """Name and spec of the one Prompt in a file; ``-`` is standard input."""
    prompts = []
    for document in read([file]):
        if isinstance(document, Unreadable):
            raise Failure(f"{document.position}: {document.message}")
        if isinstance(document.value, dict) and document.value.get("kind") == "Prompt":
            prompts.append(document.value)
    if len(prompts) != 1:
        raise Failure(f"{file} has {len(prompts)} Prompts; one is exported at a time")
    name = str((prompts[0].get("metadata") or {}).get("name") or "prompt")
    return name, _spec(name, prompts[0].get("spec") or {})


def _spec(name: str, raw: object) -> PromptSpec:
    try:
        return PromptSpec.model_validate(raw)
    except ValidationError as error:
        raise Failure(f"Prompt {name!r} can't be used: {parse_errors(error)}") from error
