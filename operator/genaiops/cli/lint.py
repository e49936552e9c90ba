"""What is wrong with manifests, found without a cluster: fields, rules, templates, detectors, references."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from genaiops.api import API_VERSION, GROUP
from genaiops.api.action import ReleaseActionSpec
from genaiops.api.base import ApiModel
from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.api.kinds import KINDS, SERVICE_NAME_MESSAGE
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.prompt import PromptSpec
from genaiops.cli.cluster import Raw
from genaiops.cli.manifests import Document, Path_, Position, Unreadable
from genaiops.guardrails.validate import validate
from genaiops.problem import Problem
from genaiops.prompts import Find, UnresolvedError
from genaiops.release.prompts import judge
from genaiops.release.resolve import resolve, resolve_quality
from genaiops.release.suites import suite_problems

_KINDS: Final = {kind.name: kind for kind in KINDS}
_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_SERVICE_NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
# Told of the referred object itself, or not to be known without a cluster.
_NOT_OURS: Final = re.compile(r".*Invalid|SecretNotFound|ModelNotReady")
_IN_OUR_WORDS: Final = {
    "extra_forbidden": "is no field of it; remove it or correct its name",
    "missing": "is missing; it has no default",
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or (a warning) that may be."""

    position: Position
    subject: str
    """``Kind/name``, empty for a file that can't be read."""
    field: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        severity = "warning" if self.warning else "error"
        where = " ".join(part for part in (self.subject, self.field) if part)
        return (
            f"{self.position}: {severity}: {where}: {self.message}"
            if where
            else (f"{self.position}: {severity}: {self.message}")
        )

    def as_data(self) -> dict[str, Any]:
        """The finding for `-o json`."""
        return {
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "severity": "warning" if self.warning else "error",
            "object": self.subject,
            "field": self.field,
            "message": self.message,
        }


@dataclass(frozen=True)
class _Object:
    """An object of ours whose spec has the right form."""

    kind: str
    namespace: str
    name: str
    spec: ApiModel
    document: Document

    def finding(self, path: str, message: str, *, warning: bool = False) -> Finding:
        at = self.document.position(_parsed(path))
        return Finding(at, f"{self.kind}/{self.name}", path, message, warning)


def lint(documents: Iterable[Document | Unreadable]) -> tuple[list[Finding], int]:
    """All findings in the order of files and lines, and the number of objects of ours that were checked."""
    findings: list[Finding] = []
    objects: list[_Object] = []
    secrets: list[Raw] = []
    checked = 0
    for document in documents:
        if isinstance(document, Unreadable):
            findings.append(Finding(document.position, "", "", document.message))
        elif not isinstance(document.value, dict):
            findings.append(Finding(document.position(), "", "", "is no object: a manifest has apiVersion and kind"))
        elif document.value.get("kind") == "Secret":
            secrets.append(document.value)
        elif str(document.value.get("apiVersion", "")).partition("/")[0] == GROUP:
            checked += 1
            parsed = list(_form(document))
            findings += [item for item in parsed if isinstance(item, Finding)]
            objects += [item for item in parsed if isinstance(item, _Object)]
    for item in objects:
        findings += _content(item, _prompts_beside(item, objects))
    findings += _doubles(objects)
    findings += _references(objects, secrets)
    in_order = sorted(findings, key=lambda item: (item.position.file, item.position.line, item.position.column))
    return in_order, checked


# --- one object: form --------------------------------------------------------------------------------------


def _form(document: Document) -> Iterator[Finding | _Object]:
    value = document.value
    metadata = value.get("metadata") if isinstance(value.get("metadata"), dict) else {}
    kind, name = str(value.get("kind")), str(metadata.get("name") or "")
    subject = f"{kind}/{name or '?'}"

    def wrong(path: Path_, message: str) -> Finding:
        return Finding(document.position(path), subject, _written(path), message)

    if value["apiVersion"] != API_VERSION:
        yield wrong(["apiVersion"], f"there is no {value['apiVersion']}; write {API_VERSION}")
        return
    if kind not in _KINDS:
        yield wrong(["kind"], f"there is no such kind in {API_VERSION}; it has {', '.join(_KINDS)}")
        return
    yield from (
        wrong([key], _IN_OUR_WORDS["extra_forbidden"])
        for key in sorted(value.keys() - {"apiVersion", "kind", "metadata", "spec", "status"})
    )
    serves = kind == "LLMApp" or (kind == "Model" and "serving" in (value.get("spec") or {}))
    if not name and not metadata.get("generateName"):
        yield wrong(["metadata", "name"], "is missing")
    elif name and serves and not _SERVICE_NAME.fullmatch(name):
        yield wrong(["metadata", "name"], SERVICE_NAME_MESSAGE.removeprefix("metadata.name: "))
    elif name and not _OBJECT_NAME.fullmatch(name):
        yield wrong(["metadata", "name"], "at most 253 lowercase letters, digits, inner '-' and '.'; rename it")
    spec, model = value.get("spec"), _KINDS[kind].spec
    if not isinstance(spec, dict):
        yield wrong(["spec"], "is missing or no object")
        return
    errors = _errors(model, spec)
    yield from (wrong(["spec", *path], message) for path, message in errors.items())
    if not errors:
        namespace = str(metadata.get("namespace") or "")
        yield _Object(kind, namespace, name, model.model_validate(spec), document)


