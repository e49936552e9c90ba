"""Secrets of what judges: as files, so that a rotated one restarts nothing."""

from collections.abc import Iterable, Sequence
from typing import Any

from genaiops.api.base import SecretKeyRef
from genaiops.api.evaluation_run import CREDENTIALS
from genaiops.api.release import ModelContent


def unique(refs: Iterable[SecretKeyRef | None]) -> list[SecretKeyRef]:
    """Each key once."""
    return list({(ref.name, ref.key): ref for ref in refs if ref}.values())


def projected(volume: str, refs: Iterable[SecretKeyRef]) -> dict[str, Any]:
    """A volume with each key as the file <Secret>/<key>."""
    sources = [
        {"secret": {"name": ref.name, "items": [{"key": ref.key, "path": f"{ref.name}/{ref.key}"}]}} for ref in refs
    ]
    return {"name": volume, "projected": {"sources": sources}}


def api_keys(judges: Sequence[ModelContent]) -> list[dict[str, Any]]:
    """A volume for the API key of each Model that has one."""
    return [
        {
            "name": f"judge-{index}",
            "secret": {
                "secretName": model.credentials.name,
                "items": [{"key": model.credentials.key, "path": "api-key"}],
            },
        }
        for index, model in enumerate(judges)
        if model.credentials
    ]


def api_key_mounts(judges: Sequence[ModelContent]) -> list[dict[str, Any]]:
    """Where those volumes are found: <Model>/api-key in the folder of credentials."""
    return [
        {"name": f"judge-{index}", "mountPath": f"{CREDENTIALS}/{model.name}", "readOnly": True}
        for index, model in enumerate(judges)
        if model.credentials
    ]
