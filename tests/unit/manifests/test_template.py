"""Which pod template is applied: what runs is restarted by what was asked for, never by a newer operator."""

from typing import Any

import pytest

from genaiops.api.model import ModelSpec
from genaiops.manifests.labels import owner
from genaiops.manifests.release import deployment
from genaiops.manifests.serving import serving_objects
from genaiops.manifests.template import MADE_WITH, kept, recorded
from manifests.releases import release

OWNER = owner("LLMApp", "bot", "uid-1")


def by_this_operator(replicas: int = 2, restarted_at: str | None = None) -> dict[str, Any]:
    """The Deployment of a release."""
    return deployment("bot-0123456789", "shop", release(), replicas, OWNER, restarted_at)


def by_an_older_one(restarted_at: str | None = None) -> dict[str, Any]:
    """What an operator that gave pods less time to end made of the same release."""
    made = by_this_operator(restarted_at=restarted_at)
    template = made["spec"]["template"]
    older = {**template, "spec": {**template["spec"], "terminationGracePeriodSeconds": 7}}
    return recorded({**made, "spec": {**made["spec"], "template": older}}, restarted_at or "")


def test_a_newer_operator_keeps_the_template_and_scales() -> None:
    applied = kept(by_this_operator(replicas=5), by_an_older_one())
    assert applied["spec"]["template"] == by_an_older_one()["spec"]["template"]
    assert applied["metadata"]["annotations"] == by_an_older_one()["metadata"]["annotations"]
    assert applied["spec"]["replicas"] == 5


def test_it_is_what_was_made_that_is_kept_and_not_what_somebody_made_of_it() -> None:
    live = by_an_older_one()
    live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0
    assert kept(by_this_operator(), live)["spec"]["template"] == by_an_older_one()["spec"]["template"]


def test_a_restart_replaces_the_pods_by_what_this_operator_makes() -> None:
    asked = by_this_operator(restarted_at="2026-11-23T12:00:00Z")
    assert kept(asked, by_an_older_one()) == asked
    annotations = asked["spec"]["template"]["metadata"]["annotations"]
    assert annotations["genaiops.dev/restarted-at"] == "2026-11-23T12:00:00Z"
    # and once
    restarted = by_an_older_one(restarted_at="2026-11-23T12:00:00Z")
    assert kept(asked, restarted)["spec"]["template"] == restarted["spec"]["template"]


@pytest.mark.parametrize("on_record", ["", "null", "[]", "{", '"template"'])
def test_a_record_that_was_edited_into_nonsense_is_made_anew(on_record: str) -> None:
    live = by_an_older_one()
    live["metadata"]["annotations"][MADE_WITH] = on_record
    assert kept(by_this_operator(), live) == by_this_operator()


@pytest.mark.parametrize("live", [None, {"metadata": {}}, {"metadata": {"annotations": {"theirs": "1"}}}])
def test_where_nothing_is_on_record_this_operators_template_is_taken(live: dict[str, Any] | None) -> None:
    assert kept(by_this_operator(), live) == by_this_operator()


@pytest.mark.parametrize(
    ("change", "restarts"),
    [({"replicas": 3}, False), ({"args": ["--threads", "8"]}, True), ({"image": "llm:2"}, True)],
)
def test_a_model_server_is_replaced_where_what_it_runs_changes(change: dict[str, Any], restarts: bool) -> None:
    def server(**serving: Any) -> dict[str, Any]:
        spec = ModelSpec.model_validate({"model": "SmolLM2", "serving": {"image": "llm:1", **serving}})
        return serving_objects("smollm", "shop", spec, owner("Model", "smollm", "uid-1"))[1]

    older = server()
    older["spec"]["template"]["spec"]["enableServiceLinks"] = True
    live = recorded(older, older["metadata"]["annotations"]["genaiops.dev/template-for"])

    applied = kept(server(**change), live)
    assert (applied["spec"]["template"] != live["spec"]["template"]) == restarts
