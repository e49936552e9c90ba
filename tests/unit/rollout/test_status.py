"""What a person and a waiting tool read: phases and conditions as kstatus has them."""

from rollout.scenario import app, pause


def test_an_app_that_serves_is_ready() -> None:
    story = app(replicas=2).serving("v1")
    story.then(
        phase="Healthy",
        reason="Serving",
        conditions={"Ready": "True", "Reconciling": "False", "Stalled": "False", "Available": "True"},
    )
    status = story.world.status
    assert (status.endpoint, status.replicas) == ("http://support.shop.svc:80/v1", 2)
    assert status.selector == "genaiops.dev/app=support,genaiops.dev/component=runtime"


def test_a_rollout_is_reconciling_and_its_app_available() -> None:
    (
        app()
        .with_steps(25, pause())
        .serving("v1")
        .when_prompt("v2")
        .then(conditions={"Ready": "False", "Reconciling": "True", "Stalled": "False", "Available": "True"})
        .when_all_settles()
        .then(phase="Paused", conditions={"Ready": "False", "Reconciling": "True", "Stalled": "False"})
    )


def test_a_stable_release_without_pods_is_not_available_and_says_why() -> None:
    story = app(replicas=2).serving("v1").when_pods_are_in_trouble("v1", "CrashLoopBackOff")
    story.then(
        phase="Degraded",
        reason="PodsNotReady",
        says=("0 of 2 pods", "CrashLoopBackOff"),
        conditions={"Ready": "False", "Stalled": "True", "Available": "False"},
    )
    story.when_pods_ready("v1").then(phase="Healthy", conditions={"Available": "True"})


def test_the_conditions_tell_which_generation_they_judge() -> None:
    story = app().serving("v1").when_replicas(2)

    status, generation = story.world.status, story.world.generation
    assert generation > 1
    assert status.observed_generation == generation
    assert {condition.observed_generation for condition in status.conditions} == {generation}


def test_a_condition_keeps_the_time_of_its_last_transition() -> None:
    story = app().serving("v1")
    began = {condition.type: condition.last_transition_time for condition in story.world.status.conditions}

    story.when_time_passes("1h").when_replicas(2)
    now = {condition.type: condition.last_transition_time for condition in story.world.status.conditions}

    assert now["Available"] == began["Available"]
    assert now["Stalled"] == began["Stalled"]
    assert now["Ready"] == story.world.now


def test_a_model_server_that_starts_is_waited_for_and_is_no_failure() -> None:
    story = app()
    serving = {"model": "smollm", "serving": {"image": "llm:1"}}
    story.world.objects["Model", "gpt"] = {"spec": serving}
    story.when_reconciled().then(
        phase="Pending",
        reason="ModelNotReady",
        says=("spec.model.ref", "waiting for the server"),
        conditions={"Ready": "False", "Reconciling": "True", "Stalled": "False", "Available": "False"},
    )

    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    story.world.objects["Model", "gpt"] = {"spec": serving, "status": ready}
    story.when_reconciled().when_all_settles().then(phase="Healthy", stable="v1")


def test_a_quiet_app_needs_no_wake_up() -> None:
    story = app().with_steps(25).with_analysis("error-rate").serving("v1").then_nothing_changes()

    assert story.world.wake is None