def _errors(model: type[ApiModel], spec: Raw) -> dict[Path_, str]:
    """What the model refuses, by path. The model is lenient ("2" is a 2); the API server is not."""
    errors: dict[Path_, str] = {}
    for strict in (False, True):
        try:
            model.model_validate_json(json.dumps(spec), strict=strict)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False, include_input=False):
                # Strictly, a Decimal has to be one already: the lenient pass has judged it.
                if detail["type"] != "is_instance_of":
                    said = _IN_OUR_WORDS.get(detail["type"], detail["msg"].removeprefix("Value error, "))
                    errors.setdefault(detail["loc"], said)
    return errors


# --- one object: content -----------------------------------------------------------------------------------


def _content(item: _Object, find: Find) -> Iterator[Finding]:
    problems: list[Problem] = []
    if isinstance(item.spec, PromptSpec):
        problems = judge(item.name, item.spec, find)
    elif isinstance(item.spec, GuardrailPolicySpec):
        problems = validate(item.spec)
    elif isinstance(item.spec, EvaluationSuiteSpec):
        problems = suite_problems(item.spec)
    elif isinstance(item.spec, ReleaseActionSpec) and item.spec.requester:
        problems = [Problem("requester", "the operator's webhook writes it; remove it")]
    for problem in problems:
        yield item.finding(f"spec.{problem.field}", problem.message, warning=problem.warning)


def _prompts_beside(item: _Object, objects: Sequence[_Object]) -> Find:
    def find(name: str) -> PromptSpec:
        for other in objects:
            if isinstance(other.spec, PromptSpec) and (other.namespace, other.name) == (item.namespace, name):
                return other.spec
        raise UnresolvedError("PromptNotFound", f"the Prompt {name!r} is not among the given files or has errors")

    return find


# --- objects together --------------------------------------------------------------------------------------


def _doubles(objects: Sequence[_Object]) -> Iterator[Finding]:
    first: dict[tuple[str, str, str], _Object] = {}
    for item in objects:
        key = (item.kind, item.namespace, item.name)
        if item.name and key in first:
            place = first[key].document.position()
            yield item.finding("metadata.name", f"the same object is at {place}, too; the later one would win")
        first.setdefault(key, item)


def _references(objects: Sequence[_Object], secrets: Sequence[Raw]) -> Iterator[Finding]:
    by_key = {(item.kind, item.namespace, item.name): item for item in objects}
    for item in objects:
        if not isinstance(item.spec, LLMAppSpec):
            continue

        def lookup(kind: str, name: str, namespace: str = item.namespace) -> Raw | None:
            if kind == "Secret":
                return _secret(secrets, namespace, name)
            found = by_key.get((kind, namespace, name))
            return {"spec": found.document.value["spec"]} if found else None

        resolution = resolve(item.name, item.namespace, item.spec, lookup, "", {}, None)
        yield from (item.finding(near.field, near.message, warning=True) for near in resolution.warnings)
        quality = resolve_quality(item.namespace, item.spec.quality, lookup)[1] if item.spec.quality else ()
        for problem in (*resolution.problems, *quality):
            if _NOT_OURS.fullmatch(problem.reason):
                continue
            absent = problem.reason.removesuffix("NotFound") in _KINDS
            if absent:
                kind = problem.reason.removesuffix("NotFound")
                message = f"this {kind} is not among the given files, so it was not checked"
            yield item.finding(problem.field, message if absent else problem.message, warning=absent)


def _secret(secrets: Sequence[Raw], namespace: str, name: str) -> Raw | None:
    for secret in secrets:
        metadata = secret.get("metadata") or {}
        if metadata.get("name") == name and (metadata.get("namespace") or "") == namespace:
            return {"keys": [*(secret.get("data") or {}), *(secret.get("stringData") or {})]}
    return None


# --- paths -------------------------------------------------------------------------------------------------


def _written(path: Path_) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _parsed(path: str) -> Path_:
    """``spec.versions[0].name`` → its parts."""
    return [int(part[1:-1]) if part.startswith("[") else part for part in re.findall(r"\[\d+\]|[^.\[\]]+", path)]
