"""Who changed the spec of an object."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from genaiops.controller.actions import people_behind
from genaiops.controller.store import Store
from genaiops.controller.webhook.changes import CHANGED_BY, changed_by, record_change
from genaiops.controller.webhook.review import allowed

from .reviews import OTHER_SEAL, SEAL, patched, review

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def a_prompt(text: str, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "support", "namespace": "team", "annotations": annotations},
        "spec": {"text": text},
    }


def written(
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
    user: str = "jane",
    at: datetime = NOW,
    kind: str = "Prompt",
) -> dict[str, Any]:
    """The object after it went through the webhook."""
    request = review(kind, after, before, user)
    return patched(after, allowed(request, record_change(SEAL, request, at)))


def test_everybody_who_changes_the_spec_is_known() -> None:
    # given
    first = written(a_prompt("one"))
    # when
    later = NOW + timedelta(hours=1)
    second = written({**first, "spec": {"text": "two"}}, first, "bob", later)
    # then
    assert changed_by(SEAL, "Prompt", second) == {"jane": NOW, "bob": later}


def test_who_changes_it_again_is_known_once_with_the_last_time() -> None:
    first = written(a_prompt("one"))
    later = NOW + timedelta(hours=1)
    second = written({**first, "spec": {"text": "two"}}, first, "jane", later)
    assert changed_by(SEAL, "Prompt", second) == {"jane": later}


def test_what_changed_within_one_second_keeps_its_order() -> None:
    at = NOW + timedelta(microseconds=123456)
    assert changed_by(SEAL, "Prompt", written(a_prompt("one"), at=at)) == {"jane": at}


def test_who_changes_what_a_prompt_includes_changes_the_apps_that_use_it() -> None:
    """Or else they could approve what they themselves wrote."""

    def an_object(name: str, spec: dict[str, Any], user: str, kind: str = "Prompt") -> dict[str, Any]:
        made = {"metadata": {"name": name, "namespace": "team", "resourceVersion": "1"}, "spec": spec}
        return written(made, user=user, kind=kind)

    store = Store()
    includes = [{"name": "tone", "prompt": "house", "label": "latest"}]
    store.put("Prompt", an_object("support", {"versions": [{"name": "v1", "includes": includes}]}, "jane"))
    store.put("Prompt", an_object("house", {"versions": [{"name": "v1"}]}, "bob"))
    app = an_object("bot", {"prompt": {"ref": "support", "version": "v1"}}, "eve", "LLMApp")

    assert set(people_behind(app, store, SEAL)) == {"jane", "bob", "eve"}


def test_the_last_ten_are_kept() -> None:
    state = written(a_prompt("0"), user="user-0")
    for number in range(1, 12):
        changed = {**state, "spec": {"text": str(number)}}
        state = written(changed, state, f"user-{number}", NOW + timedelta(minutes=number))
    assert set(changed_by(SEAL, "Prompt", state)) == {f"user-{number}" for number in range(2, 12)}


@pytest.mark.parametrize("forged", [{}, {CHANGED_BY: "{}"}, {CHANGED_BY: '{"people": {}, "stamp": "x"}'}])
def test_what_a_person_writes_there_is_replaced(forged: dict[str, str]) -> None:
    first = written(a_prompt("one"))
    # with the same spec
    assert written(a_prompt("one", **forged), first, "bob") == first
    # and with another
    assert set(changed_by(SEAL, "Prompt", written(a_prompt("two", **forged), first, "bob"))) == {"jane", "bob"}
    # and on a new object
    assert set(changed_by(SEAL, "Prompt", written(a_prompt("one", **forged), user="bob"))) == {"bob"}


def test_what_was_not_there_can_not_be_added() -> None:
    # given an object from before there was a webhook
    before = a_prompt("one")
    genuine = written(a_prompt("one"))["metadata"]["annotations"]
    assert written(a_prompt("one", **genuine), before, "bob")["metadata"]["annotations"] == {}


def test_other_annotations_are_left_alone() -> None:
    first = written(a_prompt("one", note="mine"))
    assert first["metadata"]["annotations"]["note"] == "mine"
    request = review("Prompt", first, first)
    assert "patch" not in allowed(request, record_change(SEAL, request, NOW))["response"]


def test_a_name_made_for_it_is_the_one_it_is_known_by() -> None:
    nameless = {"metadata": {"generateName": "support-", "namespace": "team"}, "spec": {}}
    made = written(nameless)
    assert made["metadata"]["name"].startswith("support-")
    assert set(changed_by(SEAL, "Prompt", made)) == {"jane"}


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"name": "other"},
        {"namespace": "other"},
        {"annotations": {CHANGED_BY: "no JSON"}},
        {"annotations": {CHANGED_BY: "[]"}},
        {"annotations": {CHANGED_BY: '{"people": {"jane": "2026-11-23T12:00:00Z"}, "stamp": 1}'}},
    ],
)
def test_a_record_counts_where_it_was_made_only(elsewhere: dict[str, Any]) -> None:
    made = written(a_prompt("one"))
    assert changed_by(SEAL, "Prompt", {**made, "metadata": {**made["metadata"], **elsewhere}}) == {}


def test_a_record_of_another_kind_or_key_does_not_count() -> None:
    made = written(a_prompt("one"))
    assert changed_by(SEAL, "Model", made) == changed_by(OTHER_SEAL, "Prompt", made) == {}


def test_nobody_can_be_taken_off_the_record() -> None:
    first = written(a_prompt("one"))
    record = json.loads(first["metadata"]["annotations"][CHANGED_BY])
    first["metadata"]["annotations"][CHANGED_BY] = json.dumps({**record, "people": {}})
    assert changed_by(SEAL, "Prompt", first) == {}
