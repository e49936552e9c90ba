"""What a person decides: bound to what the person sees, told to be senseless before it is sent, answered."""

import io
import json
from collections.abc import Callable

import pytest
import yaml

from cli import given
from cli.apiserver import ApiServer
from cli.conftest import Type, meanwhile

STABLE, CANDIDATE = given.hash_of(given.STABLE), given.hash_of(given.CANDIDATE)


def sent(cluster: ApiServer) -> given.Raw:
    """The one decision that was sent."""
    (spec,) = cluster.created("ReleaseAction")
    return spec


# --- what is sent ------------------------------------------------------------------------------------------


def test_promote_goes_past_the_present_step_of_the_present_release(cluster: ApiServer, genaiops: Type) -> None:
    cluster.answer = {"phase": "Applied", "message": "support-bbbbbbbbbb may go on past step 2"}

    printed = genaiops("promote", "support", "--reason", "looks good", "--ttl", "5m")

    assert (printed.code, printed.out) == (0, "support: support-bbbbbbbbbb may go on past step 2\n")
    assert sent(cluster) == {
        "app": "support",
        "action": "Promote",
        "release": CANDIDATE,
        "full": False,
        "step": 1,
        "reason": "looks good",
        "ttl": "5m",
    }
    ((_, name),) = [key for key in cluster.objects if key[0] == "ReleaseAction"]
    assert name.startswith("support-promote-")


def test_promote_full_holds_at_whatever_step_the_rollout_is_by_then(cluster: ApiServer, genaiops: Type) -> None:
    assert genaiops("promote", "support", "--full").code == 0

    assert (sent(cluster)["full"], "step" in sent(cluster)) == (True, False)


@pytest.mark.parametrize(
    ("command", "status", "spec"),
    [
        ("abort", given.paused, {"action": "Abort", "release": CANDIDATE}),
        ("abort", given.watched, {"action": "Abort", "release": CANDIDATE}),
        ("retry", given.aborted, {"action": "Retry", "release": CANDIDATE}),
        ("pause", given.paused, {"action": "Pause", "release": CANDIDATE}),
        ("resume", given.held, {"action": "Resume", "release": CANDIDATE}),
        ("undo", given.healthy, {"action": "Undo", "release": CANDIDATE, "to": STABLE}),
        ("restart", given.paused, {"action": "Restart", "release": STABLE}),
    ],
)
def test_a_decision_is_about_the_release_that_is_meant(
    cluster: ApiServer, genaiops: Type, command: str, status: Callable[[], given.Raw], spec: given.Raw
) -> None:
    cluster.put(given.app(status()))

    assert genaiops(command, "support").code == 0

    assert sent(cluster) == {"app": "support", "full": False, "reason": "", "ttl": "1h", **spec}


def test_undo_says_first_what_it_does(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app(given.healthy()))

    printed = genaiops("undo", "support")

    assert printed.err == ("support goes from support-bbbbbbbbbb (prompt v2) back to support-aaaaaaaaaa (prompt v1)\n")


@pytest.mark.parametrize("said", [given.STABLE, STABLE, STABLE[:6], "v1"])
def test_a_release_is_named_by_its_name_its_hash_or_its_prompt(cluster: ApiServer, genaiops: Type, said: str) -> None:
    cluster.put(given.app(given.healthy()))

    assert genaiops("undo", "support", "--to", said).code == 0

    assert sent(cluster)["to"] == STABLE


def test_a_name_that_fits_none_or_several_is_no_name(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.release("support-cccccccccc", given.V1, timeout="9s"))

    none, several = genaiops("restart", "support", "v7"), genaiops("restart", "support", "v1")

    assert (none.code, several.code) == (2, 2)
    assert none.err.startswith("error: support has no release 'v7'; its releases: support-aaaaaaaaaa (prompt v1), ")
    assert several.err == (
        "error: 'v1' is more than one release of support: support-aaaaaaaaaa, support-cccccccccc; name one\n"
    )


# --- what makes no sense -----------------------------------------------------------------------------------

NO_ROLLOUT = "no rollout is under way, so support-bbbbbbbbbb is no candidate"


