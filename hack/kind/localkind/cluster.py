"""kind clusters by name: up, down, images in."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from . import cache, choice, host, nodeimage, toolset
from .console import say, step
from .engine import Engine
from .problem import Problem
from .shell import CommandFailed, answer, pipe, run, succeeds

_READY_PATIENCE = "180s"
_RESTART_PATIENCE = "90s"


@dataclass(frozen=True)
class Record:
    """What a cluster was made with; written when it is up."""

    local: bool
    image: str
    config: str


class Cluster:
    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = cache.root() / "clusters" / name
        self.kubeconfig = self.folder / "kubeconfig"
        self._record = self.folder / "made-with.json"
        self._engine = Engine()

    @property
    def node(self) -> str:
        """The name of the one node's container."""
        return f"{self.name}-control-plane"

    def record(self) -> Record | None:
        """None for a cluster that does not exist, or that was interrupted while it was made."""
        if not self._record.exists():
            return None
        return Record(**json.loads(self._record.read_text()))

    def environment(self, local: bool) -> dict[str, str]:
        """For kind, docker and kubectl: the right engine, our tools first on PATH."""
        env = self._engine.environment() if local else {"PATH": os.environ["PATH"]}
        if host.is_linux():
            env["PATH"] = f"{toolset.ensure()}:{env['PATH']}"
        else:
            host.require_commands("kind", "kubectl", "helm")
        env["KUBECONFIG"] = str(self.kubeconfig)
        env["KIND_EXPERIMENTAL_PROVIDER"] = "docker"
        return env

    def existing_environment(self) -> dict[str, str]:
        record = self.record()
        if record is None:
            raise Problem(f"there is no cluster {self.name}", f"make it: hack/kind/cluster up {self.name}")
        return self.environment(record.local)

    def up(self, config: Path) -> None:
        """Make the cluster, start it again, or see that it is up: afterwards its node and DNS are ready."""
        with cache.lock(f"cluster-{self.name}"):
            record = self.record()
            if record is not None:
                self._revive(record, config)
            if self.record() is None:
                self._create(config)

    def _revive(self, record: Record, config: Path) -> None:
        """Bring an existing cluster back after whatever happened to it; forget it if it is gone or broken."""
        if record.local:
            self._engine.ensure_programs()
            self._engine.ensure_running()
        env = self.environment(record.local)
        state = self._node_state(env)
        if state == "running" and self._ready(env):
            say(f"cluster {self.name} is up (kubeconfig: {self.kubeconfig})")
        elif state == "absent" or not self._restart(state, env):
            say(f"cluster {self.name} is gone or broken: it is made again")
            self._delete(env)
            return
        if record.config != cache.key(config):
            say(f"note: cluster {self.name} was made from another {config.name}; `make clean-cluster` renews it")

    def _restart(self, state: str, env: dict[str, str]) -> bool:
        with step(f"Starting cluster {self.name} again (its node was {state})") as progress:
            try:
                if state == "running":
                    # Up, but not ready: give it the time that a restart takes before giving it up.
                    self._wait_until_ready(env, _RESTART_PATIENCE)
                else:
                    run(["docker", "start", self.node], env=env)
                    self._wait_until_ready(env, _READY_PATIENCE)
            except CommandFailed as failure:
                progress.detail = failure.output.strip().splitlines()[-1] if failure.output.strip() else "failed"
                return False
            return True

    def _create(self, config: Path) -> None:
        chosen = choice.for_this_machine(self._engine.address)
        say(f"cluster {self.name}: {_described(chosen)}")
        image = choice.STOCK_NODE_IMAGE
        if chosen.local:
            toolset.ensure()
            self._engine.ensure_programs()
            self._engine.ensure_running()
            image = nodeimage.ensure(self._engine)
        env = self.environment(chosen.local)
        if self._node_state(env) != "absent":
            self._delete(env)  # left by an interrupted run
        self.folder.mkdir(parents=True, exist_ok=True)
        with step(f"Creating cluster {self.name}"):
            command = ["kind", "create", "cluster", f"--name={self.name}", f"--config={config}", f"--image={image}"]
            run([*command, f"--kubeconfig={self.kubeconfig}", f"--wait={_READY_PATIENCE}"], env=env)
            self._wait_until_ready(env, _READY_PATIENCE)
        record = Record(local=chosen.local, image=image, config=cache.key(config))
        self._record.write_text(json.dumps(asdict(record)))

    def _node_state(self, env: dict[str, str]) -> str:
        """Docker's word for the node's container (running, exited, ...), or "absent"."""
        command = ["docker", "ps", "--all", f"--filter=name=^{self.node}$", "--format={{.State}}"]
        return answer(command, env=env) or "absent"

    def _ready(self, env: dict[str, str]) -> bool:
        return self.kubeconfig.exists() and succeeds(
            ["kubectl", "wait", "node", "--all", "--for=condition=Ready", "--timeout=1s"], env=env
        )

    def _wait_until_ready(self, env: dict[str, str], patience: str) -> None:
        # The API server of a node that starts again refuses connections for some seconds, which ends kubectl's wait.
        deadline = ["timeout", patience, "sh", "-c"]
        run([*deadline, "until kubectl get --raw /readyz >/dev/null; do sleep 0.5; done"], env=env)
        run(["kubectl", "wait", "node", "--all", "--for=condition=Ready", f"--timeout={patience}"], env=env)
        # Without a default service account no pod is admitted, without DNS none finds another.
        account = "until kubectl get serviceaccount default >/dev/null; do sleep 0.2; done"
        run([*deadline, account], env=env)
        dns = ["kubectl", "--namespace=kube-system", "rollout", "status", "deployment/coredns"]
        run([*dns, f"--timeout={patience}"], env=env)

    def down(self) -> None:
        """Remove the cluster and all that was made for it; the engine stays for other clusters."""
        with cache.lock(f"cluster-{self.name}"):
            record = self.record()
            local = record.local if record else choice_is_local(self._engine)
            if local and not self._engine.run_folder.exists():
                self._forget()  # the engine was stopped for good, and its clusters with it
                return
            if local:
                self._engine.ensure_running()
            with step(f"Removing cluster {self.name}"):
                self._delete(self.environment(local))

    def _delete(self, env: dict[str, str]) -> None:
        run(["kind", "delete", "cluster", "--name", self.name, "--kubeconfig", self.kubeconfig], env=env)
        self._forget()

    def _forget(self) -> None:
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def images(self) -> set[str]:
        """The names of the images that the node has."""
        command = ["docker", "exec", self.node, "ctr", "--namespace=k8s.io", "images", "list", "--quiet"]
        return set(answer(command, env=self.existing_environment()).split())

    def load(self, images: list[str]) -> None:
        """Bring images from the engine into the node.

        What `kind load docker-image` does, without writing everything to a temporary file first: half the time.
        """
        store = ["ctr", "--namespace=k8s.io", "images", "import", "--snapshotter=overlayfs", "-"]
        with cache.lock(f"cluster-{self.name}"), step(f"Loading {len(images)} image(s) into {self.name}"):
            pipe(
                ["docker", "save", *images],
                ["docker", "exec", "--interactive", self.node, *store],
                env=self.existing_environment(),
            )

    def tag(self, image: str, alias: str) -> None:
        """Give an image of the node another name."""
        command = ["ctr", "--namespace=k8s.io", "images", "tag", "--force", image, alias]
        answer(["docker", "exec", self.node, *command], env=self.existing_environment())


def existing() -> Iterator[Cluster]:
    """The clusters that were made from this cache folder."""
    with contextlib.suppress(FileNotFoundError):
        for folder in sorted((cache.root() / "clusters").iterdir()):
            yield Cluster(folder.name)


def down_all() -> None:
    """Remove every cluster and our engine, and put the host back as it was."""
    engine = Engine()
    for cluster in existing():
        cluster.down()
    engine.stop()


def choice_is_local(engine: Engine) -> bool:
    """For a cluster without a record: our engine if there is one, else the machine's."""
    return engine.run_folder.exists()


def _described(chosen: choice.Choice) -> str:
    if chosen.local:
        return f"a Docker engine and a node image made here, since {chosen.reason}"
    return f"this machine's Docker engine and {choice.STOCK_NODE_IMAGE.split('@')[0]}, since {chosen.reason}"
