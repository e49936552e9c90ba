"""Fixtures of the tests that break things: a control plane as in tests/cluster, and a scene on it."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from kubernetes import client

sys.path.insert(0, str(Path(__file__).parents[1] / "cluster"))

from controlplane import ControlPlane, built_tools
from scene import Scene, a_scene


@pytest.fixture(scope="session")
def controlplane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the CRDs: one for all tests of a pytest-xdist worker."""
    with ControlPlane(tmp_path_factory.mktemp("controlplane"), built_tools()) as running:
        yield running


@pytest.fixture(scope="session")
def admin(controlplane: ControlPlane) -> Iterator[client.ApiClient]:
    """The administrator's client."""
    with controlplane.client() as api:
        yield api


@pytest.fixture
async def scene(controlplane: ControlPlane, admin: client.ApiClient, tmp_path: Path) -> AsyncIterator[Scene]:
    """A namespace with an operator whose API server has faults, when the test says so."""
    async with a_scene(controlplane, admin, tmp_path) as scene:
        yield scene
