"""Good, bad, bad, good: whoever tries again and again gets there, and nothing is left of the tries."""

import pytest
from harness import Objects, eventually
from simulation import DataPlane
from stories import a_model_and_a_prompt, an_app, ask_for, healthy, under_traffic, version

pytestmark = pytest.mark.usefixtures("operator")


@pytest.mark.parametrize("next_one_comes", ["once it was taken back", "while it is at its first weight"])
async def test_the_good_one_serves_in_the_end(objects: Objects, dataplane: DataPlane, next_one_comes: str) -> None:
    # given v1, which serves
    a_model_and_a_prompt(objects)
    versions = [*objects.get("Prompt", "support")["spec"]["versions"], version("v4", "Be right.")]
    objects.patch("Prompt", "support", {"spec": {"versions": versions}})
    an_app(objects)
    first = await healthy(objects)
    # when v2 and v3 leak, and the next one comes right afterwards, with all that is still going
    bad: list[str] = []

    def new_candidate() -> str | None:
        candidate: str | None = objects.status().get("candidateRelease")
        return None if candidate in bad else candidate

    for wanted in ("v2", "v3"):
        ask_for(objects, wanted)
        candidate = await eventually(f"{wanted} starts", new_candidate)
        bad.append(candidate)
        if next_one_comes == "once it was taken back":
            taken_back = lambda now, name=candidate: now.get("abortedRelease") == name  # noqa: E731
            await under_traffic(f"{wanted} is taken back", objects, dataplane, taken_back, leaking=candidate)
        else:
            await eventually(f"{wanted} has weight", lambda: objects.status().get("weight"))
    # and v4 is good
    ask_for(objects, "v4")
    promoted = lambda now: now["phase"] == "Healthy" and now["stableRelease"] != first  # noqa: E731
    await under_traffic("v4 is promoted", objects, dataplane, promoted)
    # then v4 serves, alone
    stable = objects.status()["stableRelease"]
    assert objects.get("Release", stable)["spec"]["source"]["promptVersion"] == "v4"
    await eventually("it is alone", lambda: set(objects.deployments()) == {stable, "support-gateway"})
    await eventually("nothing is left", lambda: not objects.status().get("retiring"))
    services = lambda: {name for name in objects.names() if name.startswith("Service/")}  # noqa: E731
    await eventually("nor its address", lambda: services() == {"Service/support", f"Service/{stable}"})
    # and each try is on record, with how it ended
    ended = "Aborted" if next_one_comes == "once it was taken back" else "Superseded"
    results = [(entry["release"], entry["result"]) for entry in objects.status()["history"]]
    assert results == [(first, "Promoted"), *((name, ended) for name in bad), (stable, "Promoted")]
