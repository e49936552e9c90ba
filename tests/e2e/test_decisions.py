"""People decide, testers try, copies are judged, and what breaks after its promotion goes back: through the real chain
of webhook, operator, Envoy and runtime."""

from collections.abc import Callable

from place import App, Object, Place, eventually
from provider import prompt, scripted_app
from recording import Recording, seconds

from traffic import Traffic, failures

ERRORS_ONLY = {"interval": "1s", "minSamples": 10, "metrics": [{"name": "error-rate", "maxIncrease": 0.25}]}
JUDGES_NOTHING: Object = {"metrics": []}


def candidate_of(app: App) -> str:
    """Wait for the candidate; its release."""
    found: str = eventually("there is a candidate", lambda: app.status().get("candidateRelease"))
    return found


def test_a_change_is_approved_by_somebody_else_and_by_its_hash(place: Place) -> None:
    # given an app whose changes have to be approved, and people with different rights
    app = scripted_app(place, rollout={"steps": [], "analysis": JUDGES_NOTHING})
    stable = app.serves()
    app.change(rollout={"approval": {"approvals": 1}})
    app.serves()
    joe, ann = place.person("joe", "approve"), place.person("ann", "approve")
    guest = place.person("guest")
    # when joe changes it
    place.kubectl(
        "patch", "llmapp", app.name, "--type=merge", "-p", '{"spec":{"prompt":{"version":"v2"}}}', f"--as={joe}"
    )
    # then it waits, and runs nothing of it
    app.phase("Paused")
    candidate = candidate_of(app)
    assert app.pods(candidate) == []
    assert "kubectl genaiops approve" in app.condition("Ready")["message"]
    # and neither joe himself, nor somebody without the verb, nor somebody in another's name can approve it
    assert "joe asked for this change" in app.decide("Approve", candidate, by=joe, check=False)
    assert "approve" in app.decide("Approve", candidate, by=guest, check=False)
    forged = {"username": ann, "groups": [], "stamp": "0" * 64}
    assert "requester" in app.decide("Approve", candidate, by=guest, check=False, requester=forged)
    assert "not the candidate" in app.decide("Approve", stable, by=ann, check=False)
    assert app.pods(candidate) == []
    # when ann approves
    app.decide("Approve", candidate, by=ann, reason="read it")
    # then it is rolled out, and the history says who let it
    assert app.ends()["decidedBy"] == ["Approve by ann: read it"]
    assert app.serves() == candidate


def test_testers_meet_a_preview_that_nobody_else_sees_until_the_switch(
    place: Place, figure: Callable[[str], None]
) -> None:
    # given an app that is switched blue/green, its users, and a tester
    preview = {"header": "x-preview", "exact": "yes"}
    steps = [{"setCanaryScale": {"percent": 100}}, {"setHeaderRoute": {"match": [preview]}}, {"pause": {}}]
    app = scripted_app(place, rollout={"steps": steps, "analysis": JUDGES_NOTHING, "watchAfterPromotion": "20s"})
    stable = app.serves()
    with Traffic(app, rate=6) as users, Traffic(app, "tester", rate=2, headers={"x-preview": "yes"}) as tester:
        users.flows(5)
        # when it changes
        app.change(prompt={"version": "v2"})
        app.phase("Paused")
        candidate = candidate_of(app)
        # then the new release is there at its full size, and the tester alone reaches it
        assert len(app.pods(candidate)) == 2
        tester.flows(5, release=candidate)
        requests = users.flows(10)
        assert failures(requests) == []
        assert {request.release for request in requests} == {stable}
        # when a person promotes it
        app.decide("Promote", candidate)
        users.flows(10, release=candidate)
        ended = app.ends()
        # then everybody has it, and the old one stays until it is proved
        assert ended["result"] == "Promoted"
        assert app.status()["watch"]["previous"] == stable
        assert len(app.pods(stable)) == 2
        eventually("the old release goes", lambda: not app.pods(stable))
        for traffic in (users, tester):
            traffic.stop()
            assert failures(traffic.requests()) == []
        figure(f"{len(users.requests())} requests of users, {len(tester.requests())} of the tester, 0 failed")


def test_what_breaks_after_its_promotion_goes_back_by_itself(place: Place, figure: Callable[[str], None]) -> None:
    # given an app, and a change that is good for its first 120 answers
    watched = {"steps": [{"setWeight": 50}], "analysis": ERRORS_ONLY, "watchAfterPromotion": "10m"}
    app = scripted_app(place, rollout=watched)
    place.apply(prompt(v1="chunks=1", v2="chunks=1 now=better", broken="status=500", fades="chunks=1 good=120"))
    stable = app.serves()
    with Recording(place, "LLMApp") as states, Traffic(app, rate=12, turns=2) as traffic:
        traffic.flows(20)
        # when it is rolled out
        app.change(prompt={"version": "fades"})
        back = eventually("it was taken back", lambda: taken_back(app), within=240)
        traffic.flows(20, release=stable)
        traffic.stop()
        requests = traffic.requests()
        told = [state["status"]["history"][-1]["result"] for _, _, state in states.states() if history(state)]
    # then it was promoted, broke, and went back to pods that were still there
    assert "Promoted" in told
    assert back["reason"] == "BreachAfterPromotion"
    assert "error-rate" in back["message"]
    failed = failures(requests)
    assert {request.release for request in failed} == {back["release"]}
    assert {request.release for request in requests[-10:]} == {stable}
    broke = min(request.end for request in failed)
    figure(
        f"broken → taken back {seconds(back['finishedAt']) - broke:.1f} s, {len(failed)} requests failed (interval 1 s)"
    )


def taken_back(app: App) -> Object | None:
    entries: list[Object] = app.status().get("history") or []
    return entries[-1] if entries and entries[-1]["result"] == "RolledBack" else None


def history(state: Object) -> list[Object]:
    entries: list[Object] = (state.get("status") or {}).get("history") or []
    return entries


def test_a_bad_change_is_found_on_copies_before_any_user_meets_it(place: Place, figure: Callable[[str], None]) -> None:
    # given an app whose changes are first judged on copies of live requests
    steps = [{"shadow": {"percent": 100, "duration": "5m", "maxRequests": 500}}, {"setWeight": 50}]
    app = scripted_app(place, rollout={"steps": steps, "analysis": ERRORS_ONLY})
    stable = app.serves()
    with Traffic(app, rate=8) as traffic:
        traffic.flows(10)
        # when a change makes its model fail
        app.change(prompt={"version": "broken"})
        ended = app.ends()
        traffic.flows(5)
        traffic.stop()
        requests = traffic.requests()
    # then it is taken back for its errors, and no user met one
    assert (ended["result"], ended["reason"]) == ("Aborted", "AnalysisFailed")
    assert "at weight 0" in ended["message"]
    assert failures(requests) == []
    assert {request.release for request in requests} == {stable}
    figure(f"{ended['message']}; {len(requests)} requests of users, 0 failed")
