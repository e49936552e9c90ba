"""Metrics of the team's own decide rollouts on a real API server; the servers that are asked are on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from harness import Manifest, Objects, eventually
from jobs import jobs_that_end
from kubernetes import client
from simulation import DataPlane
from stories import a_model_and_a_prompt, an_app, ask_for, healthy, under_traffic

pytestmark = pytest.mark.usefixtures("operator")

Answer = Callable[[dict[str, str]], Awaitable[Any]]
Serve = Callable[[Answer], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that answer what a function makes of the form that they are sent; gives their addresses."""
    runners: list[web.AppRunner] = []

    async def started(answer: Answer) -> str:
        async def handle(request: web.Request) -> web.Response:
            sent = {name: str(value) for name, value in (await request.post()).items()}
            return web.json_response(await answer({**sent, "authorization": request.headers.get("Authorization", "")}))

        app = web.Application()
        app.router.add_post("/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield started
    for runner in runners:
        await runner.cleanup()


def judged_by(*metrics: Manifest) -> Manifest:
    """A rollout in which these metrics decide at a quarter of the traffic."""
    analysis = {"interval": "500ms", "minSamples": 20, "metrics": list(metrics)}
    return {"steps": [{"setWeight": 25}], "analysis": analysis}


def scalar(value: str) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "scalar", "result": [0, value]}}


async def ended(objects: Objects) -> Manifest:
    """Wait until the rollout of v2 has ended, and give its entry in the history."""

    def entry() -> Manifest | None:
        history: list[Manifest] = objects.status().get("history", [])
        return history[-1] if len(history) > 1 else None

    found: Manifest = await eventually("the rollout ends", entry, within=60)
    return found


async def test_a_query_of_prometheus_takes_a_slow_release_back(
    objects: Objects, dataplane: DataPlane, serve: Serve
) -> None:
    # given a Prometheus that wants a token and finds v2 twice as slow
    asked: list[dict[str, str]] = []
    stable = ""

    async def answer(sent: dict[str, str]) -> Any:
        asked.append(sent)
        return scalar("2.0" if stable in sent["query"] else "4.1")

    objects.core.create_namespaced_secret(
        objects.namespace, {"metadata": {"name": "prom"}, "stringData": {"token": "s3cret"}}
    )
    source = {
        "address": await serve(answer),
        "query": 'p95(x{release="{{release}}"}[{{window}}])',
        "credentials": {"bearerToken": {"name": "prom", "key": "token"}},
    }
    metric = {"name": "p95", "maxRatio": "1.5", "failureLimit": 1, "count": 3, "prometheus": source}
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=judged_by(metric))
    stable = await healthy(objects)
    # when the prompt changes
    ask_for(objects, "v2")
    # then the second value beyond the limit aborts, with the numbers
    entry = await ended(objects)
    assert (entry["result"], entry["reason"]) == ("Aborted", "AnalysisFailed")
    assert (
        "p95 4.1 against 2 on stable: limit maxRatio 1.5; 2 of 2 measurements beyond it, 1 forgiven" in entry["message"]
    )
    # and the token was read from the Secret and is nowhere else
    assert {sent["authorization"] for sent in asked} == {"Bearer s3cret"}
    assert "s3cret" not in str(objects.get("LLMApp", "support"))


async def test_a_webhook_that_never_answers_holds_no_breach_up(
    objects: Objects, dataplane: DataPlane, serve: Serve
) -> None:
    async def never(_: dict[str, str]) -> Any:
        await asyncio.Event().wait()

    metric = {"name": "score", "min": "0.5", "webhook": {"url": await serve(never), "timeout": "10m"}}
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=judged_by({"name": "guardrail-violation-rate"}, metric))
    old = await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await eventually("v2 begins", lambda: objects.status().get("candidateRelease"), within=60)) or ""
    assert candidate != old

    await under_traffic(
        "v2 is taken back", objects, dataplane, lambda now: now["phase"] == "Degraded", leaking=candidate
    )
    assert "guardrail-violation-rate" in objects.status()["history"][-1]["message"]


async def test_a_provider_that_fails_is_an_error_and_in_the_end_an_abort(
    objects: Objects, dataplane: DataPlane, serve: Serve
) -> None:
    async def broken(_: dict[str, str]) -> Any:
        return {"nothing": "here"}

    metric = {"name": "score", "min": "0.5", "maxConsecutiveErrors": 2, "webhook": {"url": await serve(broken)}}
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=judged_by(metric))
    await healthy(objects)
    ask_for(objects, "v2")

    entry = await ended(objects)
    assert (entry["result"], entry["reason"]) == ("Aborted", "AnalysisError")
    assert "2 measurements of score in a row failed, the last: jsonPath: nothing stands at $.value" in entry["message"]


@pytest.mark.parametrize(
    ("limits", "exit_code", "message", "result", "says"),
    [
        ({"min": "0.8"}, 0, '{"value": 0.93}', "Promoted", "all steps passed"),
        ({"min": "0.8"}, 0, '{"value": 0.5}', "Aborted", "evals 0.5: limit min 0.8; 1 of 1 measurements beyond it"),
        ({}, 1, "", "Aborted", "evals 1: limit exit code 0"),
        ({"maxConsecutiveErrors": 1}, 137, "", "Aborted", "ended with exit code 137"),
    ],
)
async def test_a_job_measures_a_release(
    admin: client.ApiClient,
    objects: Objects,
    dataplane: DataPlane,
    limits: Manifest,
    exit_code: int,
    message: str,
    result: str,
    says: str,
) -> None:
    a_model_and_a_prompt(objects)
    metric = {"name": "evals", **limits, "job": {"image": "evals:1", "args": ["--fast"]}}
    an_app(objects, rollout=judged_by(metric))
    await healthy(objects)
    async with jobs_that_end(admin, objects.namespace, "measurement", exit_code, message):
        ask_for(objects, "v2")
        entry = await ended(objects)
    assert entry["result"] == result
    assert says in entry["message"]
    # and its pod was restricted, without a token, and never part of the release that it measured
    (job,) = client.BatchV1Api(admin).list_namespaced_job(objects.namespace).items
    pod = job.spec.template
    assert pod.spec.automount_service_account_token is False
    assert pod.spec.security_context.run_as_non_root
    assert pod.spec.containers[0].security_context.capabilities.drop == ["ALL"]
    assert "genaiops.dev/release" not in pod.metadata.labels
    assert job.metadata.owner_references[0].kind == "LLMApp"
    told = {variable.name: variable.value for variable in pod.spec.containers[0].env}
    assert told["GENAIOPS_RELEASE"] == entry["release"]
