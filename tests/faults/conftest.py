"""Fixtures of the tests that break things: a control plane as in tests/cluster, and a scene on it."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kubernetes import client

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))

from controlplane import ControlPlane
from fixtures import admin as admin
from fixtures import controlplane as controlplane
from scene import Scene, a_scene


@pytest.fixture
async def scene(controlplane: ControlPlane, admin: client.ApiClient, tmp_path: Path) -> AsyncIterator[Scene]:
    """A namespace with an operator whose API server has faults, when the test says so."""
    async with a_scene(controlplane, admin, tmp_path) as scene:
        yield scene
