"""The final messages of a prompt, filled in as the runtime does it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from genaiops.api.release import PromptContent
from genaiops.cli.cluster import Cluster, Raw
from genaiops.cli.failure import Failure
from genaiops.prompts import PromptTemplate, RenderError, VariableError


@dataclass(frozen=True)
class Wording:
    """One version of a prompt, and in words where it comes from."""

    origin: str
    content: Raw


def wording(cluster: Cluster, name: str, version: str | None) -> Wording:
    """What `name` says: what users of the app of that name get, else the newest version of the Prompt.

    ``llmapp/NAME`` and ``prompt/NAME`` say which is meant. `version` is another one of the Prompt, or of the Prompt
    that the app uses.
    """
    kind, _, bare = name.rpartition("/")
    if kind not in ("", "llmapp", "prompt"):
        raise Failure(f"{name!r}: write NAME, llmapp/NAME or prompt/NAME")
    app = cluster.get("LLMApp", bare) if kind == "llmapp" else None if kind else cluster.find("LLMApp", bare)
    if app is None:
        if not kind and cluster.find("Prompt", bare) is None:
            raise Failure(f"there is neither an LLMApp nor a Prompt {bare!r} in namespace {cluster.namespace!r}")
        return _of_prompt(cluster.get("Prompt", bare), version)
    stable = (app.get("status") or {}).get("stableRelease")
    if version or not stable:
        use = app["spec"]["prompt"]
        return _of_prompt(cluster.get("Prompt", use["ref"]), version or use.get("version"), use.get("label"))
    spec = cluster.get("Release", stable)["spec"]
    return Wording(f"{stable}: prompt {spec['source']['promptVersion']}", spec["content"]["prompt"])


def _of_prompt(prompt: Raw, version: str | None, label: str | None = None) -> Wording:
    name, spec = prompt["metadata"]["name"], prompt["spec"]
    versions = {item["name"]: item for item in spec["versions"]}
    if version is None:
        version = (spec.get("labels") or {}).get(label, "") if label else next(reversed(versions))
    if version not in versions:
        wanted = f"version {version!r}" if version else f"label {label!r}"
        raise Failure(f"Prompt {name!r} has no {wanted}; its versions are: {', '.join(versions)}")
    content = {"messages": versions[version]["messages"], "variables": versions[version].get("variables") or []}
    return Wording(f"Prompt {name}: {version}", content)


def messages(wording: Wording, values: Mapping[str, str]) -> list[dict[str, str]]:
    """The messages ``{role, content}`` for these values of the variables."""
    try:
        prompt = PromptContent.model_validate(wording.content)
    except ValidationError as error:
        raise Failure(f"{wording.origin}: another version of genaiops wrote it; use that one ({error})") from error
    missing = [v.name for v in prompt.variables if v.default is None and v.name not in values]
    if missing:
        how = " ".join(f"--set {name}=..." for name in missing)
        raise Failure(f"{wording.origin}: variables without a default need a value: {how}")
    try:
        return PromptTemplate(prompt).render(values)
    except VariableError as error:
        raise Failure(f"{wording.origin}: {error}") from error
    except RenderError as error:
        raise Failure(f"{wording.origin}: can't be filled in with these values: {error}") from error
    except ValueError as error:
        raise Failure(f"{wording.origin}: {error}") from error
