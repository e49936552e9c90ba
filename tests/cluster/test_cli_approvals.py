"""`kubectl genaiops` and the webhook: people who are known approve by content, and nobody else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from admission import Installed
from controlplane import ControlPlane
from harness import Objects, OperatorProcess, eventually
from kubernetes import config
from plugin import Genaiops
from stories import AT_ONCE, a_model_and_a_prompt, an_app, ask_for, healthy

Person = Callable[..., Path]
"""A name and roles of the chart's; gives that person's kubeconfig."""


@pytest.fixture(scope="module")
def operator_options(webhook: Installed) -> tuple[str, ...]:
    return webhook.options


@pytest.fixture
def person(controlplane: ControlPlane, objects: Objects) -> Person:
    def somebody(name: str, *roles: str) -> Path:
        for role in roles:
            to = (f"--clusterrole=genaiops-{role}", f"--user={name}")
            controlplane.kubectl("-n", objects.namespace, "create", "rolebinding", f"{name}-{role}", *to)
        return controlplane.kubeconfig_for(name, "people")

    return somebody


@pytest.mark.usefixtures("dataplane")
async def test_two_people_approve_what_a_third_one_asked_for(
    genaiops: Genaiops, objects: Objects, person: Person, operator: OperatorProcess
) -> None:
    await eventually("the operator is ready", lambda: operator.ready() == "ok")
    # given a change by jane, who may approve too, that waits for two people
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    stable = await healthy(objects)
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"approval": {"approvals": 2}}}})
    jane = person("jane", "view", "edit", "approver")
    with config.new_client_from_config(str(jane)) as api:
        ask_for(Objects(api, objects.namespace), "v2")
    ana, bob, eve = person("ana", "approver"), person("bob", "approver"), person("eve", "view", "edit")
    assert (await genaiops("wait", "support", "--for", "approval", "--timeout", "60s")).returncode == 0
    candidate = objects.status()["candidateRelease"]

    # when those who may not approve try it
    own, unauthorized = [await genaiops("approve", "support", kubeconfig=who) for who in (jane, eve)]
    # then they are told why, each with its exit code
    assert own.returncode == 1
    assert "error: Approve makes no sense now: jane asked for this change, so another person has to" in own.stderr
    assert unauthorized.returncode == 2
    assert unauthorized.stderr.splitlines()[-1] == (
        "error: eve may not approve support: that takes the verb 'approve' on llmapps.genaiops.dev in namespace "
        f"{objects.namespace} (RBAC)"
    )

    # when ana approves, twice
    first = await genaiops("approve", "support", "--reason", "reads well", kubeconfig=ana)
    again = await genaiops("approve", "support", kubeconfig=ana)
    # then it counts once, and the tree shows who, and who may not
    assert (first.returncode, first.stdout) == (0, f"support: {candidate} has 1 of 2 approvals\n")
    assert "ana has approved already; 2 different people have to" in again.stderr
    tree = (await genaiops("status", "support", kubeconfig=bob)).stdout
    assert "approval  1 of 2, 1 missing" in tree
    assert "✓ ana " in tree
    assert "may not: " in tree

    # when bob approves, too
    second = await genaiops("approve", "support", "-o", "name", kubeconfig=bob)
    # then the change is promoted, and the history names them all
    assert second.stdout.startswith("releaseaction.genaiops.dev/support-approve-")
    assert await healthy(objects, other_than=stable) == candidate
    promoted = (await genaiops("history", "support")).stdout.splitlines()[1]
    assert "Approve by ana: reads well; Approve by bob" in promoted
