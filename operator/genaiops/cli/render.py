"""The final messages of a prompt, filled in as the runtime does it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from genaiops.api.prompt import LATEST
from genaiops.api.release import PromptContent
from genaiops.cli.cluster import Cluster, Raw
from genaiops.cli.failure import Failure
from genaiops.prompts import PromptTemplate, RenderError, UnresolvedError, VariableError
from genaiops.prompts import wording as put_together
from genaiops.release.lookup import prompts_in


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
        return _of_prompt(cluster, bare, version)
    stable = (app.get("status") or {}).get("stableRelease")
    if version or not stable:
        use = app["spec"]["prompt"]
        return _of_prompt(cluster, use["ref"], version or use.get("version"), use.get("label"))
    spec = cluster.get("Release", stable)["spec"]
    return Wording(f"{stable}: prompt {spec['source']['promptVersion']}", spec["content"]["prompt"])


def _of_prompt(cluster: Cluster, name: str, version: str | None, label: str | None = None) -> Wording:
    find = prompts_in(cluster.find, cluster.namespace)
    try:
        found = put_together(name, find(name), version, LATEST if version is None and label is None else label, find)
    except UnresolvedError as error:
        raise Failure(error.message) from error
    return Wording(f"Prompt {name}: {found.version}", found.content.to_manifest())


def messages(wording: Wording, values: Mapping[str, str]) -> list[dict[str, str]]:
    """The messages ``{role, content}`` for these values of the variables."""
    try:
        prompt = PromptContent.model_validate(wording.content)
    except ValidationError as error:
        raise Failure(f"{wording.origin}: another version of genaiops wrote it; use that one ({error})") from error
    missing = [
        v.name for v in prompt.variables if v.default is None and v.required is not False and v.name not in values
    ]
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
