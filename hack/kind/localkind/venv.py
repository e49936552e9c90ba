"""Virtual environments in the cache, one for each set of pinned requirements."""

import importlib.util
import shutil
import sys
from pathlib import Path

from . import cache, debian
from .console import step
from .problem import Problem
from .shell import run

_OLDEST_PYTHON = (3, 11)


def ensure(requirements: Path) -> Path:
    """The python of a virtual environment that holds exactly these pinned requirements."""
    if sys.version_info < _OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise Problem(f"Python 3.11 or newer is needed; this is {found}", "run make with PYTHON=python3.11")
    name = requirements.stem
    entry = cache.root() / "venvs" / f"{name}-{cache.key(requirements, sys.version, sys.executable)}"
    python = entry / "bin" / "python"
    # A virtual environment has its own path inside and can't be renamed into place: a marker says it is complete.
    complete = entry / "complete"
    if complete.exists():
        return python
    with cache.lock(f"venv-{name}"):
        if not complete.exists():
            _make(entry, requirements)
            complete.touch()
            # More than one, since another checkout's session may work with an older one right now.
            cache.keep_newest(entry.parent, f"{name}-*", entry, count=3)
    return python


def _make(entry: Path, requirements: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        # Debian's python3 comes without it.
        debian.require({"python3-venv": ensurepip_of_debian()}, "virtual environments")
    shutil.rmtree(entry, ignore_errors=True)
    with step(f"Making the Python environment for {requirements.name}"):
        run([sys.executable, "-m", "venv", entry])
        run(
            [
                *(entry / "bin" / "python", "-m", "pip", "install"),
                # The file lists all that is needed, and leaves out what a package asks for and never imports here.
                *("--no-deps", "--require-hashes", "--requirement", requirements),
            ],
            env={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
        )


def ensurepip_of_debian() -> str:
    """Where Debian's package puts the module for this version of Python."""
    return f"/usr/lib/python{sys.version_info.major}.{sys.version_info.minor}/ensurepip/__init__.py"
