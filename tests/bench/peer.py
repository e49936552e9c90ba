"""Argo Rollouts, built from its Go module once and kept in the cache: the peer of bench_operator.py."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from localkind import cache, golang
from localkind.console import say, step
from localkind.problem import Problem
from localkind.shell import answer, run

MODULE = "github.com/argoproj/argo-rollouts"
VERSION = "v1.9.0"
CHECKSUM = "h1:bXgBpwCByXyAUcgBnyP0fxkSW2CEot78InTFjFlag5g="
"""Of the module, as it stands in a go.sum; the module's own go.sum has those of what it is made of."""


@dataclass(frozen=True)
class Peer:
    """What the benchmark needs of it."""

    program: Path
    definitions: Path
    """Folder of its CRDs."""


def ensure() -> Peer:
    """Build it (3 minutes on 2 cores) if there is none in the cache."""
    entry = cache.root() / "bench-peer" / cache.key(MODULE, VERSION, CHECKSUM, golang.SETTINGS["GOFLAGS"])
    if not entry.exists():
        with cache.lock("bench-peer"):
            if not entry.exists():
                with cache.complete_or_absent(entry) as unfinished:
                    _build(unfinished)
    return Peer(entry / "rollouts-controller", entry / "crds")


def _build(entry: Path) -> None:
    cache.require_free_space(8, "building Argo Rollouts (most of it is freed afterwards)")
    work = cache.root() / "bench-peer-work"
    entry.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    env = {**golang.SETTINGS, "GOMODCACHE": str(work / "modules"), "GOCACHE": str(work / "build")}
    go = golang.ensure(at_least="1.24.9")
    with step(f"Downloading {MODULE} {VERSION}"):
        module = json.loads(answer([go, "mod", "download", "-json", f"{MODULE}@{VERSION}"], env=env, cwd=work))
    if module["Sum"] != CHECKSUM:
        raise Problem(f"{MODULE} {VERSION} is not what it was: its checksum is {module['Sum']}, not {CHECKSUM}")
    source = Path(module["Dir"])
    say(f"  {source.name} is built from source once, then cached in {entry.parent}")
    with step("Building Argo Rollouts"):
        flags = ["-ldflags", f"-s -w -X {MODULE}/utils/version.version={VERSION}"]
        run(
            [go, "build", *flags, "-o", entry / "rollouts-controller", "./cmd/rollouts-controller"], env=env, cwd=source
        )
    shutil.copytree(source / "manifests" / "crds", entry / "crds", ignore=shutil.ignore_patterns("kustomization.yaml"))
    for folder in (work / "modules", work / "build"):
        shutil.rmtree(folder)
    work.rmdir()
