"""The Gateway API is installed while the operator leads, taken away, and installed again."""

from controlplane import ControlPlane
from harness import Manifest, Objects, OperatorProcess, eventually
from simulation import DataPlane
from splitting import ByHttpRoute, gateway_api
from stories import AT_ONCE, a_model_and_a_prompt, an_app, healthy, refusal

SECONDS = 8.0
"""Well below the 20 s after which a full list would show a change that the watch missed."""


def given_half_to(index: int) -> list[Manifest]:
    return [{"op": "replace", "path": f"/spec/rules/0/backendRefs/{index}/weight", "value": 50}]


async def weights_are_put_right(edge: ByHttpRoute) -> None:
    """Several times, for a list may come at the right moment once."""
    for index in (1, 0, 1, 0):
        edge.change(given_half_to(index))
        await eventually("it is put right", lambda: edge.weights() == [100, 0], within=SECONDS)


async def test_routes_are_watched_from_when_the_cluster_has_them(
    controlplane: ControlPlane, own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    edge = ByHttpRoute(objects, dataplane)
    # given an operator that leads, and an app that asks for a kind that is not there
    await own_operator.leads()
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE, traffic=edge.traffic)
    await refusal(objects, "LLMApp", "support", "the cluster has no kind HTTPRoute")
    async with edge.running():
        # when the kind is installed, then the app asks for its route
        with gateway_api(controlplane):
            await refusal(objects, "LLMApp", "support", "there is no HTTPRoute 'shop'")
            # and once that is there it serves, and whatever is changed in it is seen
            edge.prepare()
            release = await healthy(objects)
            await weights_are_put_right(edge)
        # when the kind is taken away, then the app says so and goes on
        condition = await refusal(objects, "LLMApp", "support", "the cluster has no kind HTTPRoute")
        assert condition["message"].endswith(f"{release} goes on serving")
        # when it is back, then all is as it was
        with gateway_api(controlplane):
            edge.prepare()
            assert await healthy(objects) == release
            await weights_are_put_right(edge)
