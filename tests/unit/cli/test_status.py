"""What a person sees of an app."""

import io
import json
from datetime import datetime

import pytest
import yaml
from rich.console import Console

from cli import given
from cli.apiserver import ApiServer
from cli.conftest import Type, meanwhile
from genaiops.cli import tree, view
from genaiops.cli.follow import Seen
from genaiops.cli.untrusted import plain

NOW = datetime.fromisoformat(given.RAN_FOR_TEN_MINUTES)


def drawn(app: given.Raw, objects: list[given.Raw], width: int = 110) -> str:
    by_kind: dict[str, dict[str, given.Raw]] = {}
    for item in objects:
        by_kind.setdefault(item["kind"], {})[item["metadata"]["name"]] = item
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(tree.status(plain(view.status(app, Seen(by_kind))), NOW))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_a_paused_rollout_is_a_tree_from_the_app_to_the_numbers() -> None:
    assert drawn(given.app(), given.everything()) == (
        """\
support  Paused  http://support.shop.svc:80/v1
├── gateway  1/1 pods ready
├── stable support-aaaaaaaaaa (prompt v1), model gpt  75 %  2/2 pods ready
├── candidate support-bbbbbbbbbb (prompt v2), model gpt  25 %  0/1 pods ready
│   ├── prompt v1 → v2
│   ├── ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 25 %
│   ├── step 2 of 4  25 % → pause for a person → 50 % → 100 %
│   ├── paused: paused until a person promotes
│   └── analysis Inconclusive measured 4s ago
│       ├── ✓ Successful error-rate 0.0% (0 of 80) against 0.4% (1 of 240) on stable
│       └── … Inconclusive latency above 10.24 s 1.2% (1 of 80) against 0.0% (0 of 240)
├── conditions
│   ├── Ready False 10m  RolloutPaused: support-bbbbbbbbbb at weight 25: paused until a person promotes
│   ├── Reconciling True 10m
│   ├── Stalled False 10m
│   └── Available True 10m  Serving: support-aaaaaaaaaa serves
└── history
    └── Promoted support-aaaaaaaaaa prompt v1 1d23h ago  FirstRelease: first release is serving"""
    )


def test_a_timed_pause_says_what_is_left_of_it() -> None:
    status = given.paused("paused for 10m")
    steps = [{"setWeight": 25}, {"pause": {"duration": "10m"}}, {"setWeight": 50}]

    assert "→ pause 10m → 50 % → 100 %  5m left" in drawn(given.app(status, rollout={"steps": steps}), [])


def test_a_gate_shows_who_approved_who_is_missing_and_who_may_not() -> None:
    tree = drawn(given.app(given.waiting_for_approval("bob", excluded=("jane",))), [])

    assert (
        """\
│   ├── approval  1 of 2, 1 missing
│   │   ├── ✓ bob 2m ago; it counts: 58m left
│   │   └── may not: jane (asked for the change)
"""
        in tree
    )


def test_people_who_hold_who_asked_and_who_decided_are_named() -> None:
    status = given.held()
    status["rollout"] |= {"requestedBy": ["jane", "kim"], "decidedBy": ["Pause by bob: lunch"], "full": True}

    tree = drawn(given.app(status), [])

    assert "│   ├── asked for by jane, kim\n" in tree
    assert "│   ├── step 2 of 4 (a person has it skip its steps)  25 % → " in tree
    assert "│   ├── held by bob since 3m: lunch\n" in tree
    assert "│   ├── decided: Pause by bob: lunch\n" in tree


def test_suites_that_it_has_to_pass_show_how_far_they_are() -> None:
    status = given.held()
    message = "evaluation: golden 120/500"
    golden = {"suite": "golden", "evaluation": "support-e-1", "phase": "Running", "message": "120/500"}
    status["rollout"] |= {"evaluations": [golden], "waiting": message, "waitingSince": None}
    status["history"][-1]["evaluations"] = [golden | {"phase": "Passed"}]

    tree = drawn(given.app(status), [], width=300)

    assert "waiting: evaluation: golden 120/500\n" in tree
    assert "│   ├── evaluation\n│   │   └── Running golden support-e-1  120/500\n" in tree
    assert "evaluated: golden Passed" in tree


