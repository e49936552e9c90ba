"""Releases as the manifests' tests need them."""

from typing import Any

from genaiops.api.release import ReleaseContent, ReleaseSpec
from genaiops.release.hashing import content_hash

CREDENTIALS = {"name": "openai", "key": "api-key"}
CONTAINER = {"image": "registry/app:1.2", "port": 8000, "args": ["--serve"]}
MODEL = {"name": "gpt", "provider": "OpenAI", "model": "gpt-4", "endpoint": "http://gpt/v1"}


def release(model: dict[str, Any] | None = None, **changes: Any) -> ReleaseSpec:
    """A release of app `bot`; other fields of its model and of its content."""
    content = {
        "prompt": {"messages": [{"role": "system", "content": "Grüß Gott"}]},
        "model": {**MODEL, **(model or {})},
        "parameters": {},
        "timeout": "1m",
        "maxRetries": 2,
        "runtime": {"image": "runtime:1"},
        **changes,
    }
    return ReleaseSpec.model_validate(
        {
            "app": "bot",
            "hash": content_hash(ReleaseContent.model_validate(content)),
            "source": {"prompt": "support", "promptVersion": "v1", "model": "gpt"},
            "content": content,
        }
    )
