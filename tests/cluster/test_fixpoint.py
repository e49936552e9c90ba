"""Where everything is as it should be, the operator writes nothing: counted at the API server."""

import asyncio
from datetime import UTC, datetime

from controlplane import ControlPlane, Write
from harness import Objects, OperatorProcess, eventually
from simulation import DataPlane
from stories import AT_ONCE, UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25, refusal

SETTLE = 3.0
"""Seconds for what the last change still brings about."""


async def test_nothing_is_written_for_a_minute_nor_after_a_restart(
    controlplane: ControlPlane, own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    def writes(since: datetime) -> list[Write]:
        """Every write but those of the lease."""
        found = controlplane.writes(since=since, user=own_operator.user)
        return [write for write in found if not write.resource.startswith("leases")]

    # given an app that serves after a change, on a model that is served here,
    a_model_and_a_prompt(objects)
    objects.create(
        "Model", "served", {"model": "m", "serving": {"image": "llm:1", "resources": {"limits": {"cpu": "1000m"}}}}
    )
    resources = {"requests": {"cpu": "1000m", "memory": "1024Mi"}}
    an_app(objects, "changed", model={"ref": "served"}, rollout=AT_ONCE, runtime={"resources": resources})
    first = await healthy(objects, "changed")
    objects.patch("LLMApp", "changed", {"spec": {"prompt": {"version": "v2"}}})
    await healthy(objects, "changed", other_than=first)
    # one whose rollout waits for a person,
    an_app(objects, rollout={**UNTIL_PROMOTED, "analysis": {"metrics": []}})
    await healthy(objects)
    ask_for(objects, "v2")
    await paused_at_25(objects)
    # one that can't be resolved, and one whose name is taken
    an_app(objects, "lost", prompt={"ref": "lost", "version": "v1"})
    await refusal(objects, "LLMApp", "lost", "there is no Prompt 'lost'")
    an_app(objects, "served-model")
    await refusal(objects, "LLMApp", "served-model", "belongs to Model 'served'")
    await eventually("the old release is gone", lambda: first not in objects.deployments())
    await asyncio.sleep(SETTLE)

    # when nothing happens for a minute
    start = datetime.now(UTC)
    await asyncio.sleep(60)
    # then nothing is written
    assert writes(start) == []

    # when the operator is restarted
    own_operator.stop()
    start = datetime.now(UTC)
    own_operator.start()
    await own_operator.leads()
    await asyncio.sleep(SETTLE)
    # then it has read everything and written nothing
    assert own_operator.ready() == "ok"
    assert writes(start) == []
