"""`kubectl genaiops` as a person has it: found and run by kubectl."""

import asyncio
import os
import subprocess
import sys
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import yaml
from controlplane import REPOSITORY, built_tools

Done = subprocess.CompletedProcess[str]
Kubectl = Callable[..., Done]
"""Runs kubectl with these arguments; `kubeconfig` is whose."""
Genaiops = Callable[..., Awaitable[Done]]
"""Runs `kubectl genaiops` with these arguments, the data plane being played meanwhile; `kubeconfig` is whose."""


def install_plugin(folder: Path) -> Path:
    """Put the programs that pip would make into the folder."""
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    for name, target in scripts.items():
        module, function = target.split(":")
        start = f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        (folder / name).write_text(start)
        (folder / name).chmod(0o755)
    return folder


def kubectl_of(plugin: Path, kubeconfig: Path, namespace: str, folder: Path) -> Kubectl:
    """kubectl of somebody whose context names the namespace."""

    def run(*arguments: str, kubeconfig: Path = kubeconfig) -> Done:
        document = yaml.safe_load(kubeconfig.read_text())
        document["contexts"][0]["context"]["namespace"] = namespace
        mine = folder / "kubeconfig"
        mine.write_text(yaml.safe_dump(document))
        environment = {
            **os.environ,
            "PATH": f"{plugin}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "KUBECONFIG": str(mine),
            "KUBECACHEDIR": str(folder / "kubectl-cache"),
        }
        command = [built_tools() / "kubectl", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return run


def genaiops_of(kubectl: Kubectl) -> Genaiops:
    """The plugin of that kubectl."""

    async def run(*arguments: str, **whose: Path) -> Done:
        return await asyncio.to_thread(kubectl, "genaiops", *arguments, **whose)

    return run
