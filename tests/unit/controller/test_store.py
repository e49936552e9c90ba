"""What the operator knows of the cluster, whatever the order in which it hears of it."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from genaiops.controller.store import Key, Raw, Store

APP = Key("LLMApp", "shop", "bot")
ASKS: dict[str, Any] = {
    "model": {"ref": "gpt", "fallbacks": [{"ref": "backup"}]},
    "prompt": {"ref": "support", "version": "v1"},
    "guardrails": [{"ref": "safe"}],
    "rolloutPolicyRef": "careful",
}


def raw(name: str, version: int = 1, *, uid: str = "1", namespace: str = "shop", **fields: Any) -> Raw:
    """An object as the API server sends it."""
    labels = fields.pop("labels", {})
    meta = {"name": name, "namespace": namespace, "resourceVersion": str(version), "uid": uid, "labels": labels}
    return {"metadata": {**meta, **fields.pop("metadata", {})}, **fields}


def pod(name: str, version: int = 1, **fields: Any) -> Raw:
    """A pod of the app."""
    return raw(name, version, labels={"genaiops.dev/app": "bot"}, **fields)


def names(store: Store) -> set[str]:
    """Pods that the store knows for the app."""
    return {found["metadata"]["name"] for found in store.owned(APP)}


# --- order -------------------------------------------------------------------------------------------------


def test_an_older_state_never_replaces_a_newer_one() -> None:
    store = Store()
    assert store.put("Prompt", raw("support", 7, spec={"new": True}))

    assert not store.put("Prompt", raw("support", 5, spec={"new": False}))
    assert not store.put("Prompt", raw("support", 7, spec={"new": False}))

    found = store.get("Prompt", "shop", "support")
    assert found
    assert found["spec"] == {"new": True}


def test_versions_are_compared_as_numbers() -> None:
    store = Store()
    store.put("Prompt", raw("support", 9))

    assert store.put("Prompt", raw("support", 10))


@given(st.permutations(range(1, 7)))
def test_events_in_any_order_end_in_the_newest_state(versions: list[int]) -> None:
    store = Store()
    for version in versions:
        store.put("Prompt", raw("support", version, spec={"version": version}))

    found = store.get("Prompt", "shop", "support")
    assert found
    assert found["spec"] == {"version": 6}


def test_a_late_state_brings_nothing_deleted_back() -> None:
    store = Store()
    store.put("Pod", pod("one", 5))
    store.remove("Pod", pod("one", 8))

    assert not store.put("Pod", pod("one", 7))
    assert names(store) == set()
    assert store.put("Pod", pod("one", 9, uid="2")), "one that was made anew is another one"


def test_a_late_deletion_removes_no_object_that_was_made_anew() -> None:
    store = Store()
    store.put("Pod", pod("one", 9, uid="2"))

    store.remove("Pod", pod("one", 8, uid="1"))

    assert names(store) == {"one"}


# --- lists -------------------------------------------------------------------------------------------------


def test_a_list_brings_what_was_missed_and_removes_what_is_gone() -> None:
    store = Store()
    store.put("Pod", pod("gone", 3))
    store.put("Pod", pod("stays", 4))
    store.put("Prompt", raw("support", 2))

    store.take_list("Pod", [pod("stays", 4), pod("missed", 8)], 10)

    assert names(store) == {"stays", "missed"}
    assert store.get("Prompt", "shop", "support"), "a list of one kind tells nothing of another"


def test_what_came_while_a_list_was_fetched_stays() -> None:
    store = Store()
    store.put("Pod", pod("newer", 11))

    store.take_list("Pod", [pod("old", 4)], 10)

    assert names(store) == {"newer", "old"}


def test_what_was_deleted_while_a_list_was_fetched_stays_deleted() -> None:
    store = Store()
    store.put("Pod", pod("one", 4))
    store.remove("Pod", pod("one", 12))

    store.take_list("Pod", [pod("one", 4)], 10)

    assert names(store) == set()


def test_a_list_tells_what_has_to_be_looked_at() -> None:
    store = Store()
    store.put("Pod", pod("gone", 3))
    other = raw("theirs", 4, labels={"genaiops.dev/app": "other"})

    affected = store.take_list("Pod", [other], 10)

    assert affected == {APP, Key("LLMApp", "shop", "other")}, "also whom the pod belonged to that is gone"
    assert store.take_list("Pod", [other], 11) == set(), "nothing has changed"


# --- what belongs to what ----------------------------------------------------------------------------------


def test_objects_are_found_by_whom_they_belong_to_oldest_first() -> None:
    store = Store()
    store.put("Pod", pod("young", 1, metadata={"creationTimestamp": "2026-01-02T00:00:00Z"}))
    store.put("Pod", pod("old", 1, metadata={"creationTimestamp": "2026-01-01T00:00:00Z"}))
    store.put("Pod", raw("theirs", labels={"genaiops.dev/app": "other"}))
    store.put("Pod", pod("elsewhere", namespace="other"))

    assert [found["metadata"]["name"] for found in store.owned(APP)] == ["old", "young"]


def test_an_object_that_loses_its_label_concerns_its_owner_once_more_and_then_no_longer() -> None:
    store = Store()
    store.put("Pod", pod("one", 1))

    assert store.change("Pod", raw("one", 2)) == {APP}
    assert store.owned(APP) == []
    assert store.change("Pod", raw("one", 3)) == set()


def test_a_change_concerns_every_app_that_refers_to_it_however_indirectly() -> None:
    store = Store()
    store.put("LLMApp", raw("bot", spec=ASKS))
    store.put("LLMApp", raw("simple", spec={"model": {"ref": "gpt"}, "prompt": {"ref": "sales", "version": "v1"}}))
    credentials = {"secretRef": {"name": "openai", "key": "api-key"}}
    store.put("Model", raw("gpt", spec={"credentials": credentials}))
    simple, gpt = Key("LLMApp", "shop", "simple"), Key("Model", "shop", "gpt")

    def affected(kind: str, name: str, namespace: str = "shop") -> set[Key]:
        return store.affected(Key(kind, namespace, name)) - {Key(kind, namespace, name)}

    assert affected("Secret", "openai") == {gpt, APP, simple}, "through the Model"
    assert affected("Model", "gpt") == {APP, simple}
    assert affected("Model", "backup") == {APP}, "although it does not exist yet"
    assert affected("Prompt", "support") == {APP}
    assert affected("GuardrailPolicy", "safe") == {APP}
    assert affected("RolloutPolicy", "careful") == {APP}
    assert affected("Prompt", "support", "other") == set(), "a reference stays in its namespace"
    assert affected("Secret", "other") == set()


def test_what_a_guardrail_asks_concerns_the_apps_of_its_policy() -> None:
    store = Store()
    store.put("LLMApp", raw("bot", spec={"guardrails": [{"ref": "safe"}]}))
    hook = {"type": "Webhook", "url": "http://h/", "secretRef": {"name": "hook", "key": "token"}}
    moderation = {"name": "m", "detector": {"type": "Moderation", "model": "guard"}}
    store.put("GuardrailPolicy", raw("safe", spec={"input": [moderation, None], "output": [{"detector": hook}]}))

    safe = Key("GuardrailPolicy", "shop", "safe")
    for kind, name in (("Model", "guard"), ("Secret", "hook")):
        assert store.affected(Key(kind, "shop", name)) - {Key(kind, "shop", name)} == {safe, APP}


def test_what_online_quality_needs_concerns_its_app() -> None:
    store = Store()
    kept = {"postgresql": {"secretRef": {"name": "db", "key": "url"}}}
    evaluators = [{"name": "relevance", "type": "Relevance", "model": "judge"}, None]
    store.put("LLMApp", raw("bot", spec={"quality": {"evaluators": evaluators, "store": kept}}))

    for kind, name in (("Model", "judge"), ("Secret", "db")):
        assert store.affected(Key(kind, "shop", name)) - {Key(kind, "shop", name)} == {APP}


def test_a_prompt_that_others_include_concerns_their_apps() -> None:
    store = Store()
    house = {"versions": [{"name": "v1", "includes": [{"name": "tone", "prompt": "house", "label": "latest"}]}]}
    store.put("Prompt", raw("support", spec=house))
    store.put("LLMApp", raw("bot", spec={"prompt": {"ref": "support", "version": "v1"}}))

    support = Key("Prompt", "shop", "support")
    assert store.affected(Key("Prompt", "shop", "house")) - {Key("Prompt", "shop", "house")} == {support, APP}


def test_a_reference_that_was_dropped_concerns_nobody() -> None:
    store = Store()
    store.put("LLMApp", raw("bot", 1, spec=ASKS))
    store.put("LLMApp", raw("bot", 2, spec={**ASKS, "guardrails": []}))

    assert store.affected(Key("GuardrailPolicy", "shop", "safe")) == {Key("GuardrailPolicy", "shop", "safe")}


def test_deleting_what_is_referred_to_concerns_who_refers_to_it() -> None:
    store = Store()
    store.put("LLMApp", raw("bot", spec=ASKS))
    store.put("Prompt", raw("support", 2))

    assert APP in store.remove("Prompt", raw("support", 3))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda values: (
            st.lists(values, max_size=3)
            | st.dictionaries(
                st.sampled_from(["model", "ref", "prompt", "guardrails", "fallbacks"]), values, max_size=3
            )
        ),
        max_leaves=8,
    )
)
def test_no_malformed_object_stops_the_store(spec: object) -> None:
    store = Store()

    assert store.put("LLMApp", raw("bot", spec=spec))
    assert APP in store.affected(APP)


# --- secrets -----------------------------------------------------------------------------------------------


def test_of_a_secret_only_the_names_of_its_keys_are_kept() -> None:
    store = Store()
    applied = json.dumps({"data": {"api-key": "c2VjcmV0"}})
    store.put(
        "Secret",
        raw(
            "openai",
            data={"api-key": "c2VjcmV0", "other": "c2VjcmV0"},
            type="Opaque",
            metadata={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}},
        ),
    )

    found = store.get("Secret", "shop", "openai")
    assert found
    assert found["keys"] == ["api-key", "other"]
    assert "c2VjcmV0" not in json.dumps(found)


def test_a_secret_that_a_suite_names_concerns_the_apps_that_are_evaluated_on_it() -> None:
    header = {"name": "Authorization", "secretRef": {"name": "judge", "key": "token"}}
    suite = {
        "dataset": {"remote": {"url": "https://files/rows", "bearerToken": {"name": "files", "key": "token"}}},
        "evaluators": [{"name": "own", "type": "Webhook", "webhook": {"url": "https://judge/", "headers": [header]}}],
        "store": {"s3": "s3://b/p", "accessKey": {"name": "s3", "key": "id"}},
    }
    store = Store()
    store.put("EvaluationSuite", raw("golden", spec=suite))
    store.put("LLMApp", raw("bot", spec={**ASKS, "evaluations": [{"suite": "golden"}]}))

    for secret in ("files", "judge", "s3"):
        assert APP in store.change("Secret", raw(secret)), secret


# --- kinds that a cluster may lack -------------------------------------------------------------------------


def test_a_kind_that_comes_or_goes_is_news_once_to_every_app_that_refers_to_one() -> None:
    store = Store()
    store.put("LLMApp", raw("bot", spec={"traffic": {"gatewayAPI": {"httpRoute": "shop"}}}))
    store.put("LLMApp", raw("other", spec={"traffic": {"gateway": {}}}))
    store.put("HTTPRoute", raw("shop", 3))
    assert store.has_kind("HTTPRoute") == set()

    assert store.lacks_kind("HTTPRoute") == {APP}
    assert store.get("HTTPRoute", "shop", "shop") is None
    assert store.lacks_kind("HTTPRoute") == set()

    assert store.has_kind("HTTPRoute") == {APP}
    assert store.has_kind("HTTPRoute") == set()
