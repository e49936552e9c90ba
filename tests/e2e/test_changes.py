"""The main stories: changes of a prompt, asked of a real language model, while users go on talking."""

import time
from collections.abc import Callable

from place import SMALL_RUNTIME, App, Place, custom, eventually, quickstart
from recording import LiveWeights, Recording, least_ready, seconds, windows

from genaiops.analysis.judge import judge_all
from genaiops.analysis.window import CANDIDATE, STABLE
from genaiops.api.llmapp_status import AnalysisStatus, Arm, Verdict
from genaiops.api.rollout import RolloutSpec
from genaiops.rollout.steps import part_of_alpha
from traffic import Request, Traffic, failures, moves, share_is_likely


def an_app(place: Place, endpoint: str, *, max_tokens: int = 24) -> App:
    """The app of examples/quickstart, with the model server that all tests share, and small pods."""
    for manifest in quickstart():
        if manifest["kind"] == "Model":
            manifest = custom("Model", manifest["metadata"]["name"], model=manifest["spec"]["model"], endpoint=endpoint)
        elif manifest["kind"] == "LLMApp":
            manifest["spec"]["runtime"] = SMALL_RUNTIME
            manifest["spec"]["model"]["parameters"]["maxTokens"] = max_tokens
        place.apply(manifest)
    return App(place)


def leaked(request: Request) -> bool:
    """Whether its answer held an e-mail address, which the quickstart's guardrail takes out."""
    return "[EMAIL" in (request.text or "")


def test_a_good_change_is_promoted_and_no_user_notices(
    place: Place, endpoint: str, figure: Callable[[str], None]
) -> None:
    # given an app that serves, and users who talk to it
    app = an_app(place, endpoint, max_tokens=8)
    old = app.serves()
    with Recording(place, "Pod") as pods, Recording(place, "LLMApp") as states, Traffic(app, rate=5) as traffic:
        traffic.flows(10)
        # when its prompt gets better words
        began = time.monotonic()
        app.change(prompt={"version": "v3"})
        ended = app.ends()
        took = time.monotonic() - began
        new = app.serves()
        traffic.flows(10, release=new)
        eventually("the old release's pods are gone", lambda: not place.get("Deployment", old))
        traffic.stop()
        requests = traffic.requests()
        # then it is promoted by what was measured, and serves alone
        assert (ended["result"], ended["release"]) == ("Promoted", new)
        assert new != old
        # and no request failed, on the way there and after
        assert failures(requests) == []
        # and who got to the new words kept them
        assert all(releases in ([old], [new], [old, new]) for releases in moves(requests).values()), moves(requests)
        # and whichever release served had all its pods, all the time
        assert least_ready(pods, old, until=seconds(ended["finishedAt"])) == 2
        assert len(app.pods(new)) == 2
    # and each weight was what it said
    seen = list(windows(states))
    assert [window.weight for window in seen][:2] == [20, 50]
    for window in seen[:2]:
        during = [request for request in requests if window.begin < request.at < window.end]
        conversations = {request.conversation for request in during}
        moved = {request.conversation for request in during if request.release == new}
        assert share_is_likely(len(moved), len(conversations), window.weight), (window, moved, conversations)
        figure(f"at weight {window.weight}: {len(moved)} of {len(conversations)} conversations at the candidate")
    streams = sum(request.stream for request in requests)
    figure(f"promoted in {took:.0f} s; {len(requests)} requests ({streams} streams), 0 failed")