def test_variants_of_an_experiment_show_their_weights_and_what_became_of_them() -> None:
    status = given.held()
    verdict = {"name": "error-rate", "verdict": "Successful", "message": "error-rate 0.0% (0 of 90)"}
    terse = {"name": "terse", "release": "support-c", "phase": "Serving", "weight": 20, "verdicts": [verdict]}
    warm = {"name": "warm", "release": "support-d", "phase": "Dropped", "message": "AnalysisFailed: error-rate 60 %"}
    status["rollout"] |= {"variants": [terse, warm]}

    tree = drawn(given.app(status), [], width=300)

    assert "│   ├── variant terse support-c  20 %  Serving\n" in tree
    assert "✓ Successful error-rate 0.0% (0 of 90)\n" in tree
    assert "│   └── variant warm support-d  0 %  Dropped  AnalysisFailed: error-rate 60 %\n" in tree
    assert f"  {80 - status['rollout']['weight']} %" in tree


EVERY_STEP = [
    {"setCanaryScale": {"percent": 50}},
    {"setCanaryScale": {"replicas": 3}},
    {"setCanaryScale": {"matchWeight": True}},
    {"setHeaderRoute": {"match": [{"header": "x-tester", "exact": "yes"}, {"cookie": "beta", "prefix": "t"}]}},
    {"shadow": {"percent": 10, "duration": "10m", "maxRequests": 500}},
    {"setHeaderRoute": {"match": []}},
    {"analysis": {"metrics": [{"name": "error-rate"}, {"name": "latency"}]}},
    {"approval": {}},
    {"approval": {"approvals": 2}},
    {"experiment": {"duration": "1h", "samples": 500, "variants": [{"name": "terse"}, {"name": "warm"}]}},
]


def at_step(index: int) -> given.Raw:
    status = given.paused()
    status["rollout"] |= {"step": index, "steps": len(EVERY_STEP)}
    return given.app(status, rollout={"steps": EVERY_STEP})


def test_every_kind_of_step_has_its_words() -> None:
    assert (
        "step 1 of 11  50 % of the pods → 3 pods → pods for its weight → testers → shadow 10 % for 10m → no testers → "
        "analysis of error-rate, latency → approval → 2 approvals → "
        "experiment with terse, warm for 1h or 500 requests → 100 %"
    ) in drawn(at_step(0), [], width=300)


def test_testers_and_copies_are_those_of_the_present_step() -> None:
    with_testers, with_copies, with_neither = (drawn(at_step(index), [], width=300) for index in (3, 4, 5))

    assert "testers: header x-tester is yes; cookie beta begins with t\n" in with_testers
    assert "shadow: " not in with_testers
    assert "testers: header x-tester is yes; cookie beta begins with t\n" in with_copies
    assert "shadow: 10 % of requests are copied to it, 500 at the most\n" in with_copies
    assert "→ 100 %  5m left" in with_copies
    assert "testers: " not in with_neither


def test_a_promotion_that_is_watched_shows_its_verdicts_and_what_is_left() -> None:
    assert """\
├── stable support-bbbbbbbbbb (prompt v2), model gpt  100 %  0/1 pods ready
│   └── watched after its promotion  8m left; a breach goes back to support-aaaaaaaaaa (prompt v1)  2/2 pods ready
│       └── analysis Successful measured 4s ago
│           └── ✓ Successful error-rate 0.0% (0 of 80) against 0.4% (1 of 240) before
""" in drawn(given.app(given.watched()), given.everything(), width=120)