@pytest.mark.parametrize(
    ("command", "status", "says"),
    [
        ("promote", given.healthy(), f"Promote makes no sense now: {NO_ROLLOUT} (support is Healthy)"),
        ("promote", given.aborted(), f"Promote makes no sense now: {NO_ROLLOUT} (support is Degraded)"),
        ("promote", given.waiting_for_approval(), "waits for an approval, which a promotion does not replace: Approve"),
        ("promote", given.held(), "bob holds support-bbbbbbbbbb: Resume (support is Paused)"),
        ("promote", {}, "Promote makes no sense now: support has no release yet (support is Pending)"),
        ("abort", given.healthy(), "is neither a candidate nor being watched after its promotion"),
        ("retry", given.healthy(), "support-bbbbbbbbbb is not the release that was taken back; none is"),
        ("pause", given.held(), "support-bbbbbbbbbb is held by bob already"),
        ("resume", given.paused(), "nobody holds support-bbbbbbbbbb (support is Paused)"),
        ("approve", given.paused(), "nothing waits for an approval (support is Paused)"),
        ("reject", given.paused(), "nothing waits for an approval; to take a candidate back: Abort"),
        ("undo", given.paused(), "support-bbbbbbbbbb is being rolled out; to take it back: Abort"),
        ("approve", given.waiting_for_approval("jane"), "jane has approved already; 2 different people have to"),
        ("approve", given.waiting_for_approval(excluded=("jane",)), "jane asked for this change, so another person"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_sent(
    cluster: ApiServer, genaiops: Type, command: str, status: given.Raw, says: str
) -> None:
    cluster.put(given.app(status))

    printed = genaiops(command, "support")

    assert printed.code == 1
    assert says in printed.err
    assert not cluster.created("ReleaseAction")


def test_a_restart_of_a_release_without_pods(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.release("support-cccccccccc", given.V1, timeout="9s"))

    assert (
        "is neither stable nor a candidate, it has no pods"
        in genaiops("restart", "support", "support-cc" + "c" * 8).err
    )


def test_a_field_that_the_api_refuses(cluster: ApiServer, genaiops: Type) -> None:
    forever, chatty = (
        genaiops("abort", "support", "--ttl", "400h"),
        genaiops("abort", "support", "--reason", "x" * 2000),
    )

    assert (forever.code, chatty.code) == (2, 2)
    assert "ttl: at most 168h: a decision is for now; make it shorter" in forever.err
    assert "spec.reason: String should have at most 1024 characters" in chatty.err
    assert not cluster.created("ReleaseAction")


# --- what becomes of it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["Refused", "Expired"])
def test_a_decision_that_came_to_nothing_is_a_no(cluster: ApiServer, genaiops: Type, phase: str) -> None:
    cluster.answer = {"phase": phase, "message": "somebody was\x1b[2J faster"}

    printed = genaiops("abort", "support")

    assert (printed.code, printed.out, printed.err) == (1, "", "error: somebody was\\x1b[2J faster\n")


def test_it_waits_until_the_operator_has_looked_at_it(cluster: ApiServer, genaiops: Type) -> None:
    cluster.answer = None

    def story() -> None:
        cluster.await_watchers(1)
        (action,) = [item for (kind, _), item in cluster.objects.items() if kind == "ReleaseAction"]
        cluster.put({**action, "status": {"phase": "Applied", "message": "support-bbbbbbbbbb was taken back"}})

    with meanwhile(story):
        printed = genaiops("abort", "support", "--timeout", "20s")

    assert (printed.code, printed.out) == (0, "support: support-bbbbbbbbbb was taken back\n")


def test_an_operator_that_does_not_answer(cluster: ApiServer, genaiops: Type) -> None:
    cluster.answer = None

    printed = genaiops("abort", "support", "--timeout", "100ms")

    assert printed.code == 2
    assert "has not looked at support-abort-" in printed.err
    assert (
        "within 0.1 s; does it run? The decision holds for 1h; kubectl get releaseaction support-abort-" in printed.err
    )


def test_a_person_who_may_decide_but_not_see_what_becomes_of_it(cluster: ApiServer, genaiops: Type) -> None:
    cluster.refuse("releaseactions", 403, 'User "me" cannot list resource "releaseactions"', method="GET")

    printed = genaiops("abort", "support")

    assert printed.code == 2
    assert 'was created, but what becomes of it can\'t be seen: User "me" cannot list' in printed.err
    assert sent(cluster)["action"] == "Abort"


def test_without_waiting_it_says_what_was_made(cluster: ApiServer, genaiops: Type) -> None:
    cluster.answer = None

    printed = genaiops("pause", "support", "--no-wait")

    assert printed.out.startswith("support: releaseaction.genaiops.dev/support-pause-")
    assert printed.out.endswith(" created\n")


def test_the_decision_is_data_for_programs(cluster: ApiServer, genaiops: Type) -> None:
    applied = json.loads(genaiops("pause", "support", "-o", "json").out)
    made = yaml.safe_load(genaiops("pause", "support", "-o", "yaml", "--no-wait").out)
    name = genaiops("pause", "support", "-o", "name").out
    cluster.answer = {"phase": "Refused", "message": "no"}
    refused = genaiops("pause", "support", "-o", "json")

    assert applied["status"] == {"phase": "Applied", "message": "done"}
    assert made["spec"]["action"] == "Pause"
    assert name.startswith("releaseaction.genaiops.dev/support-pause-")
    assert (refused.code, json.loads(refused.out)["status"]["phase"]) == (1, "Refused")


# --- the webhook -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "Abort makes no sense now: support-bbbbbbbbbb is … (support is Healthy)", 1),
        (403, "jane may not abort support: that takes the verb 'abort' on llmapps.genaiops.dev", 2),
        (503, "the operator has no key yet; try again", 2),
    ],
)
def test_what_the_webhook_denies_is_told_in_its_own_words(
    cluster: ApiServer, genaiops: Type, status: int, message: str, code: int
) -> None:
    denied = f'admission webhook "actions.genaiops.dev" denied the request: {message}'
    cluster.denials = [{"kind": "Status", "code": status, "message": denied}]

    printed = genaiops("abort", "support")

    assert (printed.code, printed.err) == (code, f"error: {message}\n")


# --- by content --------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets a person type that."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda typed: monkeypatch.setattr("sys.stdin", Terminal(typed))


@pytest.fixture
def gate(cluster: ApiServer) -> None:
    """The candidate waits for approvals."""
    cluster.put(given.app(given.waiting_for_approval("bob")))


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_person_decides_by_content(
    cluster: ApiServer, genaiops: Type, terminal: Callable[[str], None], command: str
) -> None:
    terminal("y\n")

    printed = genaiops(command, "support")

    assert printed.code == 0
    assert "-Be kind.\n+Be brief.\n" in printed.err
    assert f"{command.title()} support-bbbbbbbbbb (prompt v2)? [y/N]" in printed.out + printed.err
    assert (sent(cluster)["action"], sent(cluster)["release"]) == (command.title(), CANDIDATE)
    assert sent(cluster).get("step") == (1 if command == "approve" else None)


@pytest.mark.usefixtures("gate")
def test_a_person_who_does_not_say_yes_has_not_approved(
    cluster: ApiServer, genaiops: Type, terminal: Callable[[str], None]
) -> None:
    terminal("\n")

    printed = genaiops("approve", "support")

    assert printed.code == 1
    assert printed.err.endswith("error: support-bbbbbbbbbb was left as it is\n")
    assert not cluster.created("ReleaseAction")


@pytest.mark.usefixtures("gate")
def test_yes_is_said_beforehand_and_a_script_is_not_asked(
    cluster: ApiServer, genaiops: Type, terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal("")
    assert genaiops("approve", "support", "--yes").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert genaiops("approve", "support").code == 0

    assert len(cluster.created("ReleaseAction")) == 2


@pytest.mark.usefixtures("gate")
def test_of_a_first_release_everything_is_new(cluster: ApiServer, genaiops: Type) -> None:
    status = given.waiting_for_approval()
    del status["stableRelease"]
    cluster.put(given.app(status))

    printed = genaiops("approve", "support", "--yes")

    assert printed.err.startswith("--- nothing: this is the first release\n+++ support-bbbbbbbbbb (prompt support/v2")
    assert "+You are the agent of {{ company }}.\n" in printed.err


def test_fields_of_a_newer_operator_are_no_obstacle(cluster: ApiServer, genaiops: Type) -> None:
    status = given.paused() | {"mood": "fine"}
    status["rollout"] |= {"mood": "fine"}
    cluster.put(given.app(status))

    assert genaiops("abort", "support").code == 0


def test_a_status_of_another_version_is_not_guessed(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app(given.paused() | {"phase": "Dreaming"}))

    printed = genaiops("promote", "support")

    assert printed.code == 2
    assert "another version of genaiops wrote the status of support; use that one (status.phase: " in printed.err
