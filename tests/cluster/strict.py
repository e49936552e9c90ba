"""Our custom resources as a test writes them: with everything refused that the API server can refuse."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from genaiops.api import API_VERSION, GROUP, VERSION
from genaiops.api.kinds import KINDS

PLURALS = {kind.name: kind.plural for kind in KINDS}

Manifest = dict[str, Any]


class RefusedError(Exception):
    """The API server's words when it refuses an object."""


@dataclass(frozen=True)
class Objects:
    """The custom resources of one namespace, written as kubectl writes them: strictly."""

    api: client.CustomObjectsApi
    namespace: str

    def create(self, kind: str, spec: Manifest, name: str = "subject", **options: Any) -> Manifest:
        options = {"field_validation": "Strict"} | options
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        return _answer(self.api.create_namespaced_custom_object, *self._kind(kind), body, **options)

    def check(self, kind: str, spec: Manifest, name: str = "subject") -> Manifest:
        """What `create` would answer, with nothing created."""
        return self.create(kind, spec, name, dry_run="All")

    def replace(self, kind: str, spec: Manifest, name: str = "subject") -> Manifest:
        body = self.get(kind, name) | {"spec": spec}
        replace = self.api.replace_namespaced_custom_object
        return _answer(replace, *self._kind(kind), name, body, field_validation="Strict")

    def get(self, kind: str, name: str = "subject") -> Manifest:
        return _answer(self.api.get_namespaced_custom_object, *self._kind(kind), name)

    def report(self, kind: str, status: Manifest, name: str = "subject") -> Manifest:
        """Write the status, as the operator does."""
        report = self.api.patch_namespaced_custom_object_status
        return _answer(report, *self._kind(kind), name, {"status": status}, field_validation="Strict")

    def _kind(self, kind: str) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, PLURALS[kind]


def _answer(call: Callable[..., Any], *arguments: Any, **options: Any) -> Manifest:
    try:
        return dict(call(*arguments, **options))
    except client.ApiException as refusal:
        raise RefusedError(json.loads(refusal.body)["message"]) from refusal