def test_the_last_decisions_show_what_became_of_them() -> None:
    decisions = [
        given.decision("Pause", "Refused", "bob", "support-bbbbbbbbbb is held by kim already"),
        given.decision("Promote", "Applied", "jane", "support-bbbbbbbbbb may go on past step 2"),
        given.decision("Abort", "Applied", "", "done"),
        given.decision("Retry", "Expired", "bob", "its ttl passed"),
    ]

    assert """\
├── decisions
│   ├── Expired Retry by bob 10m ago  its ttl passed
│   ├── Applied Abort by a person 10m ago  done
│   └── Applied Promote by jane 10m ago  support-bbbbbbbbbb may go on past step 2
""" in drawn(given.app(given.paused() | {"decisions": decisions}), [])


def test_history_names_the_people_who_decided(cluster: ApiServer, genaiops: Type) -> None:
    status = given.aborted()
    status["history"][-1]["decidedBy"] = ["Approve by jane", "Abort by bob: too slow"]
    cluster.put(given.app(status))

    assert "(Approve by jane; Abort by bob: too slow)" in drawn(given.app(status), [], width=300)
    assert "Approve by jane; Abort by bob: too slow" in genaiops("history", "support").out.splitlines()[1]


def test_steps_are_those_of_the_policy_that_the_app_names() -> None:
    policy = given.app()
    policy |= {"kind": "RolloutPolicy", "spec": {"steps": [{"setWeight": 1}, {"setWeight": 2}, {"setWeight": 3}]}}
    app = given.app(rolloutPolicyRef="support", rollout=None)

    assert "step 2 of 4  1 % → 2 % → 3 % → 100 %" in drawn(app, [policy])
    assert "step 2 of 4\n" in drawn(app, []), "a policy that can't be seen is not guessed"


def test_a_release_that_was_taken_back_stays_in_sight() -> None:
    tree = drawn(given.app(given.aborted()), given.everything(), width=200)

    assert "stable support-aaaaaaaaaa (prompt v1), model gpt  100 %" in tree
    assert "aborted support-bbbbbbbbbb (prompt v2), model gpt  taken back; the spec still asks for it" in tree
    assert tree.index("Aborted support-bbbbbbbbbb") < tree.index("Promoted support-aaaaaaaaaa"), "the newest first"


def test_an_app_that_the_operator_has_not_seen_yet_says_so() -> None:
    app = given.app()
    del app["status"]

    assert "support  Pending" in drawn(app, [])
    assert "the operator has not seen the latest change of the spec yet" in drawn(app, [])


def test_a_verdict_can_neither_forge_a_line_nor_steer_the_terminal() -> None:
    status = given.paused()
    status["rollout"]["verdicts"] = [given.verdict("x", "Failed", "\x1b[2J\x9b1m[red]boo[/]\n✓ Successful\u202e")]

    assert "✗ Failed \\x1b[2J\\x9b1m[red]boo[/]\\n✓ Successful\\u202e" in drawn(given.app(status), [])


# --- commands ----------------------------------------------------------------------------------------------


