"""Two small Go programs of our own that a node image and an engine need: pause and runc-within-limits."""

import shutil
from pathlib import Path

from . import cache, golang
from .console import step
from .shell import run

_SOURCE = Path(__file__).parent.parent / "go" / "programs"


def ensure() -> Path:
    """The folder of the built programs."""
    entry = cache.root() / "programs" / cache_key()
    if not entry.exists():
        with cache.lock("programs"):
            if not entry.exists():
                with cache.complete_or_absent(entry) as unfinished:
                    _build(unfinished)
                cache.keep_newest(entry.parent, "*", entry)
    return entry


def cache_key() -> str:
    return cache.key(_SOURCE, golang.SETTINGS["GOFLAGS"])


def _build(target: Path) -> None:
    target.mkdir(exist_ok=True)
    go = golang.ensure(at_least=golang.required_by(_SOURCE / "go.mod"))
    work = cache.root() / "programs" / "work.unfinished"
    env = {**golang.SETTINGS, "GOCACHE": str(work), "GOMODCACHE": str(work / "modules")}
    with step("Building pause and runc-within-limits"):
        run([go, "build", "-ldflags", "-s -w", "-o", f"{target}/", "./..."], env=env, cwd=_SOURCE)
    shutil.rmtree(work)
