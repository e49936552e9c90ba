"""The programs that a cluster is made of, built from Go modules: `hack/kind/tools` and whoever needs them.

go/tools/go.mod lists them in a `tool` block: the versions, with the checksums in go.sum, are the whole recipe.
"""

import re
import shutil
from pathlib import Path

from . import cache, golang
from .console import say, step
from .shell import answer, run

_MODULE = Path(__file__).parent.parent / "go" / "tools"

# What `go build` names after the module's last folder, and what everybody calls it.
_RENAMED = {"server": "etcd"}


def kubernetes_version() -> str:
    """The version of Kubernetes in go.mod, as "v1.34.4"."""
    return module_version("k8s.io/kubernetes")


def module_version(module: str) -> str:
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", (_MODULE / "go.mod").read_text(), re.MULTILINE)
    assert found, f"go.mod does not require {module}"
    return found[1]


def link_flags(version: str) -> str:
    """Kubernetes' programs know their version only from the linker; unset, kubeadm takes itself for v0.0.0."""
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        # Part of the cache's key by way of these flags: a real date would make every build another one.
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())])


def cache_key() -> str:
    flags = (link_flags(kubernetes_version()), golang.SETTINGS["GOFLAGS"])
    return cache.key(_MODULE / "go.mod", _MODULE / "go.sum", *flags)


def ensure() -> Path:
    """The folder of the built programs; builds them (7 minutes on 2 cores) if there are none for this go.mod.

    Beside it, `kind-base/` has the files that kind's node image is made with, from kind's own Go module.
    """
    entry = cache.root() / "tools" / cache_key()
    if not entry.exists():
        with cache.lock("tools"):
            if not entry.exists():
                with cache.complete_or_absent(entry) as unfinished:
                    _build(unfinished)
                shutil.rmtree(_work_folder())
                cache.keep_newest(entry.parent, "*", entry)
    return entry / "bin"


def _work_folder() -> Path:
    """Go's module and build caches, 10 GB: kept while a build is unfinished, so that the next try goes on there."""
    return cache.root() / "tools-work"


def _build(entry: Path) -> None:
    cache.require_free_space(14, "building the Kubernetes tools (most of it is freed afterwards)")
    go = golang.ensure(at_least=golang.required_by(_MODULE / "go.mod"))
    work = _work_folder()
    binaries = entry / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    env = {
        **golang.SETTINGS,
        "GOMODCACHE": str(work / "modules"),
        "GOCACHE": str(work / "build"),
        "GOTMPDIR": str(work / "tmp"),
    }
    say(f"Kubernetes {kubernetes_version()} tools are built from source once, then cached in {entry.parent}")
    with step("Downloading Go modules"):
        run([go, "mod", "download"], env=env, cwd=_MODULE)
    with step("Building Kubernetes, etcd, CoreDNS, Helm and kind") as progress:
        compiled = 0

        def count(_package: str) -> None:
            nonlocal compiled
            compiled += 1
            progress.detail = f"{compiled} packages"

        flags = ["-v", "-p", golang.parallelism(), "-ldflags", link_flags(kubernetes_version())]
        run([go, "build", *flags, "-o", f"{binaries}/", "tool"], env=env, cwd=_MODULE, each_line=count)
    for built, name in _RENAMED.items():
        (binaries / built).rename(binaries / name)
    kind_source = Path(answer([go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind"], env=env, cwd=_MODULE))
    shutil.copytree(kind_source / "images" / "base" / "files", entry / "kind-base", dirs_exist_ok=True)
