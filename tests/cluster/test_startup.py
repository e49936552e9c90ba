"""An operator that can't start says why, and starts as soon as it can."""

import subprocess
import sys
from pathlib import Path

from controlplane import CRDS, REPOSITORY, ControlPlane
from harness import Objects, OperatorProcess, eventually
from simulation import DataPlane
from stories import AT_ONCE, a_model_and_a_prompt, an_app, healthy


async def test_missing_kinds_are_named_with_the_remedy(
    controlplane: ControlPlane, namespace: str, objects: Objects, dataplane: DataPlane, tmp_path: Path
) -> None:
    # given a cluster without one of our kinds
    controlplane.kubectl("delete", "crd", "guardrailpolicies.genaiops.dev", "--wait")
    try:
        with OperatorProcess(controlplane, tmp_path, namespace=namespace) as operator:
            # then the operator says what to do
            said = "the cluster has no kind GuardrailPolicy: install the CRDs"
            await eventually("it says so", lambda: said in operator.log and said in operator.ready())
            # when the kind is installed
            controlplane.kubectl("apply", "--server-side", "-f", str(CRDS))
            # then it begins to work
            await eventually("it is ready", lambda: operator.ready() == "ok")
            a_model_and_a_prompt(objects)
            an_app(objects, rollout=AT_ONCE)
            await healthy(objects)
    finally:
        controlplane.kubectl("apply", "--server-side", "-f", str(CRDS))
        controlplane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


def test_a_wrong_setting_is_named() -> None:
    def refused(*arguments: str) -> str:
        command = [sys.executable, "-m", "genaiops.controller", *arguments]
        env = {"PYTHONPATH": str(REPOSITORY / "operator"), "PATH": ""}
        ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        return ended.stderr.splitlines()[-1]

    images = ("--runtime-image=runtime:1", "--gateway-image=gateway:1", "--evaluator-image=evaluator:1")
    assert refused().endswith(
        "the following arguments are required: --runtime-image, --gateway-image, --evaluator-image"
    )
    assert refused(*images, "--workers=0").endswith("--workers must be a number from 1, not '0'")
    assert refused(*images, "--pod-access=magic").endswith("--pod-access must be direct or proxy, not 'magic'")
