"""The whole story in a few minutes: a prompt that leaks takes itself back, a good one is promoted. `make demo`."""

import argparse
import asyncio
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from screen import Screen
from traffic import Traffic, port_forward

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = "genaiops"
NAMESPACE = "genaiops-demo"
QUICKSTART = "examples/quickstart"
MODEL_SERVER = "localhost/genaiops/model-server:dev"
PATIENCE = 600.0
TOLERANCE = 10.0
"""Seconds that the app may be Degraded where that is not what the story is about."""

console = Console(highlight=False)


class DemoError(Exception):
    """The demo can't go on; the message says why and what to look at."""


# --- the cluster -------------------------------------------------------------------------------------------


def local_cluster() -> list[str]:
    """A kind cluster with the operator in it; gives the kubectl command for it."""
    run(["hack/kind/up", CLUSTER])
    exports = run(["hack/kind/cluster", "env", CLUSTER], capture=True)
    for line in exports.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        os.environ[name] = os.path.expandvars("".join(shlex.split(value)))
    return ["kubectl"]


def own_cluster(context: str, images: dict[str, str]) -> list[str]:
    """The user's own cluster, which pulls the images from where they were pushed."""
    console.print(f"using your kubeconfig context [bold]{escape(context)}[/], because CONTEXT names it")
    tools = run(["hack/kind/tools"], capture=True).splitlines()[-1]
    os.environ["PATH"] = f"{tools}:{os.environ['PATH']}"
    settings = [
        f"--set=images.{name}.reference={images[name]}" for name in ("operator", "runtime", "evaluator", "gateway")
    ]
    chart = ["helm", "upgrade", "--install", "genaiops", "charts/genaiops", f"--kube-context={context}"]
    run([*chart, "--namespace=genaiops-system", "--create-namespace", "--wait", "--timeout=5m", *settings])
    return ["kubectl", f"--context={context}"]


def run(command: list[str], *, capture: bool = False, stdin: str | None = None) -> str:
    """Run a command of ours in the checkout; what it prints is shown or returned. Raises DemoError."""
    done = subprocess.run(
        command, cwd=ROOT, text=True, check=False, input=stdin, stdout=subprocess.PIPE if capture else None
    )
    if done.returncode:
        raise DemoError(f"this command failed, see above: {shlex.join(command)}")
    return done.stdout or ""


# --- the story ---------------------------------------------------------------------------------------------


