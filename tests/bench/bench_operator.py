"""What the operator costs: latency, memory and processor time with a thousand apps, beside Argo Rollouts in one run.

    PYTHONPATH=operator:tests/cluster:hack/kind python tests/bench/bench_operator.py [--apps 1000] [--only NAME]

A real kube-apiserver with etcd, without the controllers that would make pods. Every latency is the difference of two
times in the API server's audit log: from the answer to the write that asks for something to the answer to the write
that makes it. Everything shares this machine: API server, etcd, the contestant and this load generator.
"""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import peer
from audit_log import AuditLog
from contestants import NAMESPACE, Contestant, argo_rollouts, ours
from controlplane import ControlPlane, Write, built_tools
from figures import Figures, percentiles, print_table
from idle_pods import IdlePods
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from genaiops.controller.cluster import MERGE, Cluster, connect

IN_FLIGHT = 32
"""Requests of the load generator at a time."""
REST_SECONDS = 30
CHANGES = 100
RECONCILES = 300
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


class Bench:
    """One contestant on the stage."""

    def __init__(self, contestant: Contestant, process: subprocess.Popen[bytes], cluster: Cluster, log: AuditLog):
        self.contestant = contestant
        self.process = process
        self.cluster = cluster
        self.log = log
        self.figures = Figures()

    async def create(self, names: list[str]) -> list[Write]:
        """Make objects all at once, wait for their children; the writes that made these."""
        one = self.contestant
        bodies = [one.manifest(name) for name in names]
        self.log.read()
        made = asyncio.create_task(
            in_parallel(lambda body: self.cluster.request("POST", one.collection, body=body), bodies)
        )
        children = await self.log.until("children", one.is_child, len(names))
        await made
        return children

    async def burst(self, names: list[str]) -> list[Write]:
        children = await self.create(names)
        asked = {
            write.name: write.at
            for write in self.log.writes
            if (write.verb, write.resource) == ("create", self.contestant.resource)
        }
        self.figures.burst = [seconds(asked[_parent(child)], child.at) for child in children]
        tell(f"{len(names)} at once: p50 / p95 {percentiles(self.figures.burst, '{:.1f}')} s")
        return children

    async def change(self, names: Iterable[str]) -> None:
        """Change one after the other."""
        one = self.contestant
        for name in names:
            await self.log.silent(one.user, seconds=0.3)
            await self.cluster.request("PATCH", f"{one.collection}/{name}", body=one.change, content_type=MERGE)
            (child,) = await self.log.until(f"new child of {name}", one.is_child, 1, within=30)
            asked = max(
                write.at
                for write in self.log.writes
                if (write.name, write.resource) == (name, one.resource) and write.user != one.user
            )
            self.figures.change.append(seconds(asked, child.at))
        tell(f"{len(self.figures.change)} changes: p50 / p95 {percentiles(self.figures.change, '{:.3f}')} s")

    async def rest(self) -> None:
        """Watch it while nothing happens."""
        await self.log.silent(self.contestant.user)
        before = self.processor_seconds()
        await asyncio.sleep(REST_SECONDS)
        self.figures.idle_percent = 100 * (self.processor_seconds() - before) / REST_SECONDS
        written = [write for write in self.log.read() if write.user == self.contestant.user]
        self.figures.idle_writes = sum(write.resource != "leases" for write in written)
        self.figures.megabytes = self.megabytes()
        tell(f"at rest: {self.figures.megabytes:.0f} MB, {self.figures.idle_percent:.2f} % of a core")

    async def reconcile(self, names: list[str]) -> None:
        """Have objects looked at again, at an even pace, where nothing is to be done."""
        await self.log.silent(self.contestant.user)
        seconds_before, count_before = self.processor_seconds(), self.reconciles()
        for turn in range(RECONCILES):
            path = f"{self.contestant.collection}/{names[turn % len(names)]}"
            touch = {"metadata": {"labels": {"touched": str(turn)}}}
            await self.cluster.request("PATCH", path, body=touch, content_type=MERGE)
            await asyncio.sleep(0.02)
        await self.log.silent(self.contestant.user, seconds=1)
        count = self.reconciles() - count_before
        milliseconds = 1000 * (self.processor_seconds() - seconds_before) / count
        self.figures.reconcile_milliseconds[len(names)] = milliseconds
        tell(f"a reconcile of {len(names)} apps: {milliseconds:.1f} ms of processor")

    def reconciles(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.contestant.port}/metrics") as answer:
            text = answer.read().decode()
        found = re.search(r'^genaiops_reconcile_seconds_count\{kind="LLMApp"\} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def megabytes(self) -> float:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE / 1e6

    def processor_seconds(self) -> float:
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICK


def tell(what: str) -> None:
    """Say how far it is: a run takes minutes."""
    print(f"{datetime.now():%H:%M:%S} {what}", file=sys.stderr, flush=True)  # noqa: T201


async def in_parallel(call: Callable[..., Awaitable[object]], items: Iterable[object]) -> None:
    """Call it for each item, a few at a time."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(item: object) -> None:
        async with slots:
            await call(item)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))


def seconds(before: datetime, after: datetime) -> float:
    return (after - before).total_seconds()


def _parent(child: Write) -> str:
    return child.name.rpartition("-")[0]


# --- the two programmes ---------------------------------------------------------------------------------------


async def measure_ours(bench: Bench, apps: int) -> None:
    """A few apps, a hundred, and then so many more at once."""
    pods = IdlePods(bench.cluster)
    names: list[str] = []
    try:
        for size in (10, 100):
            few = [f"app-{number:04}" for number in range(len(names), size)]
            await serve(bench, pods, await bench.create(few))
            names += few
            await bench.reconcile(names)
        many = [f"app-{number:04}" for number in range(len(names), len(names) + apps)]
        await serve(bench, pods, await bench.burst(many))
        names += many
        await bench.rest()
        await bench.reconcile(names)
        await bench.change(names[:: len(names) // CHANGES][:CHANGES])
    finally:
        await pods.close()


async def serve(bench: Bench, pods: IdlePods, children: list[Write]) -> None:
    """Give apps their pods, and wait until they are healthy and left alone."""
    await in_parallel(lambda child: pods.make(_parent(child), child.name), children)
    deadline = time.monotonic() + 300
    while True:
        await bench.log.silent(bench.contestant.user)
        listed = json.loads(await bench.cluster.request("GET", bench.contestant.collection))["items"]
        restless = [item for item in listed if item.get("status", {}).get("phase") != "Healthy"]
        if not restless:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(restless)} apps are not healthy; one says: {restless[0]['status']}")


async def measure_argo(bench: Bench, apps: int) -> None:
    """So many Rollouts at once; they have no pods, and rest at once."""
    names = [f"rollout-{number:04}" for number in range(apps)]
    await bench.burst(names)
    await bench.rest()
    await bench.change(names[:: len(names) // CHANGES][:CHANGES])


# --- the stage ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def on_stage(contestant: Contestant, controlplane: ControlPlane, folder: Path) -> AsyncIterator[Bench]:
    """The contestant as a process that has come up, and a client for the load."""
    log = AuditLog(controlplane.audit_log)
    output = folder / f"{contestant.user}.log"
    process = contestant.start(controlplane, output)
    try:
        await healthy(contestant, process, output)
        tell(f"{contestant.title} is up, process {process.pid}")
        configuration = Configuration()
        await config.load_kube_config(str(controlplane.kubeconfig), client_configuration=configuration)
        async with connect(configuration) as client:
            yield Bench(contestant, process, Cluster(client), log)
    except Exception as error:
        error.add_note(f"The end of the log of {contestant.title}:\n{output.read_text()[-4000:]}")
        raise
    finally:
        process.terminate()
        process.wait(30)


async def healthy(contestant: Contestant, process: subprocess.Popen[bytes], output: Path) -> None:
    """Wait until it says that it works."""
    deadline = time.monotonic() + 60
    while not await asyncio.to_thread(answers, f"http://127.0.0.1:{contestant.port}{contestant.health}"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{contestant.title} does not come up: {await asyncio.to_thread(output.read_text)}")
        await asyncio.sleep(0.2)


async def unless_it_ends(bench: Bench, measuring: Coroutine[None, None, None]) -> None:
    """Measure. Raises RuntimeError where the process ends, as it does when the machine is too busy for its lease."""
    task = asyncio.create_task(measuring)
    while not task.done():
        await asyncio.wait({task}, timeout=1)
        if bench.process.poll() is not None and not task.done():
            task.cancel()
            raise RuntimeError(f"{bench.contestant.title} ended with code {bench.process.returncode}")
    await task


def answers(url: str) -> bool:
    """Whether there is an answer, and a good one."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def prepare(controlplane: ControlPlane, rollouts: peer.Peer | None) -> None:
    """Namespace, Model and Prompt; Argo's CRDs."""
    controlplane.kubectl("create", "namespace", NAMESPACE)
    if rollouts:
        controlplane.kubectl("apply", "--server-side", "-f", str(rollouts.definitions))
    message = {"role": "system", "content": "You are the support agent of {{ company }}. " + "Be helpful. " * 50}
    variables = [{"name": "company", "default": "Contoso"}]
    versions = [{"name": f"v{n}", "variables": variables, "messages": [message]} for n in (1, 2)]
    versions[1] = {**versions[1], "messages": [{**message, "content": message["content"] + "Be brief."}]}
    for kind, name, spec in (
        ("Model", "llm", {"model": "m", "endpoint": "http://llm:8080/v1"}),
        ("Prompt", "support", {"versions": versions}),
    ):
        manifest = {"apiVersion": "genaiops.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        controlplane.kubectl("-n", NAMESPACE, "apply", "-f", "-", stdin=json.dumps(manifest))


async def run(apps: int, only: str | None) -> None:
    rollouts = peer.ensure() if only != "ours" else None
    measured: dict[str, Figures] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        ControlPlane(Path(folder), built_tools(), controllers=("serviceaccount-controller",)) as controlplane,
    ):
        prepare(controlplane, rollouts)
        if only != "argo":
            async with on_stage(ours(), controlplane, Path(folder)) as bench:
                await unless_it_ends(bench, measure_ours(bench, apps))
            measured[bench.contestant.title] = bench.figures
        if rollouts:
            async with on_stage(argo_rollouts(rollouts), controlplane, Path(folder)) as bench:
                await unless_it_ends(bench, measure_argo(bench, apps))
            measured[bench.contestant.title] = bench.figures
    print_table(measured, apps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--apps", type=int, default=1000, help="objects of the burst, from 100")
    parser.add_argument("--only", choices=("ours", "argo"), help="measure one of them alone")
    given = parser.parse_args()
    asyncio.run(run(given.apps, given.only))


if __name__ == "__main__":
    main()
