"""Whose word counts on where an app's traces go: its own, else that of whoever installed the operator."""

import json
from typing import Any

import pytest

from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.tracing import Tracing
from genaiops.controller.cluster import Cluster
from genaiops.controller.settings import parse_settings
from genaiops.controller.store import Store
from genaiops.controller.tracing import TracingOf

APP = {"apiVersion": "v", "kind": "LLMApp", "metadata": {"name": "bot", "namespace": "shop", "uid": "uid-1"}}
IMAGES = [f"--{name}-image=i" for name in ("runtime", "gateway", "evaluator")]


class EmptyCluster(Cluster):
    """Nobody has any name."""

    def __init__(self) -> None:
        pass

    async def find(self, *_: object, **__: object) -> None:
        return None


async def told(otherwise: Tracing | None, **own: Any) -> dict[str, Any] | None:
    """What the app's runtimes are told."""
    spec = LLMAppSpec.model_validate({"model": {"ref": "m"}, "prompt": {"ref": "p", "version": "v1"}, **own})
    wanted = await TracingOf(EmptyCluster(), Store(), otherwise).observe(APP, spec)
    assert (wanted.standing is None) == (not wanted.objects)
    return json.loads(wanted.objects[0]["data"]["tracing.json"]) if wanted.objects else None


def installed_with(*options: str) -> Tracing | None:
    return parse_settings([*IMAGES, *options], {}).tracing


async def test_an_app_that_says_nothing_is_traced_as_the_operator_was_installed() -> None:
    everywhere = installed_with("--tracing-endpoint=http://otel:4318", "--tracing-sample-rate=0.1")
    assert await told(everywhere) == {
        "endpoint": "http://otel:4318",
        "sampleRate": "0.1",
        "content": False,
        "namespace": "shop",
    }
    assert await told(installed_with()) is None


async def test_an_app_s_own_word_counts() -> None:
    everywhere = installed_with("--tracing-endpoint=http://otel:4318", "--tracing-sample-rate=0.1")
    own = await told(everywhere, tracing={"endpoint": "https://own", "content": True})
    assert own == {"endpoint": "https://own", "sampleRate": "1", "content": True, "namespace": "shop"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tracing-endpoint=http://me:password@otel:4318",), "without query, user or password"),
        (("--tracing-endpoint=http://otel:4318", "--tracing-sample-rate=2"), "less than or equal to 1"),
    ],
)
def test_an_operator_told_something_else_says_so(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SystemExit):
        installed_with(*options)
    assert said in capsys.readouterr().err