def test_a_change_that_leaks_takes_itself_back(place: Place, endpoint: str, figure: Callable[[str], None]) -> None:
    # given an app that serves, and users who talk to it
    app = an_app(place, endpoint)
    stable = app.serves()
    with (
        Recording(place, "Pod") as pods,
        Recording(place, "LLMApp") as states,
        LiveWeights(app) as live,
        Traffic(app, rate=2.5) as traffic,
    ):
        traffic.flows(10)
        # when its prompt tells an address that nobody may know
        app.change(prompt={"version": "v2"})
        ended = app.ends()
        candidate = ended["release"]
        zero = eventually("the gateway gives it no weight", lambda: live.zero_again(candidate))
        traffic.flows(10)
        eventually("its pods are gone", lambda: not place.get("Deployment", candidate))
        traffic.stop()
        requests = traffic.requests()
        # then it is taken back for what it did, in numbers that a person can read
        assert ended["result"] == "Aborted"
        assert ended["reason"] == "AnalysisFailed"
        assert "guardrail-violation-rate" in ended["message"]
        assert "against 0.0%" in ended["message"]
        assert "guardrail-violation-rate" in app.told("RolloutAborted")
        assert ended["message"] in place.kubectl("describe", "llmapp", app.name)
        # and no request failed, and nobody saw the address
        assert failures(requests) == []
        assert not any("@contoso" in (request.text or "") for request in requests)
        assert any(leaked(request) for request in requests if request.release == candidate)
        # and since then every request went to stable, which had all its pods all the time
        after = [request for request in requests if request.at > zero]
        assert after
        assert {request.release for request in after} == {stable}
        assert least_ready(pods, stable, until=time.time()) == 2
        assert app.status()["stableRelease"] == stable
    breach = breach_in_the_data(app, states, requests, candidate)
    reached = [request for request in requests if request.release == candidate]
    decided = seconds(ended["finishedAt"])
    figure(
        f"breach in the data → decision {decided - breach:.2f} s → weight 0 in effect {zero - decided:.2f} s, "
        f"together {zero - breach:.2f} s (interval 2 s)"
    )
    figure(
        f"{len(requests)} requests, 0 failed; {len(reached)} reached the candidate, {sum(map(leaked, reached))} leaks"
    )


def breach_in_the_data(app: App, states: Recording, requests: list[Request], candidate: str) -> float:
    """When the answers given so far would have been enough for the verdict: seconds since 1970.

    The requests are put, one by one as they ended, through the judgement that the operator makes every interval.
    """
    rollouts = [(state.get("status") or {}).get("rollout") or {} for _, _, state in states.states()]
    last = [rollout for rollout in rollouts if rollout.get("analysis", {}).get("baselineAt")][-1]
    analysed = last["analysis"]
    baseline = seconds(analysed["baselineAt"])
    live = app.place.get("LLMApp", app.name) or {}
    policy = RolloutSpec.model_validate(live["spec"]["rollout"])
    counts = {CANDIDATE: [0, 0], STABLE: [0, 0]}
    for request in sorted(requests, key=lambda request: request.end):
        if request.end < baseline:
            continue
        count = counts[CANDIDATE if request.release == candidate else STABLE]
        count[0] += 1
        count[1] += leaked(request)
        totals = {
            role: {
                "guardrail-violation-rate": Arm(samples=samples, hits=hits),
                "error-rate": Arm(samples=samples, hits=0),
            }
            for role, (samples, hits) in counts.items()
        }
        status = AnalysisStatus.model_validate({"startedAt": analysed["startedAt"], "totals": totals})
        verdicts = judge_all(policy.analysis, status, part_of_alpha(policy, last["step"]))
        if any(verdict.verdict is Verdict.FAILED for verdict in verdicts):
            return request.end
    raise AssertionError(f"what the users saw is no breach: {counts}")


def test_a_label_that_moves_is_followed(place: Place, endpoint: str) -> None:
    # given two apps that follow a prompt's label, and one that names a version
    prompt = next(manifest for manifest in quickstart() if manifest["kind"] == "Prompt")
    prompt["spec"]["labels"] = {"production": "v1"}
    place.apply(custom("Model", "smollm", model="SmolLM2-135M-Instruct", endpoint=endpoint), prompt)
    asks_for = {"web": {"label": "production"}, "phone": {"label": "production"}, "archive": {"version": "v1"}}
    for name, which in asks_for.items():
        spec = {"model": {"ref": "smollm", "parameters": {"maxTokens": 8}}, "prompt": {"ref": "support", **which}}
        place.apply(custom("LLMApp", name, **spec, runtime=SMALL_RUNTIME, rollout={"steps": []}))
    apps = {name: App(place, name) for name in asks_for}
    before = {name: app.serves() for name, app in apps.items()}
    # when the label moves
    place.patch("Prompt", "support", {"spec": {"labels": {"production": "v3"}}})
    # then both have a release with the new version
    for name in ("web", "phone"):
        eventually(f"{name} has rolled out", lambda app=apps[name]: len(app.status().get("history", ())) == 2)
        release = apps[name].serves()
        assert (place.get("Release", release) or {})["spec"]["source"]["promptVersion"] == "v3"
        assert "prompt v1 → v3" in apps[name].status()["history"][-1]["changes"]
    # and the third has not moved
    assert apps["archive"].serves() == before["archive"]
    assert len(apps["archive"].status()["history"]) == 1
    # and users get the new release
    with Traffic(apps["web"], rate=2) as traffic:
        requests = traffic.flows(3)
        assert failures(requests) == []
        assert {request.release for request in requests} == {apps["web"].serves()}