class Story:
    """The acts of the demo."""

    def __init__(self, kubectl: list[str], model_server: str, picture: Path | None) -> None:
        self._kubectl = kubectl
        self._picture = picture
        self._model_server = model_server
        self._traffic = Traffic()
        self._screen = Screen(console, self._traffic)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return run([*self._kubectl, "--namespace", NAMESPACE, *arguments], capture=True, stdin=stdin)

    def status(self) -> dict[str, Any]:
        app = json.loads(self.kubectl("get", "llmapp", "support", "--output=json"))
        status = app.get("status", {})
        if status.get("observedGeneration") != app["metadata"]["generation"]:
            return {**status, "phase": "Progressing"}
        return status

    async def until(self, what: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Show the app until it has come so far."""
        began = well_at = time.monotonic()
        with self._screen.live():
            while True:
                status = await asyncio.to_thread(self.status)
                await asyncio.to_thread(self._learn_prompts, status)
                self._screen.show(status)
                if reached(status):
                    return status
                if status.get("phase") != "Degraded":
                    well_at = time.monotonic()
                # What the app refers to may be applied a moment after it.
                if time.monotonic() - well_at > TOLERANCE:
                    raise DemoError(f"{what}: it did not come to that: {status['conditions'][0]['message']}")
                if time.monotonic() - began > PATIENCE:
                    raise DemoError(
                        f"{what}: not within {PATIENCE:.0f} s. Look at: kubectl describe llmapp support -n {NAMESPACE}"
                    )
                await asyncio.sleep(0.5)

    def _learn_prompts(self, status: dict[str, Any]) -> None:
        for release in (status.get("stableRelease"), status.get("candidateRelease")):
            if release and release not in self._screen.prompts:
                path = "jsonpath={.spec.source.promptVersion}"
                self._screen.prompts[release] = self.kubectl("get", "release", release, f"--output={path}")

    def act(self, title: str, command: str) -> None:
        console.print(f"\n[bold]{escape(title)}[/]")
        console.print(f"[dim]$ {escape(command)}[/]")

    async def tell(self) -> None:
        await asyncio.to_thread(self._begin)
        await self.until("v1 serves", lambda status: status.get("phase") == "Healthy")
        async with port_forward(self._kubectl, NAMESPACE, "support") as url:
            customers = asyncio.create_task(self._traffic.talk(url))
            try:
                await self._rollouts()
            finally:
                customers.cancel()
                await asyncio.gather(customers, return_exceptions=True)
        self._end()

    def _begin(self) -> None:
        self.act("1. An app with prompt v1", self._shown(f"apply -f {QUICKSTART}/"))
        namespace = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.kubectl("apply", "--filename=-", stdin=namespace)
        # A run before this one left its app where its story ended; this story begins at the beginning.
        self.kubectl("delete", "llmapp", "support", "--ignore-not-found", "--cascade=foreground", "--timeout=5m")
        manifests = "\n---\n".join(path.read_text() for path in sorted((ROOT / QUICKSTART).glob("*.yaml")))
        manifests = manifests.replace(MODEL_SERVER, self._model_server)
        self.kubectl("apply", "--filename=-", stdin=manifests)

    async def _rollouts(self) -> None:
        console.print("customers are asking now, through the app's gateway")
        await self.until("v1 answers", lambda _: sum(self._traffic.answered.values()) >= 20)
        await self._change("2. Prompt v2: it tells customers an employee's address", "v2")
        status = await self.until("v2 is taken back", lambda status: status.get("phase") == "Degraded")
        last = status["history"][-1]
        if self._picture:
            self._screen.save_picture(self._picture, status)
        console.print("[bold red]v2 took itself back[/]: all traffic is at v1 again. Why:")
        console.print(f"  {escape(last['message'])}")
        console.print(f"  what customers saw of it: {escape(self._traffic.sample.get(last['release'], '').strip())!r}")

        await self._change("3. Prompt v3: a good change", "v3")
        await self.until(
            "v3 is promoted",
            lambda status: (
                status.get("phase") == "Healthy" and self._screen.prompts.get(status.get("stableRelease", "")) == "v3"
            ),
        )
        console.print("[bold green]v3 is promoted[/]: it has all the traffic.")

    async def _change(self, title: str, version: str) -> None:
        patch = json.dumps({"spec": {"prompt": {"version": version}}})
        self.act(title, self._shown(f"patch llmapp support --type merge -p '{patch}'"))
        await asyncio.to_thread(self.kubectl, "patch", "llmapp", "support", "--type=merge", f"--patch={patch}")

    def _end(self) -> None:
        total = sum(self._traffic.answered.values())
        console.print(f"\n{total} answers, {self._traffic.failed} failed requests.")
        for failure in self._traffic.failures[:5]:
            console.print(f"  {escape(failure)}")
        console.print("\n[bold]What to try next[/] (the cluster keeps running; `make clean-cluster` removes it)")
        if self._kubectl == ["kubectl"]:
            console.print(f'  eval "$(hack/kind/cluster env {CLUSTER})"   # kubectl for this cluster', markup=False)
        for command in (
            "get llmapps,releases",
            "describe llmapp support",
            "get releases -o wide",
            "edit prompt support          # add a version v4, then point the app at it:",
            """patch llmapp support --type merge -p '{"spec":{"prompt":{"version":"v4"}}}'""",
            "get llmapp support --watch",
            "port-forward service/support 8000:80",
        ):
            console.print(f"  {self._shown(command)}", markup=False, soft_wrap=True)
        console.print(
            "  curl localhost:8000/v1/chat/completions -H 'content-type: application/json' \\\n"
            """    -d '{"messages":[{"role":"user","content":"Where is my order?"}]}'""",
            markup=False,
            soft_wrap=True,
        )

    def _shown(self, command: str) -> str:
        """A kubectl command as a person has to type it: on this cluster, whatever their current context is."""
        return f"{shlex.join(self._kubectl)} -n {NAMESPACE} {command}"


def main() -> int:
    """Entry point; the exit code is 0 when the story went as told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--context", help="a kubeconfig context of your own, instead of a local kind cluster")
    parser.add_argument(
        "--image-prefix", help="with --context: where the images are pushed to and pulled from: registry/folder"
    )
    parser.add_argument("--picture", type=Path, help="save an SVG of the rollback: the picture in the README")
    given = parser.parse_args()
    if given.context and not given.image_prefix:
        parser.error("--context needs --image-prefix (make demo CONTEXT=... IMAGE_PREFIX=registry/folder)")
    try:
        if given.context:
            images = json.loads(run(["hack/kind/images", "--json", "--push", given.image_prefix], capture=True))
            story = Story(own_cluster(given.context, images), images["model-server"], given.picture)
        else:
            story = Story(local_cluster(), MODEL_SERVER, given.picture)
        asyncio.run(story.tell())
    except DemoError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped; the cluster keeps running")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
