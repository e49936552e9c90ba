"""The base of the project's images where no registry is: a minimal Debian with Python, from this machine's mirror."""

import shutil
import tempfile
from pathlib import Path

from . import cache, debian
from .console import step
from .engine import Engine
from .shell import run, succeeds

# What the official python:3.11-slim-bookworm has and a bare Debian has not, as far as the Dockerfile relies on it;
# and libgomp, which the model server's stage would otherwise install.
_PACKAGES = ["ca-certificates", "python3", "python3-pip", "libgomp1"]
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def ensure(engine: Engine) -> str:
    """The name of the base image, present in our engine."""
    name = f"localhost/genaiops/base:{cache.key(_CERTIFICATES, *_PACKAGES)}"
    if not succeeds(["docker", "image", "inspect", name], env=engine.environment()):
        archive = debian.root_file_system("base", _PACKAGES)
        with cache.lock("base-image"), step("Loading the base image into the Docker engine"):
            run(["docker", "import", archive, f"{name}-debian"], env=engine.environment())
            _add_certificates(f"{name}-debian", name, engine)
    return name


def _add_certificates(bare: str, name: str, engine: Engine) -> None:
    """This machine's certificates: a proxy between it and the package index may have one of its own."""
    with tempfile.TemporaryDirectory() as context:
        shutil.copy(_CERTIFICATES, f"{context}/certificates")
        Path(context, "Dockerfile").write_text(f"FROM {bare}\nCOPY certificates {_CERTIFICATES}\n")
        run(["docker", "build", "--quiet", "--tag", name, context], env=engine.environment())
