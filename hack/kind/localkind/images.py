"""The project's images: built where a cluster's engine is, tagged by content, loaded into the cluster."""

import configparser
import os
from collections.abc import Iterable
from pathlib import Path

from . import baseimage, cache, choice, dockerfile
from .cluster import Cluster
from .console import say, step
from .engine import Engine
from .problem import Problem
from .shell import answer, run

REPOSITORY = Path(__file__).resolve().parents[3]
TARGETS = ["operator", "runtime", "evaluator", "gateway", "model-server"]
OPTIONAL = ["presidio"]
"""Images that only who wants them builds."""
_STOCK_BASE = "python:3.11-slim-bookworm"
# How pip finds packages on this machine. Its other settings (caches, local folders) have no meaning in a build.
_PIP_SETTINGS = ["index-url", "extra-index-url", "trusted-host", "default-timeout"]


class Builder:
    """Builds in our engine or in the machine's; with the same Dockerfile, from another base."""

    def __init__(self, local: bool) -> None:
        self._local = local
        self._engine = Engine()
        if local:
            self._engine.ensure_programs()
            self._engine.ensure_running()
        self._env = self._engine.environment() if local else {}
        self._stages = dockerfile.parse((REPOSITORY / "Dockerfile").read_text())

    @classmethod
    def for_cluster(cls, cluster: Cluster | None) -> "Builder":
        """With the engine that the cluster is in, or else would be made in."""
        record = cluster.record() if cluster else None
        if record is not None:
            return cls(record.local)
        return cls(choice.for_this_machine(Engine().address).local)

    def ensure(self, targets: Iterable[str]) -> dict[str, str]:
        """Each target's image name; those that the engine lacks are built."""
        base = baseimage.ensure(self._engine) if self._local else _STOCK_BASE
        names = {target: self.name(target, base) for target in targets}
        present = set(answer(["docker", "images", "--format={{.Repository}}:{{.Tag}}"], env=self._env).split())
        for target, name in names.items():
            if name not in present:
                with cache.lock("images"):
                    self._build(target, name, base)
        return names

    def name(self, target: str, base: str) -> str:
        return f"localhost/genaiops/{target}:{dockerfile.target_key(self._stages, target, REPOSITORY, base)}"

    def push(self, names: dict[str, str], prefix: str) -> dict[str, str]:
        """Push built images as PREFIX/TARGET:TAG, for a cluster that pulls; gives the pushed names."""
        pushed = {}
        for target, name in names.items():
            pushed[target] = f"{prefix.rstrip('/')}/{target}:{name.rsplit(':', 1)[1]}"
            with step(f"Pushing {pushed[target]}"):
                run(["docker", "tag", name, pushed[target]], env=self._env)
                run(["docker", "push", pushed[target]], env=self._env)
        return pushed

    def _build(self, target: str, name: str, base: str) -> None:
        command = ["docker", "build", f"--target={target}", f"--tag={name}", f"--build-arg=BASE_IMAGE={base}"]
        # Passed without a value, so that it is in no process list: docker takes it from the environment.
        settings = pip_settings()
        command += [f"--build-arg={variable}" for variable in settings]
        if self._local:
            # Our engine has no default network; the host's leads to the package index.
            command.append("--network=host")
        with step(f"Building the {target} image") as progress:

            def show(line: str) -> None:
                if line.startswith(("Step ", "#")):
                    progress.detail = line[:70]

            run([*command, REPOSITORY], env={**self._env, **settings}, each_line=show)
            progress.detail = name


def pip_settings() -> dict[str, str]:
    """Environment variables that make pip in a build find packages as pip on this machine does."""
    files = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", Path.home() / ".config/pip/pip.conf"]
    if chosen := os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(chosen))
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read(files)
    found = {}
    for setting in _PIP_SETTINGS:
        variable = "PIP_" + setting.upper().replace("-", "_")
        value = os.environ.get(variable) or parsed.get("global", setting, fallback="")
        if value:
            found[variable] = value
    return found


def load(cluster: Cluster, names: Iterable[str]) -> None:
    """Bring into the cluster's node what it lacks. A tag names a content: one that is there need not be compared."""
    missing = sorted(set(names) - cluster.images())
    if missing:
        cluster.load(missing)
    else:
        say(f"{cluster.name} has all images")


def check_targets(targets: Iterable[str]) -> list[str]:
    chosen = list(targets) or TARGETS
    for target in chosen:
        if target not in [*TARGETS, *OPTIONAL]:
            raise Problem(f"there is no image {target}", f"choose from: {', '.join([*TARGETS, *OPTIONAL])}")
    return chosen
