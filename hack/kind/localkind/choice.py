"""The rule that says which Docker engine and node image a cluster is made with."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from .console import step
from .shell import CommandFailed, run, succeeds

# What kind v0.30.0 uses by itself; named so that any newer kind on a user's PATH makes the same cluster.
STOCK_NODE_IMAGE = "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"


@dataclass(frozen=True)
class Choice:
    """`local` means our own engine and our own node image; else the machine's engine and kind's image."""

    local: bool
    reason: str


def choose(engine_answers: bool, image_present: bool, pull: Callable[[], bool]) -> Choice:
    """A running engine that has or can pull kind's node image is used as it is; anything else is made here."""
    if not engine_answers:
        return Choice(True, "no Docker engine answers here")
    if image_present:
        return Choice(False, "a Docker engine runs and has kind's node image")
    if pull():
        return Choice(False, "a Docker engine runs and can pull kind's node image")
    return Choice(True, "a Docker engine runs, but it can't pull kind's node image")


def for_this_machine(own_address: str) -> Choice:
    """Ask the engine that the user's environment leads to, if that is not our own one (`own_address`)."""
    users = os.environ.get("DOCKER_HOST") != own_address and shutil.which("docker") is not None
    answers = users and succeeds(["docker", "version"])
    present = answers and succeeds(["docker", "image", "inspect", STOCK_NODE_IMAGE])
    return choose(answers, present, _pull_stock_image)


def _pull_stock_image() -> bool:
    with step("Pulling kind's node image") as progress:
        try:
            run(["docker", "pull", STOCK_NODE_IMAGE])
        except CommandFailed:
            progress.detail = "not to be had"
            return False
        return True