def test_get_lists_apps(genaiops: Type) -> None:
    printed = genaiops("get")

    head, row = (line.split("   ") for line in printed.out.splitlines())
    assert [cell.strip() for cell in head if cell.strip()] == [
        *("NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "VERDICT", "WAITING", "AGE")
    ]
    assert [cell.strip() for cell in row if cell.strip()][:7] == [
        *("support", "Paused", "support-aaaaaaaaaa (prompt v1)", "support-bbbbbbbbbb (prompt v2)"),
        *("25", "Inconclusive", "paused until a person promotes"),
    ]


@pytest.mark.parametrize(
    ("status", "waits_for"),
    [
        (given.waiting_for_approval(), " waits until 2 people approve "),
        (given.held(), " held by bob "),
        (
            given.paused() | {"rollout": {"release": "x", "startedAt": given.BEGAN, "waiting": "0 of 1 ready: why"}},
            " 0 of 1 ready ",
        ),
        (given.watched(), " watched, over "),
        (given.under_evaluation(), " evaluation: golden 120/500, red-team Pending "),
    ],
)
def test_get_says_in_short_what_an_app_waits_for(
    cluster: ApiServer, genaiops: Type, status: given.Raw, waits_for: str
) -> None:
    cluster.put(given.app(status))

    assert waits_for in genaiops("get").out


def test_get_finds_one_app_and_apps_of_all_namespaces(genaiops: Type) -> None:
    assert "support" in genaiops("get", "support").out
    assert genaiops("get", "-A").out.splitlines()[1].startswith("shop")
    assert genaiops("get", "support", "-A").code == 2


def test_get_says_where_there_is_nothing(cluster: ApiServer, genaiops: Type) -> None:
    cluster.delete("LLMApp", "support")

    printed = genaiops("get", "-n", "shop")

    assert (printed.code, printed.out, printed.err) == (0, "", "no apps in namespace shop\n")


def test_what_is_shown_is_data_for_programs_too(genaiops: Type) -> None:
    (row,) = json.loads(genaiops("get", "-o", "json").out)
    status = yaml.safe_load(genaiops("status", "support", "-o", "yaml").out)
    history = json.loads(genaiops("history", "support", "-o", "json").out)

    assert row["candidate"]["promptVersion"] == "v2"
    assert status["rollout"]["verdicts"][1]["verdict"] == "Inconclusive"
    assert status["candidate"]["pods"] == {"ready": 0, "wanted": 1}
    assert [entry["result"] for entry in history] == ["Promoted"]


def test_data_holds_the_text_as_it_is_and_still_does_not_steer_the_terminal(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app(given.paused("\x1b[2J\x9b →\u202e")))

    for form, parse in (("json", json.loads), ("yaml", yaml.safe_load)):
        printed = genaiops("status", "support", "-o", form).out
        assert parse(printed)["rollout"]["paused"] == "\x1b[2J\x9b →\u202e"
        assert printed.isprintable() or not {"\x1b", "\x9b", "\u202e"} & set(printed)


def test_history_tells_how_rollouts_ended(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(given.app(given.aborted()))

    newest, oldest = genaiops("history", "support").out.splitlines()[1:]

    assert "Aborted" in newest
    assert "AnalysisFailed: guardrail-violation-rate 100.0% (15 of 15)" in newest
    assert "40s" in oldest


# --- --watch -----------------------------------------------------------------------------------------------


def test_watch_shows_every_change_without_asking_again(cluster: ApiServer, genaiops: Type) -> None:
    def story() -> None:
        cluster.await_watchers(4)
        cluster.put(given.app(given.healthy()))
        cluster.delete("LLMApp", "support")

    with meanwhile(story):
        printed = genaiops("status", "support", "--watch")

    told = [line.partition(" ")[2] for line in printed.out.splitlines()]
    assert told[0].startswith("Paused | stable support-aaaaaaaaaa (prompt v1) | candidate support-bbbbbbbbbb")
    assert printed.err == "error: the app 'support' was deleted\n"
    assert cluster.lists == 4, "each kind is listed once and watched from there"


def test_watch_survives_a_version_that_is_forgotten(cluster: ApiServer, genaiops: Type) -> None:
    def story() -> None:
        cluster.await_watchers(1)
        cluster.forget()
        cluster.put(given.app(given.healthy()))

    with meanwhile(story):
        printed = genaiops("wait", "support", "--for", "promoted", "--timeout", "20s")

    assert printed.code == 0


def test_watch_draws_on_a_terminal(cluster: ApiServer, genaiops: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    def story() -> None:
        cluster.await_watchers(4)
        cluster.delete("LLMApp", "support")

    with meanwhile(story):
        printed = genaiops("status", "support", "--watch")

    assert "├── " in printed.out


def test_status_goes_without_what_a_person_may_not_read(cluster: ApiServer, genaiops: Type) -> None:
    cluster.refuse("deployments", 403, 'User "me" cannot list resource "deployments"')

    printed = genaiops("status", "support")

    assert printed.code == 0
    assert "stable support-aaaaaaaaaa (prompt v1), model gpt  75 %\n" in printed.out
    assert 'not to be seen: User "me" cannot list resource "deployments"' in printed.out
