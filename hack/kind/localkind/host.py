"""What this machine is and allows: asked before anything is changed on it."""

import os
import shutil
from pathlib import Path

from .problem import Problem

# Linux' number of the capability to exceed resource limits and to lower OOM scores.
CAP_SYS_RESOURCE = 24


def is_linux() -> bool:
    return os.uname().sysname == "Linux"


def require_commands(*names: str) -> None:
    """For a laptop without Linux, where a cluster's tools are not built but brought along."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        raise Problem(f"not found on PATH: {', '.join(missing)}", "install them, for example with Homebrew")


def require_linux_root(purpose: str) -> None:
    if not is_linux():
        raise Problem(
            f"{purpose} works on Linux only; this is {os.uname().sysname}",
            "start Docker (Desktop) and run this again: then kind's own image is used",
        )
    if os.geteuid() != 0:
        raise Problem(
            f"{purpose} needs root",
            "start a Docker engine that you may use, or run this as root, "
            "or name a cluster that you have: make demo CONTEXT=...",
        )


def has_capability(number: int, status: Path = Path("/proc/self/status")) -> bool:
    """Whether this process has a capability: root in a sandbox may lack some."""
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def require_overlay_file_system() -> None:
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        raise Problem(
            "this kernel has no overlay file system, which containers need",
            "load it (modprobe overlay) or use a machine whose kernel has it",
        )
