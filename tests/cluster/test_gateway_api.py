"""An HTTPRoute of the people's own: what the operator writes in it, what it leaves alone, and what it says of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from controlplane import ControlPlane
from harness import Manifest, Objects, OperatorProcess, eventually
from simulation import DataPlane
from splitting import ByHttpRoute, a_route
from splitting import gateway_api as kinds_of_the_gateway_api
from stories import AT_ONCE, UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25, refusal

pytestmark = pytest.mark.usefixtures("gateway_api", "operator")

TRAFFIC = {"gatewayAPI": {"httpRoute": "shop"}}
HEADER = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-team", "value": "shop"}]}}
OTHERS: list[Manifest] = [
    {"matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}], "backendRefs": [{"name": "docs", "port": 80}]},
    {
        "matches": [{"headers": [{"name": "x-tester", "value": "yes"}]}],
        "backendRefs": [{"name": "support-candidate", "port": 80}],
    },
]


@pytest.fixture(scope="module")
def gateway_api(controlplane: ControlPlane) -> Iterator[None]:
    """The kinds of the Gateway API."""
    with kinds_of_the_gateway_api(controlplane):
        yield


@pytest.fixture
async def edge(gateway_api: None, objects: Objects, dataplane: DataPlane) -> AsyncIterator[ByHttpRoute]:
    """A Gateway that takes up the HTTPRoute `shop`."""
    playing = ByHttpRoute(objects, dataplane)
    async with playing.running():
        yield playing


async def serving(objects: Objects, edge: ByHttpRoute, route: Manifest | None = None, **split: str) -> str:
    """An app behind the HTTPRoute; gives its release."""
    edge.create(route or a_route())
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED, traffic={"gatewayAPI": {"httpRoute": "shop", **split}})
    return await healthy(objects)


async def test_two_weights_are_written_and_nothing_else(edge: ByHttpRoute, objects: Objects) -> None:
    # given a route with filters, other rules, a third backend, and weights that nobody wrote
    backends = [
        {"name": "support-candidate", "port": 80, "weight": 0, "filters": [HEADER]},
        {"name": "legacy", "port": 8080, "weight": 7},
        {"name": "support-stable", "port": 80},
    ]
    route = a_route(*backends, filters=[HEADER], timeouts={"request": "60s"})
    route["spec"]["rules"] += OTHERS
    route["spec"]["hostnames"] = ["shop.example"]
    await serving(objects, edge, route)
    before = edge.route()
    # when a change is rolled out
    ask_for(objects, "v2")
    await paused_at_25(objects)
    # then its weights are there
    assert edge.weights() == [25, 7, 75]
    # and everything else is as it was
    after = edge.route()
    for written in (before, after):
        for backend in written["spec"]["rules"][0]["backendRefs"]:
            backend.pop("weight")
    assert after["spec"] == before["spec"]
    assert after["metadata"].get("ownerReferences") == before["metadata"].get("ownerReferences")


async def test_weights_that_somebody_else_writes_are_put_right_and_told(edge: ByHttpRoute, objects: Objects) -> None:
    # given a candidate with weight
    await serving(objects, edge)
    ask_for(objects, "v2")
    await paused_at_25(objects)
    # when somebody gives it everything
    path = "/spec/rules/0/backendRefs/{}/weight"
    edge.change([{"op": "replace", "path": path.format(0), "value": 0}])
    # then it is put right, and an Event says who had set what
    await eventually("it is put right", lambda: edge.weights() == [75, 25])
    told = await eventually("an Event tells", lambda: objects.events("WeightsPutRight"))
    assert told == ["HTTPRoute 'shop': jane had set stable 0, candidate 25; it is stable 75, candidate 25 again"]
    # and a change of something else is none of the operator's business
    edge.change([{"op": "add", "path": "/spec/rules/0/filters", "value": [HEADER]}])
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"steps": [{"setWeight": 25}, {"setWeight": 40}]}}})
    await eventually("it has both", lambda: edge.route()["spec"]["rules"][0].get("filters") == [HEADER])
    assert len(objects.events("WeightsPutRight")) == 1


async def test_at_rest_weights_are_put_right_too(edge: ByHttpRoute, objects: Objects) -> None:
    await serving(objects, edge)
    edge.change([{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 50}])
    await eventually("it is put right", lambda: edge.weights() == [100, 0])


async def test_an_app_waits_for_its_route_and_says_what_is_missing(
    operator: OperatorProcess, edge: ByHttpRoute, objects: Objects
) -> None:
    # given an app whose route is not there
    a_model_and_a_prompt(objects)
    an_app(objects, traffic={"gatewayAPI": {"httpRoute": "shop", "rule": "chat"}})
    await refusal(objects, "LLMApp", "support", "spec.traffic.gatewayAPI.httpRoute", "there is no HTTPRoute 'shop'")
    # when it comes without the rule, then without the backends, then whole
    edge.create(a_route())
    await refusal(objects, "LLMApp", "support", "HTTPRoute 'shop' has no rule 'chat'", "none has a name")
    edge.change([{"op": "add", "path": "/spec/rules/0/name", "value": "chat"}])
    release = await healthy(objects)
    # then it serves, and a route that loses a backend stops the next rollout and nothing else
    edge.change([{"op": "remove", "path": "/spec/rules/0/backendRefs/1"}])
    said = "rule 'chat' of HTTPRoute 'shop' does not have both Services support-stable and support-candidate"
    condition = await refusal(objects, "LLMApp", "support", said)
    assert condition["message"].endswith(f"; {release} goes on serving")
    ask_for(objects, "v2")
    backend = {"name": "support-candidate", "port": 80, "weight": 0}
    edge.change([{"op": "add", "path": "/spec/rules/0/backendRefs/-", "value": backend}])
    # and goes on once it has it again
    await eventually("the rollout begins", lambda: objects.status().get("candidateRelease"))


async def test_a_route_that_no_gateway_accepts_has_a_rollout_wait(edge: ByHttpRoute, objects: Objects) -> None:
    # given a route that the Gateway does not accept any more
    stable = await serving(objects, edge)
    edge.accepts = False
    said = "Gateway 'edge' does not accept it: NoMatchingListenerHostname: no listener has this hostname"
    edge.change([{"op": "add", "path": "/spec/hostnames", "value": ["elsewhere.example"]}])
    await refusal(objects, "LLMApp", "support", said)
    # when a change comes, it waits
    ask_for(objects, "v2")
    available = lambda: objects.condition("LLMApp", "support", "Available")  # noqa: E731
    await eventually("nobody is served", lambda: available()["status"] == "False")
    assert objects.status().get("candidateRelease") is None
    # and goes on when it is accepted
    edge.accepts = True
    candidate = (await paused_at_25(objects))["release"]
    assert candidate != stable


async def test_a_route_that_is_deleted_in_a_rollout_stops_it_and_not_the_abort(
    edge: ByHttpRoute, objects: Objects, dataplane: DataPlane
) -> None:
    # given a candidate with weight, and a route that is gone
    stable = await serving(objects, edge)
    ask_for(objects, "v2")
    await paused_at_25(objects)
    edge.delete()
    await refusal(objects, "LLMApp", "support", "there is no HTTPRoute 'shop'")
    assert objects.status()["rollout"]["weight"] == 25
    # when it is back with the weights it was written with, the rollout goes on where it was
    edge.create(a_route())
    await eventually("the weight is there again", lambda: edge.weights() == [75, 25])
    ask_for(objects, "v1")
    assert await healthy(objects) == stable
    await eventually("it is taken back", lambda: edge.weights() == [100, 0])


async def test_after_a_promotion_weights_wait_for_the_endpoints_of_stables_service(
    edge: ByHttpRoute, objects: Objects, dataplane: DataPlane
) -> None:
    # given a candidate on its way to everything, and EndpointSlices that are late
    edge.create(a_route())
    a_model_and_a_prompt(objects)
    an_app(objects, replicas=1, rollout=UNTIL_PROMOTED, traffic=TRAFFIC)
    await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    edge.slices.held = True
    objects.patch("LLMApp", "support", {"spec": {"rollout": AT_ONCE}})
    # when it is promoted
    await eventually("it is promoted", lambda: objects.status()["stableRelease"] == candidate)
    await asyncio.sleep(1)
    # then its own Service goes on taking everything, for stable's does not lead to it yet
    assert edge.weights() == [0, 100]
    assert edge.shares() == {candidate: 100}
    # until it does
    edge.slices.held = False
    await eventually("stable's Service takes over", lambda: edge.weights() == [100, 0])
